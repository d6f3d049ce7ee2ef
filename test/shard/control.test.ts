/** What is asked of every shard at once: paths that are opened, keep-alives, sessions that their clients close. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EVENT_SESSION_ENDED } from "../../src/words/event-kinds.js";
import {
  KIND_ACQUIRE,
  KIND_CANCELLED,
  KIND_DONE,
  KIND_FORCE_RELEASE,
  KIND_GRANTED,
  KIND_KEPT,
  KIND_NOT_HELD,
  KIND_OPEN_SHARD,
  KIND_RELEASE,
} from "../../src/words/kinds.js";
import type { Control } from "../../src/shard/control.js";
import type { Caller } from "./caller.js";
import { ShardDriver, type Told } from "./driver.js";
import { readEvents } from "./events-read.js";
import { readReply, type Reply, textOf } from "./reply.js";

const TTL_MS = 60_000;
const LEASE_MS = 30_000;

function session(driver: ShardDriver, name: string): Caller {
  const caller = driver.addCaller({ name, isSession: true, ttlMs: TTL_MS, principal: "ann", address: "10.0.0.1:1" });
  driver.openPath(caller);
  driver.turn(driver.nowMs);
  return caller;
}

/** A turn with messages that the driver does not make by itself; answers what was said, committed or not. */
function turnWith({ shard, nowMs }: ShardDriver, controls: readonly Control[]): Reply[] {
  const { replies } = shard;
  const first = replies.end;
  shard.step({ clockMs: nowMs, wallMs: 0, controls, expiryBudget: 1_024 });
  const said: Reply[] = [];
  for (let row = first; row < replies.end; row = replies.behind(row)) said.push(readReply(replies, row));
  return said;
}

function opens(driver: ShardDriver, caller: Caller, seen: readonly number[]): Control {
  const serial = driver.paths.serial(caller.bare);
  return { kind: "open", id: 9, path: caller.bare, serial, opened: [{ path: caller.path, seen }] };
}

/** The request ids of the claims and of the outcomes that an OPEN_SHARD tells of its one session. */
function toldOf({ details }: Reply): { claims: number[]; outcomes: number[] } {
  const [head, ...rows] = details;
  assert.ok(head);
  const claims = rows.slice(0, head.f).map((row) => row.a);
  const outcomes = rows.slice(head.f).map((row) => row.a);
  assert.equal(outcomes.length, head.id);
  return { claims, outcomes };
}

test("R-18: a path that was voided by a newer one in the same turn is told nothing, and the newer one all", () => {
  const driver = new ShardDriver({});
  const caller = session(driver, "caller");
  driver.ask(caller, { op: KIND_ACQUIRE, resource: "order:1", ttlMs: LEASE_MS });
  driver.turn(1);
  driver.openPath(caller);
  const voided = caller.path;
  driver.paths.forget(voided); // As a worker does with the older path until the turn's end.
  driver.openPath(caller);
  assert.notEqual(caller.path, voided);
  const opened = driver.turn(2).filter(({ reply }) => reply.kind === KIND_OPEN_SHARD);
  assert.deepEqual(
    opened.map(({ reply }) => [reply.c, reply.details.length]),
    [
      [0, 0],
      [1, 2], // The session, and its one claim.
    ],
  );
  const { clients } = driver.shard.state;
  assert.equal(clients.path(1), caller.path, "the session listens on the newer path");
});

test("R-18: a client that has seen nothing, or says nothing of it, is told every outcome; seen ranges leave out theirs", () => {
  const driver = new ShardDriver({});
  const caller = session(driver, "caller");
  caller.isDeaf = true;
  for (let i = 1; i <= 6; i++) driver.ask(caller, { op: KIND_ACQUIRE, resource: `order:${i}`, ttlMs: LEASE_MS });
  driver.turn(1);
  const outcomesTold = (seen: readonly number[]): number[] => {
    const [reply] = turnWith(driver, [opens(driver, caller, seen)]);
    assert.ok(reply?.kind === KIND_OPEN_SHARD && reply.c === 1);
    const { claims, outcomes } = toldOf(reply);
    assert.deepEqual(claims, [6, 5, 4, 3, 2, 1], "claims are told whatever was seen");
    return outcomes;
  };
  assert.deepEqual(outcomesTold([]), [1, 2, 3, 4, 5, 6]);
  assert.deepEqual(outcomesTold([0]), [1, 2, 3, 4, 5, 6]);
  assert.deepEqual(outcomesTold([2]), [3, 4, 5, 6]);
  assert.deepEqual(outcomesTold([1, 3, 4, 6, 6]), [2, 5]);
  assert.deepEqual(outcomesTold([6]), []);
});

