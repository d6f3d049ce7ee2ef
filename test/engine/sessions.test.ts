/** Who asks: sessions whose keys hash alike, paths that are closed, clients that say nothing of what they have seen. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  KIND_ACQUIRE,
  KIND_BUSY,
  KIND_CHECK,
  KIND_CHECKED,
  KIND_FAULT,
  KIND_GRANTED,
  KIND_NOT_HELD,
  KIND_OPEN_SHARD,
  KIND_RELEASE,
  KIND_RELEASED,
} from "../../src/words/kinds.js";
import { faultCode } from "../../src/words/faults.js";
import type { Caller } from "../shard/caller.js";
import { ShardDriver, type Told } from "../shard/driver.js";

const LEASE_MS = 30_000;

function open(driver: ShardDriver, name: string, keyNumber?: number): Caller {
  const key = keyNumber === undefined ? {} : { keyNumber };
  const about = { isSession: true, ttlMs: 60_000, principal: "ann", address: "10.0.0.1:1" };
  const caller = driver.addCaller({ name, ...about, ...key });
  driver.openPath(caller);
  driver.turn(driver.nowMs);
  return caller;
}
function kinds(told: readonly Told[]): number[] {
  return told.map(({ reply }) => reply.kind);
}
function faults(told: readonly Told[]): string[] {
  return told.filter(({ reply }) => reply.kind === KIND_FAULT).map(({ reply }) => faultCode(reply.a));
}

/** Two of the keys that a test can make that have one hash; the tables' hash is keyed, and here with a fixed key. */
function collidingKeys(): [number, number] {
  const driver = new ShardDriver({});
  const { paths } = driver;
  const seen = new Map<number, number>();
  for (let keyNumber = 1; keyNumber < 65_536; keyNumber++) {
    const key = new Uint8Array(16).fill(keyNumber & 255);
    key[0] = keyNumber >>> 8;
    const about = { principal: new Uint8Array(1), address: new Uint8Array(1), connection: 1 };
    const path = paths.open({ key, ttlMs: 1, publicId: [0, 0], ...about });
    const hash = paths.keyHash(path);
    paths.close(path);
    const other = seen.get(hash);
    if (other !== undefined) return [other, keyNumber];
    seen.set(hash, keyNumber);
  }
  return assert.fail("no two of 65,535 keys hash alike: look for them among more");
}

test("R-18: sessions whose keys hash alike are two sessions, in the paths of a worker and in a shard", () => {
  const [one, other] = collidingKeys();
  const driver = new ShardDriver({});
  const ann = open(driver, "ann", one);
  const ben = open(driver, "ben", other);
  assert.equal(driver.paths.keyHash(ann.path), driver.paths.keyHash(ben.path));
  driver.ask(ann, { op: KIND_ACQUIRE, resource: "order:1", ttlMs: LEASE_MS });
  driver.ask(ben, { op: KIND_ACQUIRE, resource: "order:2", ttlMs: LEASE_MS });
  assert.deepEqual(kinds(driver.turn(1)), [KIND_GRANTED, KIND_GRANTED]);
  assert.equal(driver.shard.state.clients.pool.live, 2);
  const [annsNumber, bensNumber] = [driver.paths.serial(ann.path), driver.paths.serial(ben.path)];
  driver.openPath(ben);
  assert.equal(driver.paths.rowOf(bensNumber), 0, "ben's older path is void");
  assert.equal(driver.paths.rowOf(annsNumber), ann.path, "ann's is not");
  driver.openPath(ann);
  assert.equal(driver.paths.rowOf(annsNumber), 0);
  driver.turn(2);
  assert.equal(driver.paths.sessions, 2);
  driver.ask(ben, { op: KIND_RELEASE, resource: "order:1", token: ann.tokens.get("order:1") ?? 0 });
  driver.ask(ann, { op: KIND_RELEASE, resource: "order:1", token: ann.tokens.get("order:1") ?? 0 });
  assert.deepEqual(kinds(driver.turn(3)), [KIND_NOT_HELD, KIND_RELEASED]);
});

test("R-18: nobody is at the other end of a path that is closed", () => {
  const driver = new ShardDriver({});
  const ann = open(driver, "ann");
  driver.ask(ann, { op: KIND_ACQUIRE, resource: "order:1", ttlMs: LEASE_MS });
  driver.turn(1);
  const { engine } = driver.shard;
  assert.notEqual(engine.clientOnPath(ann.path), 0);
  driver.paths.close(ann.path);
  assert.equal(engine.clientOnPath(ann.path), 0);
});

