/** A loop that is busy for longer than a lease still holds what it held, and says so within the very turn. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Holdfast } from "../../src/client/index.js";
import { startServer } from "../node/server-process.js";

const TTL_MS = 5_000;
const BUSY_MS = 8_000;

/** As a program that computes: nothing else of this thread runs meanwhile. */
function computeFor(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs) Math.sqrt(endMs);
}

test("a loop that is busy beyond the TTL keeps its lock, by the thread that keeps alive, and knows it at once", async () => {
  const server = await startServer();
  const [busy, other] = await Promise.all([
    Holdfast.connect({ url: server.url, ttl: TTL_MS }),
    Holdfast.connect({ url: server.url }),
  ]);
  const lock = await busy.acquire("busy:1");
  computeFor(BUSY_MS);
  lock.assertHeld();
  assert.equal(await other.tryAcquire("busy:1"), undefined);
  assert.equal(lock.signal.aborted, false);
  assert.equal(lock.isHeld(), true);
  assert.equal(await lock.release(), "released");
  await Promise.all([busy.close(), other.close()]);
  await server.stop();
});

test("a claim with a TTL of its own, which no keep-alive prolongs, is known to be lost when the loop comes back", async () => {
  const server = await startServer();
  const busy = await Holdfast.connect({ url: server.url });
  const lock = await busy.acquire("busy:2", { ttl: TTL_MS });
  computeFor(TTL_MS + 500);
  assert.equal(lock.isHeld(), false);
  assert.throws(() => {
    lock.assertHeld();
  }, /lock-lost/);
  await busy.close();
  await server.stop();
});
