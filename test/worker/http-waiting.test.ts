/** Waiting over HTTP: places in the queue, clients that go, idempotency keys, and what outlives the request. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { z } from "zod";
import { freshDirectory, type ServerProcess, startServer, until } from "../node/server-process.js";
import { acquired, ask, isFree, open, untilWaiters } from "./http-client.js";

let server: ServerProcess;

before(async () => {
  server = await startServer({ flags: ["--limits-ttl-min", "200ms", "--session-waiting-grace", "500ms"] });
});
after(async () => {
  await server.stop();
});

/** Enough names that both workers have some of them: one asks across. */
const PLACES: readonly string[] = ["wait:1", "wait:2", "wait:3", "wait:4", "wait:5", "wait:6"];

test("a waiter is granted when the holder releases, with a larger token and its whole lease", async () => {
  for (const resource of PLACES) {
    const first = await acquired(server, { resource });
    const waiting = ask(server, "POST /v1/acquire", { resource, ttl: "20s", wait: "10s" });
    await untilWaiters(server, resource, 1);
    await ask(server, "POST /v1/release", { resource, token: first });
    const { status, body } = await waiting;
    assert.equal(status, 200);
    assert.equal(body["waited"], true);
    assert.ok(Number(body["token"]) > first);
    assert.ok(Number(body["expiresInMs"]) > 19_500 && Number(body["expiresInMs"]) <= 20_000);
  }
});

test("a waiter outlasts its session's grace, because the server keeps it alive while the request is open", async () => {
  const first = await acquired(server, { resource: "long:1" });
  const waiting = ask(server, "POST /v1/acquire", { resource: "long:1", ttl: "400ms", wait: "20s" });
  await untilWaiters(server, "long:1", 1);
  const began = performance.now();
  await until("three times the grace", async () => {
    const { body } = await ask(server, "GET /v1/check?resource=long:1");
    assert.equal(body["waiters"], 1);
    return performance.now() - began > 1_500;
  });
  await ask(server, "POST /v1/release", { resource: "long:1", token: first });
  assert.equal((await waiting).status, 200);
});

test("a claim that was waited for goes on without its request: it is renewed and released by its token", async () => {
  const first = await acquired(server, { resource: "loose:1" });
  const waiting = ask(server, "POST /v1/acquire", { resource: "loose:1", ttl: "600ms", wait: "10s" });
  await untilWaiters(server, "loose:1", 1);
  await ask(server, "POST /v1/release", { resource: "loose:1", token: first });
  const token = (await waiting).body["token"];
  const began = performance.now();
  while (performance.now() - began < 1_500) {
    const renewed = await ask(server, "POST /v1/renew", { resource: "loose:1", token });
    assert.equal(renewed.status, 200, renewed.text);
  }
  assert.equal((await ask(server, "POST /v1/release", { resource: "loose:1", token })).status, 200);
  assert.ok(await isFree(server, "loose:1"));
});

test("a claim that was waited for ends at its own deadline", async () => {
  const first = await acquired(server, { resource: "loose:2" });
  const waiting = ask(server, "POST /v1/acquire", { resource: "loose:2", ttl: "300ms", wait: "10s" });
  await untilWaiters(server, "loose:2", 1);
  await ask(server, "POST /v1/release", { resource: "loose:2", token: first });
  assert.equal((await waiting).status, 200);
  await until("the lease to run out", () => isFree(server, "loose:2"));
});

test("a client that goes while it waits leaves no place in the queue", async () => {
  for (const resource of PLACES.map((name) => `gone-${name}`)) {
    await acquired(server, { resource });
    const { request } = open(server, "POST /v1/acquire", { resource, wait: "1m" });
    await untilWaiters(server, resource, 1);
    const began = performance.now();
    request.destroy();
    await untilWaiters(server, resource, 0);
    assert.ok(performance.now() - began < 400, "it is cancelled, not abandoned after the grace");
  }
});

const ALREADY = z.object({ totals: z.object({ answers: z.object({ already_granted: z.number().default(0) }) }) });

test("INV-7: a grant that meets a client that goes is released", async () => {
  const met = async (): Promise<number> =>
    ALREADY.parse((await ask(server, "GET /v1/status")).body).totals.answers.already_granted;
  const metBefore = await met();
  let rounds = 0;
  await until("five grants that were faster than the end of their wait", async () => {
    const resource = `race:${rounds}`;
    rounds++;
    const token = await acquired(server, { resource });
    const { request } = open(server, "POST /v1/acquire", { resource, ttl: "5m", wait: "1m" });
    await untilWaiters(server, resource, 1);
    const released = ask(server, "POST /v1/release", { resource, token });
    setImmediate(() => request.destroy());
    await released;
    await untilWaiters(server, resource, 0);
    return (await met()) >= metBefore + 5;
  });
  // One that was answered in the instant before it went keeps its claim: to the server it was a client like any other.
  await until("the claims that met nobody to be given back", async () => {
    const { body } = await ask(server, "GET /v1/list?prefix=race:");
    const answered = rounds - ((await met()) - metBefore);
    return Array.isArray(body["claims"]) && body["claims"].length <= answered;
  });
});

