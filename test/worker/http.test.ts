/** HTTP/JSON as its users see it: every operation, every outcome, and what bad input is told. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { z } from "zod";
import { type ServerProcess, startServer } from "../node/server-process.js";
import { acquired, ask, isFree } from "./http-client.js";

const holders = z.array(
  z.object({ metadata: z.string(), principal: z.string(), address: z.string(), leftMs: z.number() }),
);
const page = z.object({ claims: z.array(z.object({ resource: z.string() })), cursor: z.string().nullable() });

let server: ServerProcess;

before(async () => {
  server = await startServer();
});
after(async () => {
  await server.stop();
});

test("a free resource is granted at once, with its token and how long it is held", async () => {
  const { status, body, headers } = await ask(server, "POST /v1/acquire", {
    resource: "order:1",
    ttl: "30s",
    wait: "10s",
  });
  assert.equal(status, 200);
  assert.equal(headers.get("content-type"), "application/json");
  const { token, ...rest } = body;
  assert.ok(typeof token === "number" && token > 0);
  assert.deepEqual(rest, { resource: "order:1", mode: "exclusive", ttlMs: 30_000, expiresInMs: 30_000, waited: false });
});

test("a held resource is busy, and the problem names the holder and the remaining time", async () => {
  await acquired(server, { resource: "order:2", ttl: 20_000, metadata: "build 17" });
  const { status, body, headers } = await ask(server, "POST /v1/acquire", { resource: "order:2" });
  assert.equal(status, 409);
  assert.equal(headers.get("content-type"), "application/problem+json");
  assert.equal(body["type"], "busy");
  const [holder] = holders.parse(body["holders"]);
  assert.deepEqual([holder?.metadata, holder?.principal, holder?.address], ["build 17", "local", "127.0.0.1"]);
  assert.ok(Number(body["remainingMs"]) > 15_000 && Number(body["remainingMs"]) <= 20_000);
  assert.equal(body["remainingMs"], holder?.leftMs);
});

test("a wait that ends before the resource is free has timed out", async () => {
  await acquired(server, { resource: "order:3" });
  const began = performance.now();
  const { status, body } = await ask(server, "POST /v1/acquire", { resource: "order:3", wait: "300ms" });
  assert.equal(status, 408);
  assert.equal(body["type"], "timed-out");
  assert.deepEqual([body["position"], body["waiters"], holders.parse(body["holders"]).length], [1, 1, 1]);
  assert.ok(performance.now() - began >= 299);
});

test("release frees the resource, once, and only under its token", async () => {
  const token = await acquired(server, { resource: "order:4" });
  const wrong = await ask(server, "POST /v1/release", { resource: "order:4", token: token + 1 });
  assert.equal(wrong.status, 409);
  assert.equal(wrong.body["type"], "not-held");
  assert.equal((await ask(server, "POST /v1/release", { resource: "order:4", token })).status, 200);
  assert.ok(await isFree(server, "order:4"));
  assert.equal((await ask(server, "POST /v1/release", { resource: "order:4", token })).status, 409);
});

test("renew moves the deadline, and a revoked claim is renewed no more (R-3)", async () => {
  const token = await acquired(server, { resource: "order:5", ttl: "6s" });
  const renewed = await ask(server, "POST /v1/renew", { resource: "order:5", token, ttl: "1m" });
  assert.equal(renewed.status, 200);
  assert.equal(renewed.body["ttlMs"], 60_000);
  assert.ok(Number(renewed.body["expiresInMs"]) > 59_000);
  const revoked = await ask(server, "POST /v1/revoke", { resource: "order:5", reason: "maintenance" });
  assert.deepEqual(revoked.body, { resource: "order:5", count: 1 });
  const refused = await ask(server, "POST /v1/renew", { resource: "order:5", token });
  assert.equal(refused.status, 409);
  assert.equal(refused.body["type"], "revoked");
  assert.ok(Number(refused.body["expiresInMs"]) > 50_000);
});

test("force-release frees a resource at once", async () => {
  const token = await acquired(server, { resource: "order:6" });
  const forced = await ask(server, "POST /v1/force-release", { resource: "order:6", token });
  assert.deepEqual(forced.body, { resource: "order:6", count: 1 });
  assert.ok(await isFree(server, "order:6"));
  const none = await ask(server, "POST /v1/force-release", { resource: "order:6" });
  assert.deepEqual(none.body, { resource: "order:6", count: 0 });
});

test("shared and permit modes admit as many as they say", async () => {
  await acquired(server, { resource: "map:1", mode: "shared" });
  await acquired(server, { resource: "map:1", mode: "shared" });
  assert.equal((await ask(server, "POST /v1/acquire", { resource: "map:1" })).status, 409);
  await acquired(server, { resource: "pool:1", mode: "permit", permits: 2 });
  await acquired(server, { resource: "pool:1", mode: "permit", permits: 2 });
  const third = await ask(server, "POST /v1/acquire", { resource: "pool:1", mode: "permit", permits: 2 });
  assert.equal(third.body["type"], "busy");
  const other = await ask(server, "POST /v1/acquire", { resource: "pool:1", mode: "permit", permits: 3 });
  assert.equal(other.status, 409);
  assert.equal(other.body["type"], "mode-in-use");
});

test("a lock-delay keeps the resource closed after it was forced", async () => {
  await acquired(server, { resource: "order:7", lockDelay: "20s" });
  await ask(server, "POST /v1/force-release", { resource: "order:7" });
  const { body } = await ask(server, "GET /v1/check?resource=order:7");
  assert.equal(body["free"], false);
  assert.ok(Number(body["lockDelayMs"]) > 15_000);
});

test("list pages through every claim of a prefix, over all workers, and no other", async () => {
  const names = Array.from({ length: 60 }, (_, n) => `listed:${n}`);
  await Promise.all(names.map((resource) => acquired(server, { resource })));
  const found: string[] = [];
  let cursor: string | null = "";
  for (let pages = 0; cursor !== null; pages++) {
    assert.ok(pages < 100);
    const more: string = cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const { status, body } = await ask(server, `GET /v1/list?prefix=listed:&limit=7${more}`);
    assert.equal(status, 200);
    const { claims, cursor: next } = page.parse(body);
    assert.ok(claims.length <= 7);
    found.push(...claims.map(({ resource }) => resource));
    cursor = next;
  }
  assert.deepEqual(found.sort(), names.sort());
});

test("status is the node's own, with every worker in it", async () => {
  const { status, body } = await ask(server, "GET /v1/status");
  assert.equal(status, 200);
  assert.equal(body["address"], server.address);
  assert.ok(Array.isArray(body["workers"]) && body["workers"].length === 2);
});

test("names of 255 characters and of any script are the same name over HTTP", async () => {
  const resource = `über:${"ß".repeat(250)}`;
  const token = await acquired(server, { resource });
  const { body } = await ask(server, `GET /v1/check?resource=${encodeURIComponent(resource)}`);
  assert.equal(body["free"], false);
  assert.equal((await ask(server, "POST /v1/release", { resource, token })).status, 200);
});

const REFUSED: readonly (readonly [title: string, body: unknown, code: string, status?: number])[] = [
  ["no resource", {}, "resource-invalid"],
  ["a resource without a colon", { resource: "order" }, "resource-invalid"],
  ["a resource with a control character", { resource: "order:\u0000" }, "resource-invalid"],
  ["a resource of 256 characters", { resource: `a:${"x".repeat(254)}` }, "resource-too-long"],
  ["half of a surrogate pair", { resource: "order:\ud800" }, "resource-invalid"],
  ["a ttl below the bound", { resource: "order:8", ttl: "4999ms" }, "ttl-out-of-range"],
  ["a ttl above the bound", { resource: "order:8", ttl: "301s" }, "ttl-out-of-range"],
  ["a ttl of 0", { resource: "order:8", ttl: 0 }, "ttl-out-of-range"],
  ["a ttl of 0 with a key", { resource: "order:8", ttl: 0, idempotencyKey: "k0" }, "ttl-out-of-range"],
  ["a negative ttl", { resource: "order:8", ttl: -5_000 }, "ttl-out-of-range"],
  ["a ttl that is no duration", { resource: "order:8", ttl: "soon" }, "ttl-out-of-range"],
  ["a ttl without a unit", { resource: "order:8", ttl: "30" }, "ttl-out-of-range"],
  ["a ttl of null", { resource: "order:8", ttl: null }, "ttl-out-of-range"],
  ["half a millisecond", { resource: "order:8", ttl: 5000.5 }, "ttl-out-of-range"],
  ["a wait above the bound", { resource: "order:8", wait: "61m" }, "wait-out-of-range"],
  ["a lock-delay above the bound", { resource: "order:8", lockDelay: "6m" }, "lock-delay-out-of-range"],
  ["an unknown mode", { resource: "order:8", mode: "both" }, "mode-invalid"],
  ["permits of none", { resource: "order:8", mode: "permit" }, "permits-out-of-range"],
  ["too many permits", { resource: "order:8", mode: "permit", permits: 65_537 }, "permits-out-of-range"],
  ["permits in another mode", { resource: "order:8", permits: 2 }, "permits-out-of-range"],
  ["long metadata", { resource: "order:8", metadata: "x".repeat(257) }, "metadata-too-long"],
  ["an unknown field", { resource: "order:8", ttlMs: 5 }, "malformed"],
  ["an array", [], "malformed"],
  ["no JSON", "{", "malformed"],
];

for (const [title, body, code, status = 400] of REFUSED) {
  test(`an acquire with ${title} is refused as ${code}, and nothing is taken`, async () => {
    const heard = await ask(server, "POST /v1/acquire", body);
    assert.equal(heard.status, status, heard.text);
    assert.equal(heard.body["type"], code, heard.text);
    assert.notEqual(heard.body["detail"], "");
    assert.ok(await isFree(server, "order:8"));
  });
}

test("a token or cursor that is none, and an unknown parameter, are refused", async () => {
  for (const token of [0, -1, 1.5, 2 ** 53, "7", null]) {
    const { status, body } = await ask(server, "POST /v1/release", { resource: "order:9", token });
    assert.deepEqual([status, body["type"]], [400, "token-invalid"], String(token));
  }
  for (const path of ["/v1/list?cursor=x", "/v1/watch?pattern=a:*&cursor=x"]) {
    const { status, body } = await ask(server, `GET ${path}`);
    assert.deepEqual([status, body["type"]], [400, "cursor-invalid"]);
  }
  for (const path of ["/v1/check?resource=a:b&more=1", "/v1/list?limit=0", "/v1/status?x"]) {
    assert.equal((await ask(server, `GET ${path}`)).status, 400, path);
  }
});

test("an unknown path, a wrong method and another media type are told what there is", async () => {
  assert.equal((await ask(server, "GET /v2/acquire")).status, 404);
  const wrong = await ask(server, "GET /v1/acquire");
  assert.deepEqual([wrong.status, wrong.headers.get("allow")], [405, "POST"]);
  const other = await ask(server, "POST /v1/check", {});
  assert.deepEqual([other.status, other.headers.get("allow")], [405, "GET, HEAD"]);
  const form = await ask(server, "POST /v1/acquire", "resource=a:b", { "content-type": "text/plain" });
  assert.deepEqual([form.status, form.body["type"]], [415, "media-type-unsupported"]);
  assert.equal((await ask(server, "GET /v1/connect")).status, 426);
});