test("R-18: what is told of a session leaves out the lock-delays that its ended claims have left", () => {
  const driver = new ShardDriver({});
  const caller = session(driver, "caller");
  const admin = session(driver, "admin");
  for (const resource of ["order:1", "order:2"])
    driver.ask(caller, { op: KIND_ACQUIRE, resource, ttlMs: LEASE_MS, lockDelayMs: 20_000 });
  driver.turn(1);
  driver.ask(admin, { op: KIND_FORCE_RELEASE, resource: "order:1" });
  driver.turn(2);
  assert.equal(driver.shard.state.claims.pool.live, 2, "the delay has a row");
  const [reply] = turnWith(driver, [opens(driver, caller, [2])]);
  assert.ok(reply);
  assert.deepEqual(toldOf(reply).claims, [2]);
  assert.equal(textOf(reply.details[1] ?? assert.fail("one claim is told")), "order:2");
});

test("R-19: a keep-alive is answered by nothing for a path that is closed, and for one that this shard never met", () => {
  const driver = new ShardDriver({});
  const known = session(driver, "known");
  const stranger = session(driver, "stranger");
  const gone = session(driver, "gone");
  for (const caller of [known, gone]) {
    driver.ask(caller, { op: KIND_ACQUIRE, resource: `order:${caller.name}`, ttlMs: LEASE_MS });
  }
  driver.turn(1);
  driver.paths.close(gone.path);
  const keepAlive = (paths: readonly number[]): { said: Reply[]; owed: number } => {
    const parts = { number: 5, owed: 0 };
    const serial = driver.paths.serial(known.bare);
    const said = turnWith(driver, [{ kind: "keepalive", id: 9, count: 77, path: known.bare, serial, paths, parts }]);
    return { said, owed: parts.owed };
  };
  assert.deepEqual(keepAlive([stranger.path, gone.path]), { said: [], owed: 0 });
  const { said, owed } = keepAlive([stranger.path, gone.path, known.path]);
  assert.equal(owed, 1);
  assert.deepEqual(
    said.map((reply) => [reply.kind, reply.a, reply.d, reply.details.map(({ a }) => a)]),
    [[KIND_KEPT, 77, 1, [driver.paths.serial(known.path)]]],
  );
});

test("a close of a path that has gone, or of a session that holds nothing here, owes no part of the answer", () => {
  const driver = new ShardDriver({});
  const gone = session(driver, "gone");
  const stranger = session(driver, "stranger");
  driver.ask(gone, { op: KIND_ACQUIRE, resource: "order:1", ttlMs: LEASE_MS });
  driver.turn(1);
  driver.paths.close(gone.path);
  for (const { bare, path } of [gone, stranger]) {
    const parts = { number: 5, owed: 0 };
    const serial = driver.paths.serial(bare);
    const said = turnWith(driver, [{ kind: "close", id: 9, path: bare, serial, closing: path, parts }]);
    assert.deepEqual([said, parts.owed], [[], 0]);
  }
  assert.equal(driver.shard.state.claims.pool.live, 1, "what it holds goes on to its deadline");
});

/** A session with so many claims under names so long that one turn can't log their ends. */
function holderOfMany(driver: ShardDriver, count: number): Caller {
  const holder = session(driver, "holder");
  for (let i = 0; i < count; i++) {
    driver.ask(holder, { op: KIND_ACQUIRE, resource: nameOf(i), ttlMs: i % 2 === 0 ? 0 : LEASE_MS });
    if (i % 1_000 === 999) driver.turn(driver.nowMs);
  }
  driver.turn(driver.nowMs);
  return holder;
}
function nameOf(i: number): string {
  return `order:${"x".repeat(230)}-${i}`;
}

