// An exception that escapes in a worker is our bug. The node must not hang, must not go on, and must say what it was.
import assert from "node:assert/strict";
import { test } from "node:test";
import { KIND_ACQUIRE } from "../../src/words/kinds.js";
import { RawConnection } from "../client/raw-connection.js";
import { type Ended, startServer } from "./server-process.js";
import { IN_CALLBACK, IN_TURN } from "./throwing-worker.js";

const THROWING = new URL("./throwing-worker.js", import.meta.url).href;
/** The workers have two seconds to close; the rest is for a machine that is busy. */
const ENDS_WITHIN_MS = 15_000;

/** A server whose worker throws, and what it left behind. */
async function endOf(resource: string): Promise<Ended & { readonly dataDir: string }> {
  const server = await startServer({ environment: { NODE_OPTIONS: `--import=${THROWING}` } });
  const kept = await RawConnection.greeted(server.address);
  kept.connection.send([[KIND_ACQUIRE, 1, "kept:1", 60_000]]);
  await kept.connection.take((message) => message.kind === "granted");
  const { connection } = await RawConnection.greeted(`127.0.0.1:${server.ports[2]}`);
  const beganMs = performance.now();
  connection.send([[KIND_ACQUIRE, 1, resource, 60_000]]);
  const ended = await server.ended;
  assert.ok(performance.now() - beganMs < ENDS_WITHIN_MS);
  assert.deepEqual(
    connection.received.filter(({ kind }) => kind === "granted"),
    [],
    "nothing is answered that was asked when it threw",
  );
  return { ...ended, dataDir: server.dataDir };
}

for (const [where, resource, thrown] of [
  ["the callback of a socket", IN_CALLBACK, "TypeError: thrown in the callback of a socket"],
  ["the middle of a turn", IN_TURN, "RangeError: thrown in the middle of a turn"],
] as const) {
  test(`an exception in ${where} ends the node with 1 and one fatal line that says which worker, what and where`, async () => {
    const { exitCode, stderr, dataDir } = await endOf(resource);
    assert.equal(exitCode, 1, stderr);
    const fatal = stderr.split("\n").filter((line) => line.includes('"level":"fatal"'));
    assert.equal(fatal.length, 1, stderr);
    const line: unknown = JSON.parse(fatal[0] ?? "");
    assert.ok(typeof line === "object" && line !== null);
    const fields = new Map<string, unknown>(Object.entries(line));
    assert.equal(fields.get("code"), "worker-exception");
    assert.equal(fields.get("worker"), 1);
    assert.match(String(fields.get("msg")), new RegExp(`worker 1: .*${thrown}.*report it.*restart`));
    assert.match(String(fields.get("stack")), /throwing-worker\.js|throwing-worker\.ts/);

    const again = await startServer({ dataDir });
    assert.equal(again.recovered, 1, "what was answered is there; what threw is not");
    await again.stop();
  });
}
