/** What a worker does when its disk is down to the reserve (system.md §6). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { KIND_GROUP, KIND_RELEASE, KIND_RENEW } from "../../src/words/kinds.js";
import { HeldWorker, nameIn } from "../shard/held-worker.js";

test("down to the disk's reserve acquires of that store are refused; renewals and releases go on, and other stores", () => {
  const worker = new HeldWorker();
  const holder = worker.connect();
  holder.open(worker, 1, 30_000);
  holder.acquire(10, nameIn(0));
  worker.turn(1);
  worker.commitAll();
  const [granted] = holder.take();
  assert.ok(granted?.kind === "granted");

  worker.store(0).lowDisk = true;
  holder.acquire(11, nameIn(0, 1));
  holder.acquire(12, nameIn(1, 1));
  holder.say(
    [KIND_GROUP, holder.path, 9, 0],
    [KIND_RENEW, 13, nameIn(0), granted.token, null],
    [KIND_RELEASE, 14, nameIn(0), granted.token],
  );
  worker.turn(2);
  worker.commitAll();
  const told = holder.take().map((message) => (message.kind === "fault" ? message.code : message.kind));
  assert.deepEqual(told.sort(), ["disk-reserve-reached", "granted", "released", "renewed"]);

  worker.store(0).lowDisk = false;
  holder.acquire(15, nameIn(0, 1));
  worker.turn(3);
  worker.commitAll();
  assert.deepEqual(
    holder.take().map(({ kind }) => kind),
    ["granted"],
    "with room again they are granted",
  );
});
