/** What keeps one turn bounded: bytes of events, and answers that wait to leave. What does not fit is told, and can be asked again. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { faultCode } from "../../src/words/faults.js";
import {
  KIND_ACQUIRE,
  KIND_CHECK,
  KIND_CHECKED,
  KIND_DONE,
  KIND_FAULT,
  KIND_FORCE_RELEASE,
  KIND_GRANTED,
  KIND_LIST,
  KIND_LISTED,
  KIND_REVOKE,
} from "../../src/words/kinds.js";
import type { Caller } from "../shard/caller.js";
import { ShardDriver } from "../shard/driver.js";

const LEASE_MS = 30_000;

function open(driver: ShardDriver, name: string): Caller {
  const caller = driver.addCaller({ name, isSession: true, ttlMs: 60_000, principal: "ann", address: "10.0.0.1:1" });
  driver.openPath(caller);
  driver.turn(driver.nowMs);
  return caller;
}

test("an admin's order in a turn that has logged all it may is refused, and is executed in the next", () => {
  const driver = new ShardDriver({ limits: { unreadOutcomesMax: 4_000 } });
  const ann = open(driver, "ann");
  const admin = open(driver, "admin");
  for (const op of [KIND_REVOKE, KIND_FORCE_RELEASE]) {
    // 1,020 bytes of name in each of 1,000 events: 1 MiB.
    for (let i = 0; i < 1_000; i++) {
      driver.ask(ann, { op: KIND_ACQUIRE, resource: `${op}:${i}-`.padEnd(1_020, "x"), ttlMs: LEASE_MS });
    }
    const resource = `${op}:0-`.padEnd(1_020, "x");
    driver.ask(admin, { op, resource });
    const answers = driver.turn(driver.nowMs + 1);
    assert.equal(
      answers.filter(({ reply }) => reply.kind === KIND_GRANTED).length,
      1_000,
      "acquires have their own bound",
    );
    const [refused] = answers.filter(({ caller }) => caller === admin);
    assert.ok(refused?.reply.kind === KIND_FAULT && faultCode(refused.reply.a) === "overloaded");
    driver.ask(admin, { op, resource });
    const [done] = driver.turn(driver.nowMs + 1).filter(({ caller }) => caller === admin);
    assert.ok(done?.reply.kind === KIND_DONE && done.reply.a === 1);
  }
});

test("while very much waits to leave, check tells fewer holders, and list an empty page that goes on from where it was", () => {
  const driver = new ShardDriver({ clients: 2_000 });
  const ann = open(driver, "ann");
  const holders = 500;
  for (let i = 0; i < holders; i++) driver.ask(ann, { op: KIND_ACQUIRE, resource: "doc:1", mode: 1, ttlMs: LEASE_MS });
  driver.turn(1);
  const checkAndList = (): void => {
    driver.ask(ann, { op: KIND_CHECK, resource: "doc:1" });
    driver.ask(ann, { op: KIND_LIST, resource: "doc:", permits: 10, token: 3 });
  };
  checkAndList();
  const [checked, listed] = driver.turn(2);
  assert.ok(checked?.reply.kind === KIND_CHECKED && listed?.reply.kind === KIND_LISTED);
  assert.deepEqual([checked.reply.a, listed.reply.a, listed.reply.b], [holders, 10, 13]);
  driver.isHeld = true;
  driver.ask(ann, { op: KIND_ACQUIRE, resource: "doc:2", ttlMs: LEASE_MS }); // So that there is something to wait for.
  for (let i = 0; i < 40; i++) driver.ask(ann, { op: KIND_CHECK, resource: "doc:1" });
  driver.turn(3);
  checkAndList();
  driver.turn(4);
  driver.isHeld = false;
  const [shortened, empty] = driver.commit().slice(-2);
  assert.ok(shortened?.reply.kind === KIND_CHECKED && empty?.reply.kind === KIND_LISTED);
  assert.deepEqual([shortened.reply.a, shortened.reply.details.length], [16, 16]);
  assert.deepEqual([empty.reply.a, empty.reply.b], [0, 3], "the page begins anew where it began");
});