test("a session with more claims than a turn can log is closed over several turns, which others ask in between", () => {
  const count = 8_000;
  const driver = new ShardDriver({ claims: 10_000, outcomes: 20_000, limits: { unreadOutcomesMax: 20_000 } });
  const holder = holderOfMany(driver, count);
  const waiter = session(driver, "waiter");
  const asker = session(driver, "asker");
  driver.ask(waiter, { op: KIND_ACQUIRE, resource: nameOf(0), ttlMs: LEASE_MS, waitMs: 60_000 });
  driver.turn(1);
  driver.close(holder);
  const told: Told[] = [];
  const turns: { live: number; isDone: boolean }[] = [];
  for (let turn = 1; turn === 1 || driver.isBehind; turn++) {
    assert.ok(turn < 50, "it ends");
    driver.ask(asker, { op: KIND_ACQUIRE, resource: `mine:${turn}`, ttlMs: LEASE_MS });
    const logged = driver.batches.length;
    const left = driver.turn(1 + turn);
    told.push(...left);
    assert.ok(
      left.some(({ reply, caller }) => caller === asker && reply.kind === KIND_GRANTED),
      `turn ${turn} answers`,
    );
    for (const batch of driver.batches.slice(logged)) assert.ok(batch.length < 2 ** 20 + 4_096, "a turn stays bounded");
    const isDone = left.some(({ reply }) => reply.kind === KIND_DONE);
    turns.push({ live: driver.shard.state.claims.pool.live, isDone });
    assert.equal(driver.shard.isDue(1 + turn), driver.isBehind, "while something of it is left, a step is due");
  }
  assert.ok(turns.length > 1, "it took several turns");
  assert.deepEqual(
    turns.map(({ isDone }) => isDone),
    turns.map((_, index) => index === turns.length - 1),
    "DONE is said once, by the turn that has ended all",
  );
  assert.equal(told.filter(({ reply, caller }) => caller === waiter && reply.kind === KIND_GRANTED).length, 1);
  assert.equal(driver.shard.state.claims.pool.live, turns.length + 1, "the asker's, and the waiter's");
  const events = driver.batches.flatMap((batch) => readEvents(batch));
  assert.equal(events.filter(({ kind }) => kind === EVENT_SESSION_ENDED).length, 1);
});

test("INV-8: while a session is being closed nobody else releases what is left, and its waits are cancelled first", () => {
  const driver = new ShardDriver({ claims: 10_000, outcomes: 20_000, limits: { unreadOutcomesMax: 20_000 } });
  const other = session(driver, "other");
  driver.ask(other, { op: KIND_ACQUIRE, resource: "order:other", ttlMs: LEASE_MS });
  driver.turn(0);
  const holder = holderOfMany(driver, 8_000);
  driver.ask(holder, { op: KIND_ACQUIRE, resource: "order:other", ttlMs: LEASE_MS, waitMs: 60_000 });
  driver.turn(1);
  driver.close(holder);
  const first = driver.turn(2);
  assert.ok(driver.isBehind);
  assert.equal(first.filter(({ reply }) => reply.kind === KIND_CANCELLED).length, 1);
  const { claims, clients } = driver.shard.state;
  const client = clients.find(driver.paths, holder.path);
  const left = clients.firstClaim(client);
  assert.ok(left !== 0 && clients.isSession(client), "it lives until all has ended");
  const [resource = "", token = 0] = [...holder.tokens].find(([, told]) => told === claims.lsn(left)) ?? [];
  driver.ask(other, { op: KIND_RELEASE, resource, token });
  const [answer] = driver.turn(3);
  assert.ok(answer?.caller === other && answer.reply.kind === KIND_NOT_HELD);
  for (let turn = 4; turn < 50; turn++) driver.turn(turn);
  assert.equal(claims.pool.live, 1, "only what the other holds");
});
