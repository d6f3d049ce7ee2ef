// A node has all of its ports or none.
import assert from "node:assert/strict";
import { test } from "node:test";
import { NodeFault } from "../../src/node/node-fault.js";
import { readSettings } from "../../src/node/settings.js";
import type { Settings } from "../../src/node/settings-schema.js";
import { claimPorts, hostAndPort, toldHost } from "../../src/node/ports.js";

const LISTEN = { host: "127.0.0.1", main: 0, workerBase: 0, peerBase: 0, advertise: "" };

/** Those of a node with one worker that is alone. */
function settings(listen: typeof LISTEN): Settings {
  const flags = { "--workers": "1" };
  const result = readSettings({ flags, environment: {}, configPath: null });
  if (result.kind === "refused") assert.fail(result.message);
  return { ...result.settings, listen };
}

test("a node that can't have one of its ports gives the others back", async () => {
  const first = await claimPorts(settings(LISTEN));
  const [taken = 0] = first.own;
  const free = await claimPorts(settings(LISTEN));
  await free.release();
  await assert.rejects(
    claimPorts(settings({ ...LISTEN, main: free.main, workerBase: taken })),
    (error) =>
      error instanceof NodeFault && error.code === "port-in-use" && error.message.includes("listen.worker_base"),
  );
  const again = await claimPorts(settings({ ...LISTEN, main: free.main }));
  assert.equal(again.main, free.main);
  await again.release();
  await first.release();
});

test("a node that listens on all addresses tells clients a host that they can reach", () => {
  assert.equal(toldHost({ ...LISTEN, host: "10.0.0.7" }), "10.0.0.7");
  assert.equal(toldHost({ ...LISTEN, host: "0.0.0.0", advertise: "lock.example" }), "lock.example");
  assert.notEqual(toldHost({ ...LISTEN, host: "0.0.0.0" }), "0.0.0.0");
});

test("an IPv6 address stands in brackets before its port", () => {
  assert.equal(hostAndPort("::1", 7400), "[::1]:7400");
  assert.equal(hostAndPort("127.0.0.1", 7400), "127.0.0.1:7400");
});
