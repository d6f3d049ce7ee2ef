/**
 * R-8 for what tells of all shards at once: DONE of a keep-alive, DONE of a close and the cursor of a watch leave when all
 * that they rest on is committed, not before, and do not wait for what came later.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { KIND_CLOSE, KIND_KEEPALIVE, KIND_WATCH } from "../../src/words/kinds.js";
import type { ServerMessage } from "../../src/protocol/server-messages.js";
import { type HeldClient, HeldWorker, nameIn } from "./held-worker.js";

const TTL_MS = 5_000;

function kinds(messages: readonly ServerMessage[]): string[] {
  return messages.map(({ kind }) => kind);
}

/** A session that holds one claim in each shard, by a commit of each. */
function holderInBoth(worker: HeldWorker): HeldClient {
  const holder = worker.connect();
  holder.open(worker, 1, TTL_MS);
  for (const shard of [0, 1]) holder.acquire(10 + shard, nameIn(shard));
  worker.turn(1);
  assert.deepEqual(holder.take(), [], "a grant waits for its own commit");
  worker.commitAll();
  assert.deepEqual(kinds(holder.take()), ["granted", "granted"]);
  return holder;
}

test("R-8: DONE of a keep-alive waits for the end of its session, though no shard has a part of it to tell", () => {
  const worker = new HeldWorker();
  const holder = holderInBoth(worker);
  worker.turn(TTL_MS + 1); // Silent for its TTL: it ends in both shards, and nothing of that is on disk.
  holder.say([KIND_KEEPALIVE, 20, 1, [holder.path]]);
  worker.turn(TTL_MS + 2);
  assert.deepEqual(holder.take(), [], "its end may never have been");
  worker.store(1).commit();
  assert.deepEqual(kinds(holder.take()), ["claim-ended", "session-ended"], "shard 0 has not committed its end");
  worker.store(0).commit();
  const told = holder.take();
  assert.deepEqual(kinds(told).sort(), ["claim-ended", "done", "session-ended"]);
  assert.deepEqual(
    told.filter(({ kind }) => kind === "done"),
    [{ kind: "done", id: 20, count: 0 }],
  );
});

test("R-8: DONE of a keep-alive follows the part of each shard, the last of which waits for somebody else's commit", () => {
  const worker = new HeldWorker();
  const holder = holderInBoth(worker);
  const other = worker.connect();
  other.open(worker, 2, TTL_MS);
  other.acquire(10, nameIn(1, 7));
  worker.turn(2);
  holder.say([KIND_KEEPALIVE, 20, 1, [holder.path]]);
  worker.turn(3);
  const first = holder.take();
  assert.deepEqual(kinds(first), ["kept"], "shard 0 rests on nothing that is not on disk");
  worker.store(1).commit();
  assert.deepEqual(kinds(other.take()), ["granted"]);
  const last = holder.take();
  assert.deepEqual(kinds(last), ["kept", "done"]);
  assert.deepEqual(last[1], { kind: "done", id: 20, count: 2 });
});

test("R-8: DONE of a close waits until its ends are on the disk of every shard", () => {
  const worker = new HeldWorker();
  const holder = holderInBoth(worker);
  holder.say([KIND_CLOSE, 20, holder.path]);
  worker.turn(2);
  assert.deepEqual(holder.take(), []);
  worker.store(0).commit();
  assert.deepEqual(holder.take(), []);
  worker.store(1).commit();
  assert.deepEqual(holder.take(), [{ kind: "done", id: 20, count: 2 }]);
});

test("R-8: DONE of a close that finds its session ended waits for that end", () => {
  const worker = new HeldWorker();
  const holder = holderInBoth(worker);
  worker.turn(TTL_MS + 1);
  holder.say([KIND_CLOSE, 20, holder.path]);
  worker.turn(TTL_MS + 2);
  worker.store(0).commit();
  assert.ok(!kinds(holder.take()).includes("done"));
  worker.store(1).commit();
  assert.ok(kinds(holder.take()).includes("done"));
});

test("R-8: WATCHING waits for the LSNs that its cursor names, and tells none that are not committed", () => {
  const worker = new HeldWorker();
  const holder = holderInBoth(worker);
  const watcher = worker.connect();
  holder.acquire(20, nameIn(0, 1));
  worker.turn(2);
  const [head, committed] = [worker.shard(0).state.head, worker.shard(0).committed];
  assert.ok(head > committed);
  watcher.say([KIND_WATCH, 5, "order:*"]);
  worker.turn(3);
  assert.deepEqual(watcher.take(), []);
  worker.store(0).commit();
  worker.turn(4);
  const [watching] = watcher.take();
  assert.ok(watching?.kind === "watching" && watching.id === 5);
  assert.match(watching.cursor, new RegExp(`\\b0\\.${head}\\b`));
});

test("R-8: the barrier waits for what was logged when it was set, not for what comes later", () => {
  const worker = new HeldWorker();
  const holder = holderInBoth(worker);
  const seen: string[] = [];
  worker.loop.whenCommitted(() => seen.push("at once"));
  assert.deepEqual(seen, ["at once"], "all is committed");
  holder.acquire(20, nameIn(0, 1));
  worker.turn(2);
  worker.loop.whenCommitted(() => seen.push("first"));
  const until = worker.store(0).nextSeq - 1;
  holder.acquire(21, nameIn(0, 2));
  worker.turn(3);
  worker.loop.whenCommitted(() => seen.push("second"));
  worker.store(1).commit();
  assert.deepEqual(seen, ["at once"], "another store's commit opens nothing");
  worker.store(0).commit(until);
  assert.deepEqual(seen, ["at once", "first"]);
  worker.store(0).commit();
  assert.deepEqual(seen, ["at once", "first", "second"]);
});
