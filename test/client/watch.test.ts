/** A watch of the library whose cursor is of another log: it is told so, and what holds and waits now. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Holdfast, type WatchEvent } from "../../src/client/index.js";
import { startServer, until } from "../node/server-process.js";

/** It names one shard of 64, so that the log can't have what comes behind it in the others. */
const CURSOR_OF_ELSEWHERE = "0.1";

async function next(events: AsyncGenerator<WatchEvent>): Promise<WatchEvent> {
  const result = await events.next();
  assert.ok(result.done !== true, "the watch has ended");
  return result.value;
}

test("a resync tells who holds and who waits now, and what comes later follows it", async () => {
  const server = await startServer();
  const holder = await Holdfast.connect({ url: server.url });
  const watcher = await Holdfast.connect({ url: server.url });
  const lock = await holder.acquire("order:1", { metadata: "first" });
  await holder.acquire("order:12");
  await holder.acquire("other:1");
  const waiting = watcher.acquire("order:1", { wait: "1m" });
  await until("the waiter", async () => (await holder.check("order:1")).waiters === 1);

  const all = watcher.watch("order:*", { cursor: CURSOR_OF_ELSEWHERE });
  const told = await next(all);
  assert.ok(told.kind === "resync" && told.complete);
  assert.deepEqual(
    told.claims.map(({ resource, holds, holder: { metadata } }) => `${resource} ${holds} ${metadata}`).sort(),
    ["order:1 false ", "order:1 true first", "order:12 true "],
  );
  const one = watcher.watch("order:1", { cursor: CURSOR_OF_ELSEWHERE });
  const toldOfOne = await next(one);
  assert.ok(toldOfOne.kind === "resync");
  assert.deepEqual(
    toldOfOne.claims.map(({ resource }) => resource),
    ["order:1", "order:1"],
  );

  await lock.release();
  await waiting;
  for (const events of [all, one]) {
    assert.equal((await next(events)).kind, "released");
    assert.equal((await next(events)).kind, "granted");
    await events.return();
  }
  await Promise.all([holder.close(), watcher.close()]);
  assert.equal((await server.stop()).exitCode, 0);
});
