/**
 * A storm of expiries, by the shard's step alone: many claims whose deadlines lie in one second of shard time, while
 * others ask. Turns stay bounded in rows and bytes, requests are answered in their own turn, and waiters are granted soon
 * after their holders' deadlines. How long a turn lasts is given: real time is the benches' business. STORM=full plays
 * the whole million.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EVENT_EXPIRED } from "../../src/words/event-kinds.js";
import { crc32 } from "../../src/words/crc32.js";
import { lsn, shardMs } from "../../src/words/ids.js";
import { KIND_ACQUIRE, KIND_GRANTED } from "../../src/words/kinds.js";
import type { Surroundings } from "../../src/engine/engine.js";
import type { Shard } from "../../src/shard/shard.js";
import type { DriverOptions } from "./driver.js";
import { newShard } from "./driver.js";
import { readEvents } from "./events-read.js";

const isFull = process.env["STORM"] === "full";
/** What a worker gives each of its shards in a turn (src/worker/turn.ts). */
const EXPIRY_BUDGET = 1_024;
/** A turn may log so much, and the event that crossed the bound. */
const TURN_BYTES_MAX = 2 ** 20 + 4_096;
const FILL = 4_000;
const TTL_MS = 5_000;
const WAIT_MS = 60_000;
const encoder = new TextEncoder();

interface Asking {
  readonly path: number;
  readonly id: number;
  readonly resource: string;
  readonly ttlMs: number;
  readonly waitMs: number;
}

/** What one turn did. */
interface Turned {
  /** Ids of acquires that were granted. */
  readonly granted: readonly number[];
  readonly events: number;
  readonly expired: number;
  readonly bytes: number;
  readonly isLeft: boolean;
}

/** One shard, whose commits are instant. Nothing is kept of what it says but counts: a million answers are too many. */
class Storm {
  readonly shard: Shard;
  readonly #surroundings: Surroundings;
  nowMs = 0;

  constructor(options: DriverOptions) {
    const made = newShard(options);
    this.shard = made.shard;
    this.#surroundings = made.surroundings;
    this.shard.takeOffice(shardMs(0), 0);
  }

  /** A path of a session (`key` from 1), or of somebody without one (0). */
  open(key: number): number {
    const about = { principal: encoder.encode("ann"), address: encoder.encode("10.0.0.1:1"), connection: key };
    const session = { key: new Uint8Array(16).fill(key), ttlMs: 300_000, publicId: [key, key] as const };
    const nobody = { key: null, ttlMs: 0, publicId: [0, 0] as const };
    return this.#surroundings.paths.open({ ...about, ...(key === 0 ? nobody : session) });
  }

  acquire({ path, id, resource, ttlMs, waitMs }: Asking): void {
    const { inbox } = this.#surroundings;
    const row = inbox.add();
    const name = encoder.encode(resource);
    const at = inbox.frames.reserve(name.length);
    inbox.bytes.set(name, at);
    inbox.setOp(row, KIND_ACQUIRE);
    inbox.setId(row, id);
    inbox.setPath(row, path);
    inbox.setNameAt(row, at);
    inbox.setNameEnd(row, at + name.length);
    inbox.setExtraAt(row, at);
    inbox.setExtraEnd(row, at);
    inbox.setCrc(row, crc32(inbox.bytes, at, at + name.length, 0));
    inbox.setToken(row, 0);
    inbox.setTtlMs(row, ttlMs);
    inbox.setWaitMs(row, waitMs);
    inbox.setMode(row, 0);
    inbox.setLockDelayMs(row, 0);
    inbox.setIsLoose(row, 0);
    inbox.setPermits(row, 0);
    inbox.setSentCount(row, 1);
    inbox.setSeenCount(row, 0);
    inbox.route(row, 0);
  }

  turn(nowMs: number): Turned {
    const { inbox, events } = this.#surroundings;
    const { counters } = this.shard.engine;
    this.nowMs = nowMs;
    events.reset();
    const [before, expired] = [this.shard.state.head, counters.expired];
    const isLeft = this.shard.step({ clockMs: nowMs, wallMs: 0, controls: [], expiryBudget: EXPIRY_BUDGET });
    inbox.reset();
    this.lastBatch = events.buffer.bytes.subarray(0, events.size);
    return {
      granted: this.#leave(),
      events: this.shard.state.head - before,
      expired: counters.expired - expired,
      bytes: events.size,
      isLeft,
    };
  }
  /** Lent until the next turn. */
  lastBatch: Uint8Array = new Uint8Array(0);

  #leave(): number[] {
    const { replies, state } = this.shard;
    this.shard.committed = lsn(state.head);
    const granted: number[] = [];
    for (let row = replies.first; row < replies.end; row = replies.behind(row))
      if (replies.kind(row) === KIND_GRANTED) granted.push(replies.id(row));
    replies.leave(replies.end);
    return granted;
  }

  /** Fills the shard with claims of somebody without a session, whose deadlines lie within the given second. */
  fill(path: number, count: number, deadlineMs: number): void {
    for (let i = 0; i < count; i++) {
      const resource = `lock:${i}`;
      this.acquire({ path, id: i + 1, resource, ttlMs: deadlineMs + ((i * 7_919) % 1_000) - this.nowMs, waitMs: 0 });
      if (i % FILL === FILL - 1 || i === count - 1) assert.equal(this.turn(this.nowMs).granted.length, (i % FILL) + 1);
    }
  }
}

