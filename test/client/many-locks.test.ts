/** What a process that holds much costs its server: keep-alives go by session and worker, never by lock. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { History } from "../../src/client/index.js";
import { startTestServer } from "../../src/testing/server.js";

const LOCKS = 10_000;

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
