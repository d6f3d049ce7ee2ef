/** The actor around the rules: replies that wait for commits, crowds that take more than one turn, time in the log. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EVENT_SESSION_ENDED, EVENT_TIME } from "../../src/words/event-kinds.js";
import { lsn } from "../../src/words/ids.js";
import {
  KIND_ABANDONED,
  KIND_ACQUIRE,
  KIND_BUSY,
  KIND_CHECK,
  KIND_GRANTED,
  KIND_RELEASE,
  KIND_SESSION_ENDED,
} from "../../src/words/kinds.js";
import type { Caller } from "./caller.js";
import { ShardDriver, type Told } from "./driver.js";
import { dump } from "./dump.js";
import { readEvents } from "./events-read.js";
import { readClaim } from "./reply.js";

const TTL_MS = 60_000;

function session(driver: ShardDriver, name: string): Caller {
  const caller = driver.addCaller({ name, isSession: true, ttlMs: TTL_MS, principal: "ann", address: "10.0.0.1:1" });
  driver.openPath(caller);
  driver.turn(driver.nowMs);
  return caller;
}
/** Turns until nothing that is due is left. */
function settle(driver: ShardDriver, nowMs: number): { told: Told[]; turns: number } {
  const told = driver.turn(nowMs);
  let turns = 1;
  for (; driver.isBehind; turns++) {
    assert.ok(turns < 10_000, "a shard works off what is due");
    told.push(...driver.turn(nowMs));
  }
  return { told, turns };
}
function count(told: readonly Told[], kind: number): number {
  return told.filter(({ reply }) => reply.kind === kind).length;
}

test("R-8: replies leave in their order as commits come, whole, while others still wait and the columns grow", () => {
  const driver = new ShardDriver({});
  driver.isHeld = true;
  const holders = Array.from({ length: 20 }, (_, i) => session(driver, `holder-${i}`));
  const asker = session(driver, "asker");
  let asked = 0;
  const told: Told[] = [];
  for (let turn = 1; turn < 400; turn++) {
    const holder = holders[turn % holders.length];
    assert.ok(holder);
    driver.ask(holder, { op: KIND_ACQUIRE, resource: `order:${turn}`, ttlMs: 30_000, extra: `metadata of ${turn}` });
    for (let i = 0; i < turn % 7; i++, asked++)
      driver.ask(asker, { op: KIND_ACQUIRE, resource: `order:${turn}`, ttlMs: 30_000 });
    driver.turn(turn);
    // Commits lag by some turns, so that there is always something that waits.
    driver.shard.committed = lsn(driver.batchLsns[driver.batchLsns.length - 1 - (turn % 5)] ?? 0);
    told.push(...driver.leave());
    assert.ok(driver.shard.replies.text.length < 20_000, "the text of what has left is dropped");
  }
  told.push(...driver.commit());
  const busy = told.filter(({ reply }) => reply.kind === KIND_BUSY);
  assert.equal(busy.length, asked);
  for (const { caller, reply, atMs } of busy) {
    const [row] = reply.details;
    assert.ok(caller === asker && row !== undefined && reply.a === 1 && reply.details.length === 1);
    assert.equal(readClaim(row).metadata, `metadata of ${atMs}`);
    assert.equal(asker.asked.get(reply.id), `order:${atMs}`);
  }
});

test("a reply with more details than there was room for is still that reply", () => {
  const driver = new ShardDriver({});
  const sharers = Array.from({ length: 300 }, (_, i) => session(driver, `sharer-${i}`));
  for (const sharer of sharers) driver.ask(sharer, { op: KIND_ACQUIRE, resource: "doc:1", mode: 1, ttlMs: 30_000 });
  driver.turn(1);
  const [one] = sharers;
  assert.ok(one);
  driver.isHeld = true;
  driver.ask(one, { op: KIND_RELEASE, resource: "doc:1", token: one.tokens.get("doc:1") ?? 0 });
  for (let i = 0; i < 5; i++) driver.ask(one, { op: KIND_CHECK, resource: "doc:1" });
  driver.turn(2);
  const checked = driver.commit().filter(({ reply }) => reply.details.length > 0);
  assert.deepEqual(
    checked.map(({ reply }) => [reply.a, reply.details.length]),
    Array.from({ length: 5 }, () => [299, 299]),
  );
});

test("INV-6: a crowd of sharers is granted in slices, in order; a restart in between loses nobody", () => {
  const driver = new ShardDriver({ clients: 3_000 });
  const resource = `doc:${"x".repeat(1_000)}`;
  const holder = session(driver, "holder");
  driver.ask(holder, { op: KIND_ACQUIRE, resource, ttlMs: 30_000 });
  driver.turn(1);
  const crowd = Array.from({ length: 2_000 }, (_, i) => session(driver, `sharer-${i}`));
  for (const sharer of crowd)
    driver.ask(sharer, { op: KIND_ACQUIRE, resource, mode: 1, ttlMs: 30_000, waitMs: 60_000 });
  driver.turn(2);
  driver.ask(holder, { op: KIND_RELEASE, resource, token: holder.tokens.get(resource) ?? 0 });
  const granted = driver.turn(3).filter(({ reply }) => reply.kind === KIND_GRANTED);
  const { claims } = driver.shard.state;
  assert.ok(
    granted.length > 0 && driver.isBehind && claims.waiting === crowd.length - granted.length && claims.waiting > 0,
  );
  const names = granted.map(({ caller }) => caller.name);
  assert.deepEqual(
    names,
    crowd.slice(0, granted.length).map(({ name }) => name),
  );
  driver.restart();
  assert.equal(driver.shard.state.claims.waiting, crowd.length - granted.length);
  settle(driver, 3);
  assert.equal(driver.shard.state.claims.waiting, 0);
  assert.equal(driver.shard.state.claims.pool.live, crowd.length);
});

