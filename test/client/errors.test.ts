/** Who was not granted is told why: who holds, for how long, what is left, and the own place. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { BusyError, type Holdfast, type Lock, TimedOutError } from "../../src/client/index.js";
import { startTestServer } from "../../src/testing/server.js";

async function failure(acquire: PromiseLike<Lock>): Promise<unknown> {
  try {
    return await acquire;
  } catch (error) {
    return error;
  }
}

async function untilPlace(pending: ReturnType<Holdfast["acquire"]>, place: number): Promise<void> {
  while ((await pending.position())?.position !== place);
}

test("a wait that ends in vain says who held, for how long, until when, and which place it had", async () => {
  await using server = await startTestServer();
  const [one, two, three] = [await server.connect({ metadata: "one" }), await server.connect(), await server.connect()];
  await one.acquire("order:1", { ttl: "60s", autoRenew: false });
  const second = two.acquire("order:1", { wait: "5m" });
  await untilPlace(second, 1);
  const third = three.acquire("order:1", { wait: "20s" });
  await untilPlace(third, 2);
  const [error] = await Promise.all([failure(third), server.advance("21s")]);
  assert.ok(error instanceof TimedOutError);
  assert.deepEqual([error.holder?.metadata, error.position, error.waiters, error.yours], ["one", 2, 2, false]);
  const { heldMs = 0, remainingMs = 0 } = error;
  assert.ok(heldMs >= 20_000 && heldMs < 30_000, `held for ${heldMs} ms`);
  assert.ok(remainingMs > 30_000 && remainingMs <= 40_000, `${remainingMs} ms left`);
  assert.match(error.message, /is held by one .* for 20/);
  const busy = await failure(three.acquire("order:1"));
  assert.ok(busy instanceof BusyError);
  assert.deepEqual([busy.holder?.metadata, busy.waiters, busy.position], ["one", 1, 2]);
  await Promise.all([server.advance("60s"), second.then((lock) => lock.release())]);
});
