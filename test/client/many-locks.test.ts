/** What a process that holds much costs its server: keep-alives go by session and worker, never by lock. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { History } from "../../src/client/index.js";
import { startTestServer } from "../../src/testing/server.js";

const LOCKS = 10_000;
/** Some 1,030 for each of 64 shards, and a shard keeps 1,000 unread answers of a session. */
const CROWD = 66_000;

test("ten thousand locks of one process are kept by one keep-alive a period", async () => {
  await using server = await startTestServer();
  let keepAlives = 0;
  const recordHistory = new History((line) => {
    if (line.includes('"op":"keepalive"')) keepAlives++;
  });
  const client = await server.connect({ ttl: "60s", recordHistory });
  const locks = await Promise.all(Array.from({ length: LOCKS }, (_, index) => client.acquire(`held:${index}`)));
  await server.advance("10s");
  keepAlives = 0;
  await server.advance("100s");
  assert.ok(locks.every((lock) => lock.isHeld()));
  assert.ok(keepAlives >= 8 && keepAlives <= 11, `${keepAlives} keep-alives in ten periods of ten seconds`);
});

test("more acquires at once than a shard remembers answers of one session are all granted in the end", async () => {
  await using server = await startTestServer();
  const client = await server.connect();
  const locks = await Promise.all(Array.from({ length: CROWD }, (_, index) => client.acquire(`crowd:${index}`)));
  assert.equal(new Set(locks.map((lock) => lock.resource)).size, CROWD);
  const ends = await Promise.all(locks.map(async (lock) => lock.release()));
  assert.ok(ends.every((end) => end === "released"));
});
