/** The port for other nodes: who has the cluster's key is taken, a stranger gets nothing, and neither ends the listener. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, test } from "node:test";
import WebSocket from "ws";
import { PeerListener } from "../../src/worker/peer-listener.js";
import { PEER_ROUTE, type PeerEnd } from "../../src/worker/peer-wire.js";
import { freeRow } from "../chaos/ports.js";

const HOST = "127.0.0.1";
const listeners: PeerListener[] = [];
after(() => {
  for (const listener of listeners) listener.close();
});

async function listening(): Promise<{ readonly url: string; readonly refusals: string[]; readonly opened: PeerEnd[] }> {
  const refusals: string[] = [];
  const opened: PeerEnd[] = [];
  const listener = new PeerListener({
    self: { cluster: "c", node: "n", worker: 0, key: "a-key-of-sixteen-and-more" },
    events: { opened: (end) => void opened.push(end), received: () => undefined, lost: () => undefined },
    refused: (address, why) => void refusals.push(`${address}: ${why}`),
  });
  const port = await freeRow(HOST, 1);
  listener.listen(HOST, port);
  listeners.push(listener);
  return { url: `ws://${HOST}:${port}${PEER_ROUTE}`, refusals, opened };
}

test("a stranger is closed with a reason, is told of once, and the listener lives", async () => {
  const { url, refusals, opened } = await listening();
  for (let stranger = 0; stranger < 3; stranger++) {
    const socket = new WebSocket(url);
    await once(socket, "open");
    socket.send(Buffer.from([0xc1, stranger]));
    const ended: readonly unknown[] = await once(socket, "close");
    assert.deepEqual(ended.map(String), ["4401", "refused"]);
  }
  assert.equal(refusals.length, 1);
  assert.match(refusals[0] ?? "", /no version of the peers' protocol/);
  assert.deepEqual(opened, []);
});