test("the same acquire under the same key is granted once, with the same token (INV-7)", async () => {
  for (const resource of PLACES.map((name) => `once-${name}`)) {
    const body = { resource, ttl: "20s", idempotencyKey: `key of ${resource}` };
    const first = await acquired(server, body);
    assert.equal(await acquired(server, body), first);
    assert.equal(await acquired(server, body), first);
    const other = await ask(server, "POST /v1/acquire", { ...body, ttl: "10s" });
    assert.deepEqual([other.status, other.body["type"]], [422, "request-id-reused"]);
    const stranger = await ask(server, "POST /v1/acquire", { ...body, idempotencyKey: "another" });
    assert.equal(stranger.body["type"], "busy");
    await ask(server, "POST /v1/release", { resource, token: first });
    const late = await ask(server, "POST /v1/acquire", body);
    assert.deepEqual([late.status, late.body["type"]], [409, "not-held"], "its claim has ended, and none is made anew");
    assert.ok(await isFree(server, resource));
  }
});

test("with a key, a client that breaks off while it waits keeps its place for its next attempt (INV-6)", async () => {
  const first = await acquired(server, { resource: "place:1" });
  const body = { resource: "place:1", wait: "1m", idempotencyKey: "place" };
  const broken = open(server, "POST /v1/acquire", body);
  await untilWaiters(server, "place:1", 1);
  const behind = ask(server, "POST /v1/acquire", { resource: "place:1", wait: "1m" });
  await untilWaiters(server, "place:1", 2);
  broken.request.destroy();
  const again = ask(server, "POST /v1/acquire", body);
  await ask(server, "POST /v1/release", { resource: "place:1", token: first });
  const granted = await again;
  assert.equal(granted.status, 200, granted.text);
  await ask(server, "POST /v1/release", { resource: "place:1", token: granted.body["token"] });
  const next = await behind;
  assert.ok(Number(next.body["token"]) > Number(granted.body["token"]));
});

test("of two requests under one key the later takes the place, and the earlier is told", async () => {
  const first = await acquired(server, { resource: "twice:1" });
  const body = { resource: "twice:1", wait: "1m", idempotencyKey: "twice" };
  const early = ask(server, "POST /v1/acquire", body);
  await untilWaiters(server, "twice:1", 1);
  const late = ask(server, "POST /v1/acquire", body);
  const told = await early;
  assert.deepEqual([told.status, told.body["type"]], [409, "in-use-elsewhere"]);
  await ask(server, "POST /v1/release", { resource: "twice:1", token: first });
  assert.equal((await late).status, 200);
});

test("with a key, an acquire that timed out may be asked again, and waits anew", async () => {
  const first = await acquired(server, { resource: "again:1" });
  const body = { resource: "again:1", wait: "100ms", idempotencyKey: "again" };
  assert.equal((await ask(server, "POST /v1/acquire", body)).status, 408);
  assert.equal((await ask(server, "POST /v1/acquire", body)).status, 408);
  await ask(server, "POST /v1/release", { resource: "again:1", token: first });
  const token = await acquired(server, body);
  assert.equal(await acquired(server, body), token);
});

test("a node that goes down answers those who wait with draining, and their waits end with it", async () => {
  const dataDir = freshDirectory();
  const flags = ["--session-waiting-grace", "1s"];
  const first = await startServer({ dataDir, flags });
  const resources = PLACES.map((name) => `drain-${name}`);
  for (const resource of resources) await acquired(first, { resource, ttl: "5m" });
  const waits = resources.map((resource) => ask(first, "POST /v1/acquire", { resource, wait: "1m" }));
  const stream = open(first, "GET /v1/watch?pattern=*");
  await stream.response;
  for (const resource of resources) await untilWaiters(first, resource, 1);
  const ended = first.stop();
  for (const wait of waits) {
    const { status, body, headers } = await wait;
    assert.deepEqual([status, body["type"], headers.get("retry-after")], [503, "draining", "1"]);
  }
  assert.equal((await ended).exitCode, 0);
  const second = await startServer({ dataDir, flags });
  for (const resource of resources) {
    assert.equal(await isFree(second, resource), false);
    await untilWaiters(second, resource, 0); // At the latest when its grace is over.
  }
  await second.stop();
});
