/** a shard that has a new primary: what was opened before its office counts for nothing, what is opened in it does. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { faultCode } from "../../src/words/faults.js";
import { shardMs } from "../../src/words/ids.js";
import {
  KIND_ACQUIRE,
  KIND_CHECK,
  KIND_CHECKED,
  KIND_FAULT,
  KIND_GRANTED,
  KIND_KEPT,
  KIND_OPEN_SHARD,
  KIND_RELEASE,
  KIND_RELEASED,
} from "../../src/words/kinds.js";
import type { Caller } from "./caller.js";
import { ShardDriver, type Told } from "./driver.js";

const TTL_MS = 10_000;
const LEASE_MS = 30_000;

/** A session that holds a lock in an office whose paths count no more. */
function heldBeforeOffice(): { readonly driver: ShardDriver; readonly holder: Caller } {
  const driver = new ShardDriver({});
  const holder = driver.addCaller({ name: "holder", isSession: true, ttlMs: TTL_MS, principal: "ann", address: "::1" });
  driver.openPath(holder);
  driver.turn(0);
  driver.ask(holder, { op: KIND_ACQUIRE, resource: "order:1", ttlMs: 0 });
  driver.turn(1);
  driver.shard.takeOffice(shardMs(1), 1, "later-paths");
  return { driver, holder };
}

function kinds(told: readonly Told[]): readonly (number | string)[] {
  return told.map(({ reply }) => (reply.kind === KIND_FAULT ? faultCode(reply.a) : reply.kind));
}

test("R-18: a request on a path of an earlier office is refused unexecuted; one without a session is executed", () => {
  const { driver, holder } = heldBeforeOffice();
  const thin = driver.addCaller({ name: "thin", isSession: false, ttlMs: 0, principal: "ann", address: "::1" });
  const token = holder.tokens.get("order:1") ?? 0;
  driver.ask(holder, { op: KIND_RELEASE, resource: "order:1", token });
  driver.ask(thin, { op: KIND_CHECK, resource: "order:1" });
  const told = driver.turn(2);
  assert.deepEqual(kinds(told), ["path-void", KIND_CHECKED]);
  assert.equal(driver.shard.state.claims.pool.live, 1, "it was not released");
});

test("R-19: a keep-alive on a path of an earlier office is not heard, and a close on it closes nothing", () => {
  const { driver, holder } = heldBeforeOffice();
  driver.keepAlive([holder]);
  driver.close(holder);
  assert.deepEqual(kinds(driver.turn(TTL_MS - 1)), []);
  assert.equal(driver.shard.state.claims.pool.live, 1);
  driver.turn(TTL_MS + 1);
  assert.equal(driver.shard.state.claims.pool.live, 0, "it was silent for its TTL (R-19)");
});

test("R-18: a path that is opened in this office is told what the session has, and counts from then on", () => {
  const { driver, holder } = heldBeforeOffice();
  driver.openPath(holder);
  assert.deepEqual(kinds(driver.turn(2)), [KIND_OPEN_SHARD]);
  driver.keepAlive([holder]);
  driver.ask(holder, { op: KIND_RELEASE, resource: "order:1", token: holder.tokens.get("order:1") ?? 0 });
  assert.deepEqual(kinds(driver.turn(3)), [KIND_RELEASED, KIND_KEPT]);
  const other = driver.addCaller({ name: "other", isSession: true, ttlMs: TTL_MS, principal: "bob", address: "::1" });
  driver.openPath(other);
  driver.turn(4);
  driver.ask(other, { op: KIND_ACQUIRE, resource: "order:1", ttlMs: 0 });
  assert.deepEqual(kinds(driver.turn(5)), [KIND_GRANTED], "later paths have larger numbers");
});

test("R-18: an opening that came before the office is answered by its first step, once", () => {
  const { driver, holder } = heldBeforeOffice();
  const { paths, shard } = driver;
  const opened = [{ path: holder.path, seen: [1] }];
  shard.owe([{ kind: "open", id: 7, path: holder.bare, serial: paths.serial(holder.bare), opened }]);
  assert.ok(shard.isDue(2), "somebody waits for it");
  const [told] = driver.turn(2);
  assert.ok(told?.reply.kind === KIND_OPEN_SHARD && told.reply.id === 7 && told.reply.c === 1);
  assert.ok(!shard.isDue(3));
  assert.deepEqual(driver.turn(3), []);
  driver.ask(holder, { op: KIND_CHECK, resource: "order:1" });
  assert.deepEqual(kinds(driver.turn(4)), [KIND_CHECKED], "with that its path counts in this office");
});

test("R-1: a shard without a deadline wants no step of itself, one with a deadline wants one within a second", () => {
  const driver = new ShardDriver({});
  assert.equal(driver.nextDueMs, Number.POSITIVE_INFINITY);
  const thin = driver.addCaller({ name: "thin", isSession: false, ttlMs: 0, principal: "ann", address: "::1" });
  driver.ask(thin, { op: KIND_ACQUIRE, resource: "order:1", ttlMs: LEASE_MS });
  driver.turn(10);
  assert.ok(driver.nextDueMs > 10 && driver.nextDueMs <= 1_010, `${driver.nextDueMs}`);
});