test("R-18, INV-7: once a session has ended here, its path is void here: what comes late can't hide that it is new", () => {
  const driver = new ShardDriver({});
  const ann = open(driver, "ann");
  ann.isDeaf = true;
  const lost = driver.ask(ann, { op: KIND_ACQUIRE, resource: "order:1" });
  driver.turn(1);
  driver.turn(60_001); // In silence for its TTL: its record has ended, and the client knows nothing of it.
  driver.ask(ann, { op: KIND_ACQUIRE, resource: "order:2" });
  driver.ask(ann, { op: KIND_CHECK, resource: "order:2" });
  assert.deepEqual(faults(driver.turn(60_002)), ["path-void", "path-void"]);
  assert.equal(driver.shard.state.clients.pool.live, 0, "nothing was begun");
  driver.openPath(ann);
  const [opened] = driver.turn(60_003);
  assert.deepEqual([opened?.reply.kind, opened?.reply.c], [KIND_OPEN_SHARD, 0], "it is new here, and is told so");
  assert.equal(driver.ask(ann, { op: KIND_ACQUIRE, resource: "order:1" }), lost + 3);
  assert.deepEqual(kinds(driver.turn(60_004)), [KIND_GRANTED]);
});

test("R-18: where many paths share what is remembered of them, none passes for one whose record has ended", () => {
  const driver = new ShardDriver({});
  const [ann, ben] = [open(driver, "ann"), open(driver, "ben")];
  const { paths, shard } = driver;
  assert.ok(!paths.wasFoundIn(ann.path, shard.index), "a keep-alive passes by a shard that does not know the session");
  for (const caller of [ann, ben]) driver.ask(caller, { op: KIND_ACQUIRE, resource: `order:${caller.path}` });
  driver.turn(1);
  paths.noteClient(ann.path, shard.index, paths.clientIn(ben.path, shard.index)); // As if both had one place.
  driver.ask(ann, { op: KIND_CHECK, resource: "order:9" });
  assert.deepEqual(kinds(driver.turn(2)), [KIND_CHECKED]);
  driver.turn(60_003); // In silence for its TTL.
  paths.noteClient(ann.path, shard.index, paths.clientIn(ben.path, shard.index));
  driver.ask(ann, { op: KIND_CHECK, resource: "order:9" });
  assert.deepEqual(faults(driver.turn(60_004)), ["path-void"]);
});

test("R-18: a session that is over, and whose claims go on, begins anew on a path that was opened since", () => {
  const driver = new ShardDriver({});
  const ann = open(driver, "ann");
  driver.ask(ann, { op: KIND_ACQUIRE, resource: "order:1", ttlMs: 200_000 });
  driver.turn(1);
  driver.turn(60_001);
  assert.equal(driver.shard.state.claims.pool.live, 1);
  driver.ask(ann, { op: KIND_ACQUIRE, resource: "order:2" });
  assert.deepEqual(faults(driver.turn(60_002)), ["path-void"]);
  driver.openPath(ann);
  driver.turn(60_003);
  driver.ask(ann, { op: KIND_CHECK, resource: "order:1" });
  driver.ask(ann, { op: KIND_RELEASE, resource: "order:2", token: 1 });
  driver.ask(ann, { op: KIND_ACQUIRE, resource: "order:2" });
  assert.deepEqual(kinds(driver.turn(60_004)), [KIND_CHECKED, KIND_NOT_HELD, KIND_GRANTED]);
});

test("R-18: at the limit of unread answers a request without a word of what was seen is refused, with it is executed", () => {
  const driver = new ShardDriver({ limits: { unreadOutcomesMax: 1 } });
  const ann = open(driver, "ann");
  const acquire = { op: KIND_ACQUIRE, ttlMs: LEASE_MS };
  driver.ask(ann, { ...acquire, resource: "order:1" });
  driver.turn(1);
  const { inbox } = driver.shard.engine;
  driver.ask(ann, { ...acquire, resource: "order:2" });
  inbox.setSeenCount(inbox.first(0), 0);
  assert.deepEqual(faults(driver.turn(2)), ["too-many-unread-outcomes"]);
  driver.ask(ann, { ...acquire, resource: "order:2" });
  assert.deepEqual(kinds(driver.turn(3)), [KIND_GRANTED]);
});

test("INV-8: a release that names no resource is of nothing, whatever its token", () => {
  const driver = new ShardDriver({});
  const ann = open(driver, "ann");
  driver.ask(ann, { op: KIND_ACQUIRE, resource: "order:1", ttlMs: LEASE_MS });
  driver.turn(1);
  driver.ask(ann, { op: KIND_RELEASE, resource: "", token: ann.tokens.get("order:1") ?? 0 });
  driver.ask(ann, { op: KIND_ACQUIRE, resource: "order:1", ttlMs: LEASE_MS });
  assert.deepEqual(kinds(driver.turn(2)), [KIND_NOT_HELD, KIND_BUSY]);
});