test("R-17, R-19: a session with more waits and claims than a turn can log ends over several, and the next are granted", () => {
  const driver = new ShardDriver({ claims: 20_000, outcomes: 40_000, limits: { unreadOutcomesMax: 40_000 } });
  const name = (i: number): string => `type:${"x".repeat(230)}-${i}`;
  const silent = session(driver, "silent");
  const other = session(driver, "other");
  const ask = (caller: Caller, each: (i: number) => Parameters<ShardDriver["ask"]>[1]): void => {
    for (let from = 0; from < 6_000; from += 2_000) {
      for (let i = from; i < from + 2_000; i++) driver.ask(caller, each(i));
      driver.turn(driver.nowMs);
    }
  };
  ask(other, (i) => ({ op: KIND_ACQUIRE, resource: name(i), ttlMs: 300_000 }));
  ask(silent, (i) => ({ op: KIND_ACQUIRE, resource: name(i), ttlMs: 0, waitMs: 3_600_000 }));
  ask(silent, (i) => ({ op: KIND_ACQUIRE, resource: `bound:${"x".repeat(200)}-${i}`, ttlMs: 0 }));
  let told: Told[] = [];
  let turns = 0;
  for (let nowMs = 5_000; nowMs <= TTL_MS; nowMs += 5_000) {
    driver.keepAlive([other]);
    const logged = driver.batches.length;
    const settled = settle(driver, nowMs);
    told = [...told, ...settled.told];
    turns = Math.max(turns, settled.turns);
    for (const batch of driver.batches.slice(logged))
      assert.ok(batch.length < 2 ** 20 + 2_000, "a turn logs what the log's ring takes");
  }
  assert.ok(turns > 1, "it took several turns");
  assert.equal(count(told, KIND_ABANDONED), 6_000);
  assert.equal(count(told, KIND_SESSION_ENDED), 1);
  assert.equal(readEvents(driver.batches.at(-1) ?? new Uint8Array(0)).at(-1)?.kind, EVENT_SESSION_ENDED);
  assert.equal(driver.shard.state.claims.pool.live, 6_000);
});

test("R-1: a shard that has a deadline logs the time once a second, and nothing when it has none", () => {
  const driver = new ShardDriver({});
  assert.equal(driver.nextDueMs, Number.POSITIVE_INFINITY);
  const holder = session(driver, "holder");
  driver.turn(5_000);
  assert.equal(driver.batches.length, 0);
  driver.ask(holder, { op: KIND_ACQUIRE, resource: "order:1", ttlMs: 30_000 });
  driver.turn(5_000);
  for (let nowMs = 5_100; nowMs <= 8_000; nowMs += 100) driver.turn(nowMs);
  const kinds = driver.batches.slice(1).flatMap((batch) => readEvents(batch).map(({ kind }) => kind));
  assert.deepEqual(kinds, [EVENT_TIME, EVENT_TIME, EVENT_TIME]);
  driver.restart();
  assert.equal(driver.nowMs, 8_000, "shard time goes on from the largest stamp");
});

test("the same requests at the same times make the same log and the same tables", () => {
  const live = (): { log: Buffer; tables: string } => {
    const driver = new ShardDriver({});
    const callers = Array.from({ length: 9 }, (_, i) => session(driver, `caller-${i}`));
    for (let turn = 1; turn < 200; turn++) {
      for (const caller of callers) {
        const resource = `order:${(turn * 7 + caller.connection) % 5}`;
        driver.ask(caller, { op: KIND_ACQUIRE, resource, ttlMs: 5_000 + caller.connection, waitMs: 3_000 });
      }
      driver.turn(turn * 317);
    }
    return { log: Buffer.concat(driver.batches), tables: dump(driver.shard.state) };
  };
  const once = live();
  const again = live();
  assert.ok(once.log.length > 10_000 && once.log.equals(again.log));
  assert.equal(once.tables, again.tables);
});

test("R-1: turns in which shard time goes on without a step count; only those in which it stands are lost", () => {
  const driver = new ShardDriver({});
  const { shard } = driver;
  const holder = session(driver, "holder");
  driver.ask(holder, { op: KIND_ACQUIRE, resource: "order:1" });
  driver.turn(0);
  for (let clockMs = 1_000; clockMs < TTL_MS; clockMs += 1_000) {
    if (clockMs % 10_000 === 0) shard.standStill(clockMs);
    else shard.goOnInTime(clockMs);
  }
  const stoodMs = 5 * 1_000;
  assert.deepEqual(settle(driver, TTL_MS + stoodMs - 1).told, []);
  assert.equal(count(settle(driver, TTL_MS + stoodMs).told, KIND_SESSION_ENDED), 1);
});