/** The storm with somebody who asks, and turns that last `turnMs`; answers when each id was granted. */
function playStorm(
  storm: Storm,
  options: { readonly asker: number; readonly fromMs: number; readonly turnMs: number; readonly until: () => boolean },
): { grantedAt: Map<number, number>; turns: number; expired: number } {
  const { asker, fromMs, turnMs, until } = options;
  const grantedAt = new Map<number, number>();
  let turns = 0;
  let expired = 0;
  for (let nowMs = fromMs; !until(); nowMs += turnMs) {
    assert.ok(turns++ < 20_000, "a storm passes");
    const id = 10_000_000 + turns;
    storm.acquire({ path: asker, id, resource: `asked:${turns}`, ttlMs: 300_000, waitMs: 0 });
    const turned = storm.turn(nowMs);
    // One row that runs out is one event, and at most the grant of one waiter; the request is an event of its own.
    assert.ok(turned.expired <= EXPIRY_BUDGET, `turn ${turns} ended ${turned.expired} claims`);
    assert.ok(turned.events <= 2 * EXPIRY_BUDGET + 2, `turn ${turns} logged ${turned.events} events`);
    assert.ok(turned.bytes <= TURN_BYTES_MAX, `turn ${turns} logged ${turned.bytes} bytes`);
    assert.ok(turned.granted.includes(id), `the acquire of turn ${turns} is answered in its turn`);
    for (const granted of turned.granted) grantedAt.set(granted, nowMs);
    expired += turned.expired;
  }
  return { grantedAt, turns, expired };
}

test("100,000 claims expire in one second: turns stay bounded, acquires are answered, waiters wait at most 100 ms", () => {
  const count = 100_000;
  const waiters = 100;
  const storm = new Storm({ claims: count + 20_000, clients: 1_000, outcomes: 10_000 });
  const bare = storm.open(0);
  storm.fill(bare, count, TTL_MS);
  // A session waits for every thousandth, and was heard within its grace when they run out.
  const deadlines = new Map<number, number>();
  const session = storm.open(1);
  for (let waiter = 0; waiter < waiters; waiter++) {
    const i = waiter * (count / waiters);
    const id = 20_000_000 + waiter;
    deadlines.set(id, TTL_MS + ((i * 7_919) % 1_000));
    storm.acquire({ path: session, id, resource: `lock:${i}`, ttlMs: 300_000, waitMs: WAIT_MS });
  }
  assert.deepEqual(storm.turn(1).granted, []);
  const { claims } = storm.shard.state;
  const { grantedAt, expired } = playStorm(storm, {
    asker: bare,
    fromMs: TTL_MS,
    turnMs: 5,
    until: () => storm.nowMs >= TTL_MS + 1_100,
  });
  assert.equal(expired, count);
  assert.equal(claims.waiting, 0);
  for (const [id, deadline] of deadlines) {
    const at = grantedAt.get(id) ?? Number.POSITIVE_INFINITY;
    assert.ok(at >= deadline && at <= deadline + 100, `deadline ${deadline}, granted at ${at}`);
  }
});

test("INV-9: claims that run out at one moment are all freed within 1 s + 1 s for each million, in bounded turns", () => {
  const count = isFull ? 1_000_000 : 200_000;
  const storm = new Storm({ claims: count + 20_000, clients: 10, outcomes: 10 });
  const bare = storm.open(0);
  const path = storm.open(0);
  storm.fill(bare, count, TTL_MS);
  // As after a stall: nothing was looked at while all of them ran out. What a turn may not catch up is lost.
  const fromMs = TTL_MS + 1_000;
  const { turns, expired } = playStorm(storm, {
    asker: path,
    fromMs,
    turnMs: 2, // A step of 1,024 expiries takes about 1.1 ms on one core; the turn's log and frames come on top.
    until: () => storm.nowMs >= fromMs && storm.shard.engine.counters.expired === count,
  });
  assert.equal(expired, count);
  assert.ok(turns <= Math.ceil(count / EXPIRY_BUDGET) + 1, `${turns} turns: each does all that it may`);
  assert.ok(storm.nowMs - fromMs <= 1_000 + count / 1_000, `${storm.nowMs - fromMs} ms`);
  assert.equal(storm.shard.state.claims.pool.live, turns, "what is left are the asker's");
});

test("R-2: in a storm each expiry stands before the grant that follows it, whichever turn had it", () => {
  const count = 3_000;
  const storm = new Storm({ claims: 10_000, clients: 10, outcomes: 10_000 });
  const bare = storm.open(0);
  storm.fill(bare, count, TTL_MS);
  const session = storm.open(1);
  for (let i = 0; i < count; i++)
    storm.acquire({ path: session, id: i + 1, resource: `lock:${i}`, ttlMs: 300_000, waitMs: WAIT_MS });
  storm.turn(1);
  assert.equal(storm.shard.state.claims.waiting, count);
  const ended = new Set<string>();
  let granted = 0;
  for (let isLeft = true; isLeft; ) {
    ({ isLeft } = storm.turn(TTL_MS + 1_000));
    for (const { kind, name } of readEvents(storm.lastBatch)) {
      if (kind === EVENT_EXPIRED) ended.add(name);
      else if (ended.has(name)) granted++;
      else assert.fail(`${name} is granted before it has expired`);
    }
  }
  assert.deepEqual([ended.size, granted], [count, count]);
});
