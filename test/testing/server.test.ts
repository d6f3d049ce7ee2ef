// A server inside a test is a real one, and its time and its clients' are the test's.
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { Holdfast, LockLostError } from "../../src/client/index.js";
import { startTestServer } from "../../src/testing/server.js";

test("a claim with a TTL ends when the test has moved time beyond it, and the waiter is granted", async () => {
  await using server = await startTestServer();
  const [first, second] = [await server.connect(), await server.connect()];
  const lock = await first.acquire("order:1", { ttl: "30s", autoRenew: false });
  const waiting = second.acquire("order:1", { wait: "5m" });
  await server.advance("29s");
  assert.ok(lock.isHeld());
  await server.advance("2s");
  assert.throws(() => lock.assertHeld(), LockLostError);
  const next = await waiting;
  assert.ok(next.token > lock.token);
});

test("minutes pass, and a client keeps what its session holds (R-19)", async () => {
  await using server = await startTestServer();
  const [holder, other] = [await server.connect({ ttl: "5s" }), await server.connect()];
  const lock = await holder.acquire("order:2");
  const renewed = await holder.acquire("order:3", { ttl: "10s" });
  await server.advance("2m");
  assert.ok(lock.isHeld());
  assert.ok(renewed.isHeld());
  assert.equal((await other.check("order:2")).holders.length, 1);
});

test("a client whose time is not the test's is given up with its session, and is told", async () => {
  await using server = await startTestServer();
  await using outside = await Holdfast.connect({ url: server.url, ttl: "30s" });
  const inside = await server.connect();
  const lock = await outside.acquire("order:4");
  const lost = new Promise((resolve) => lock.signal.addEventListener("abort", resolve));
  await server.advance("40s");
  await lost;
  await inside.acquire("order:4");
});

test("a wait times out in the test's time", async () => {
  await using server = await startTestServer();
  const [first, second] = [await server.connect(), await server.connect()];
  await first.acquire("order:5");
  const refused = assert.rejects(second.acquire("order:5", { wait: "3m" }), { code: "timed-out" });
  await server.advance("181s");
  await refused;
});

test("HTTP is served, settings are taken, and wrong ones refused with what is wrong", async () => {
  await using server = await startTestServer({ settings: { "limits.ttl_min": "50ms" } });
  const body = JSON.stringify({ resource: "order:6", ttl: "60ms" });
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`http://${server.address}/v1/acquire`, { method: "POST", headers, body });
  assert.equal(answer.status, 200, await answer.text());
  await assert.rejects(startTestServer({ settings: { "limits.ttl_mim": "50ms" } }), /settings-refused.*ttl_mim/s);
});

test("stop leaves nothing: no directory, no port, no client that is open", async () => {
  const ours = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith("holdfast-testing-"));
  const before = new Set(ours());
  const server = await startTestServer();
  const made = ours().filter((name) => !before.has(name));
  assert.ok(made.length > 0);
  const holdfast = await server.connect();
  await server.stop();
  await server.stop();
  assert.ok(made.some((name) => !existsSync(`${tmpdir()}/${name}`)));
  await assert.rejects(holdfast.acquire("order:7"), { code: "closed" });
  await assert.rejects(fetch(`http://${server.address}/livez`));
});

test("servers run beside each other, each with a time of its own", async () => {
  await using one = await startTestServer();
  await using two = await startTestServer();
  const [here, there] = [await one.connect(), await two.connect()];
  const stays = await here.acquire("order:8", { ttl: "30s", autoRenew: false });
  const ends = await there.acquire("order:8", { ttl: "30s", autoRenew: false });
  await two.advance("31s");
  assert.deepEqual([stays.isHeld(), ends.isHeld()], [true, false]);
});
