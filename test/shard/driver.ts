/**
 * Drives one shard as a worker does, with a clock that stands still unless it is moved: callers open paths and ask, turns
 * run, what is committed leaves and is read back as plain values. Everything it wrote is kept, for tests of replay.
 */
import { assert } from "../../src/words/assert.js";
import { crc32 } from "../../src/words/crc32.js";
import { epoch, lsn, shardIndex, shardMs } from "../../src/words/ids.js";
import { type Limits, LIMITS_DEFAULT } from "../../src/words/limits.js";
import { KIND_ACQUIRE, KIND_GRANTED, KIND_OPEN_SHARD } from "../../src/words/kinds.js";
import { Counters, type Surroundings } from "../../src/engine/engine.js";
import { forEachEntry, Replay } from "../../src/shard/replay.js";
import type { Control, Parts } from "../../src/shard/control.js";
import { Shard } from "../../src/shard/shard.js";
import { Events } from "../../src/tables/events.js";
import { Inbox } from "../../src/tables/inbox.js";
import { KeyedHash } from "../../src/tables/keyed-hash.js";
import { Paths } from "../../src/tables/paths.js";
import { type Caller, type CallerOptions, newCaller, sawAnswer, seenBy } from "./caller.js";
import { readReply, type Reply, textOf } from "./reply.js";

/** What a shard of a test is made with; the limits are the defaults but for those named. */
export interface DriverOptions {
  readonly limits?: Partial<Limits>;
  readonly claims?: number;
  readonly clients?: number;
  readonly outcomes?: number;
}

/** One request; what is left out is 0 or nothing. */
export interface Asking {
  readonly op: number;
  readonly resource?: string;
  /** The next of the caller's ids if it is left out. */
  readonly id?: number;
  readonly mode?: number;
  readonly ttlMs?: number;
  readonly waitMs?: number;
  readonly lockDelayMs?: number;
  readonly permits?: number;
  /** A token, the id of the wait that is meant, or the row from which a list goes on. */
  readonly token?: number;
  /** Metadata, or the reason of an admin. */
  readonly extra?: string;
  readonly isLoose?: boolean;
}

/** An answer or push that has left, the caller whose path it went to, and the shard time at which it was decided. */
export interface Told {
  readonly caller: Caller;
  readonly reply: Reply;
  readonly atMs: number;
}

/** A stored page: what a checkpoint writes, by its key. */
export type Pages = ReadonlyMap<number, Uint8Array>;

const HASH_KEY = [0x1234567, 0x89abcde] as const;
const CALLERS_MAX = 4_096;
const TURN_REQUESTS = 4_096;
const EXPIRY_BUDGET = 1_024;
const encoder = new TextEncoder();

/** Makes a shard that has seen nothing, and the tables of a worker around it. */
export function newShard(options: DriverOptions): { shard: Shard; surroundings: Surroundings } {
  const hash = new KeyedHash(HASH_KEY[0], HASH_KEY[1]);
  const surroundings = {
    inbox: new Inbox({ capacity: TURN_REQUESTS, shards: 1, frameBytesInitial: 4_096, frameBytesMax: 2 ** 26 }),
    paths: new Paths({ capacity: CALLERS_MAX, connections: CALLERS_MAX, shards: 1, start: 1, hash, rememberedMax: 4 }),
    events: new Events(4_096, 2 ** 28),
    counters: new Counters(),
  };
  const state = {
    claims: options.claims ?? 4_000,
    clients: options.clients ?? 1_000,
    outcomes: options.outcomes ?? 8_000,
    limits: { ...LIMITS_DEFAULT, ...options.limits },
    hashKey: HASH_KEY,
  };
  return { shard: new Shard(shardIndex(0), epoch(1), state, surroundings), surroundings };
}

/** Replays pages and the batches behind them into a new shard, which is in office then. @throws Damage */
export function replay(
  options: DriverOptions,
  pages: Pages,
  batches: readonly Uint8Array[],
): ReturnType<typeof newShard> {
  const made = newShard(options);
  const replaying = new Replay(made.shard);
  for (const [key, bytes] of pages) replaying.page(key, bytes);
  for (const batch of batches) {
    forEachEntry(batch, (_, view, at, size) => replaying.entry(batch, view, at, size));
  }
  replaying.finish(0);
  return made;
}

export class ShardDriver {
  readonly #options: DriverOptions;
  shard: Shard;
  #surroundings: Surroundings;
  readonly #callers: Caller[] = [];
  readonly #callerOfPath = new Map<number, Caller>();
  #controls: Control[] = [];
  #parts = 0;
  #sent = 0;
  /** Shard time: the worker's clock and it began together. */
  #nowMs = 0;
  #clockLead = 0;
  /** Rows of replies that have left so far, and how many there were in all behind each turn. */
  #rowsLeft = 0;
  #decided: { readonly rows: number; readonly atMs: number }[] = [];
  /** Whether commits are held back: then nothing leaves. */
  isHeld = false;
  /** The log: a batch for each turn that had events. */
  readonly batches: Uint8Array[] = [];
  /** The LSN of the last event of each batch. */
  readonly batchLsns: number[] = [];

  constructor(options: DriverOptions) {
    this.#options = options;
    const made = newShard(options);
    this.shard = made.shard;
    this.#surroundings = made.surroundings;
    this.shard.takeOffice(shardMs(0), 0);
  }

  get nowMs(): number {
    return this.#nowMs;
  }
  get callers(): readonly Caller[] {
    return this.#callers;
  }
  get paths(): Paths {
    return this.#surroundings.paths;
  }

  /** A caller with a connection of its own; a session has no path yet. */
  addCaller(options: CallerOptions): Caller {
    const caller = newCaller(options, this.#callers.length + 1);
    this.#callers.push(caller);
    this.#connect(caller);
    return caller;
  }

  #connect(caller: Caller): void {
    const { paths } = this;
    const { principal, address, connection } = caller;
    const opening = { principal: encoder.encode(principal), address: encoder.encode(address), connection };
    caller.bare = paths.open({ ...opening, key: null, ttlMs: 0, publicId: [0, 0] });
    this.#callerOfPath.set(caller.bare, caller);
    caller.path = caller.isSession ? 0 : caller.bare;
  }

  /** Opens a path for a session, which voids its older one; the shard tells what it knows in the next turn. */
  openPath(caller: Caller): void {
    const { paths } = this;
    assert(caller.isSession, "only a session has a path");
    const old = paths.findSession(caller.key, encoder.encode(caller.principal));
    if (old !== 0) paths.close(old);
    const { key, ttlMs, publicId, connection } = caller;
    const principal = encoder.encode(caller.principal);
    const address = encoder.encode(caller.address);
    caller.path = paths.open({ key, ttlMs, publicId, principal, address, connection });
    this.#callerOfPath.set(caller.path, caller);
    const opened = [{ path: caller.path, seen: seenBy(caller) }];
    this.#controls.push({ kind: "open", id: 0, path: caller.bare, serial: paths.serial(caller.bare), opened });
  }

  /** Sends a keep-alive for these sessions in the next turn. */
  keepAlive(callers: readonly Caller[]): void {
    const first = callers[0];
    if (first === undefined) return;
    const { bare, path } = this.#speaker(first);
    const paths = callers.map((caller) => caller.path);
    this.#sent++;
    const serial = this.paths.serial(bare);
    assert(path !== 0, "R-18: a keep-alive names the session's path");
    this.#controls.push({
      kind: "keepalive",
      id: 0,
      count: this.#sent,
      path: bare,
      serial,
      paths,
      parts: this.#newParts(),
    });
  }

  /** Closes a session in the next turn. */
  close(caller: Caller): void {
    const { bare, path } = this.#speaker(caller);
    const serial = this.paths.serial(bare);
    this.#controls.push({ kind: "close", id: 0, path: bare, serial, closing: path, parts: this.#newParts() });
  }

  #speaker(caller: Caller): Caller {
    assert(caller.isSession && caller.path !== 0, "R-18: a session speaks on a path");
    return caller;
  }
  #newParts(): Parts {
    this.#parts++;
    return { number: this.#parts, owed: 0 };
  }

  /** Puts a request into the next turn; answers its id. */
  ask(caller: Caller, asking: Asking): number {
    const { inbox } = this.#surroundings;
    const row = inbox.add();
    const id = asking.id ?? caller.lastId + 1;
    this.#writeText(row, asking);
    inbox.setOp(row, asking.op);
    inbox.setId(row, id);
    inbox.setPath(row, caller.path);
    inbox.setToken(row, asking.token ?? 0);
    inbox.setTtlMs(row, asking.ttlMs ?? 0);
    this.#sent++;
    inbox.setSentCount(row, this.#sent);
    inbox.setSeenAt(row, inbox.seenLength);
    const seen = caller.isSession ? seenBy(caller) : [];
    inbox.setSeenCount(row, seen.length);
    for (const number of seen) inbox.pushSeen(number);
    if (asking.op === KIND_ACQUIRE) {
      inbox.setWaitMs(row, asking.waitMs ?? 0);
      inbox.setMode(row, asking.mode ?? 0);
      inbox.setLockDelayMs(row, asking.lockDelayMs ?? 0);
      inbox.setIsLoose(row, asking.isLoose === true ? 1 : 0);
    }
    inbox.setPermits(row, asking.permits ?? 0);
    inbox.route(row, 0);
    caller.lastId = Math.max(caller.lastId, id);
    caller.unseen.add(id);
    caller.asked.set(id, asking.resource ?? "");
    return id;
  }

  #writeText(row: number, asking: Asking): void {
    const { inbox } = this.#surroundings;
    const name = encoder.encode(asking.resource ?? "");
    const extra = encoder.encode(asking.extra ?? "");
    const at = inbox.frames.reserve(name.length + extra.length);
    inbox.bytes.set(name, at);
    inbox.bytes.set(extra, at + name.length);
    inbox.setNameAt(row, at);
    inbox.setNameEnd(row, at + name.length);
    inbox.setExtraAt(row, at + name.length);
    inbox.setExtraEnd(row, at + name.length + extra.length);
    inbox.setCrc(row, crc32(inbox.bytes, at, at + name.length, 0));
  }

  /** Runs one turn at this shard time with what was asked for it; answers what leaves. */
  turn(nowMs: number): Told[] {
    const { inbox, events } = this.#surroundings;
    this.#nowMs = nowMs;
    events.reset();
    const controls = this.#controls;
    this.#controls = [];
    const clockMs = nowMs - this.#clockLead;
    this.isBehind = this.shard.step({ clockMs, wallMs: 0, controls, expiryBudget: EXPIRY_BUDGET });
    inbox.reset();
    const { replies } = this.shard;
    this.#decided.push({ rows: this.#rowsLeft + replies.end - replies.first, atMs: nowMs });
    if (events.size > 0) {
      this.batches.push(events.buffer.bytes.slice(0, events.size));
      this.batchLsns.push(this.shard.state.head);
    }
    return this.isHeld ? [] : this.commit();
  }
  /** Whether the last turn left something that is due. */
  isBehind = false;

  /** The shard time at which the shard wants its next turn. */
  get nextDueMs(): number {
    return this.shard.nextDue() + this.#clockLead;
  }

  /** Commits all that was logged; answers what leaves. */
  commit(): Told[] {
    this.shard.committed = lsn(this.shard.state.head);
    return this.leave();
  }

  /** Lets go what rests on nothing uncommitted. */
  leave(): Told[] {
    const { replies, committed } = this.shard;
    const told: Told[] = [];
    let row = replies.first;
    while (row < replies.end && replies.lsn(row) <= committed) {
      const reply = readReply(replies, row);
      const ordinal = this.#rowsLeft + row - replies.first;
      const decidedAt = this.#decided.find(({ rows }) => ordinal < rows)?.atMs ?? this.#nowMs;
      row = replies.behind(row);
      const isThere = this.paths.serial(reply.path) === reply.serial;
      const caller = isThere ? this.#callerOfPath.get(reply.path) : undefined;
      if (caller === undefined) continue;
      if (reply.kind === KIND_OPEN_SHARD) learnRecord(caller, reply);
      else sawAnswer(caller, reply);
      if (reply.kind === KIND_GRANTED) caller.tokens.set(caller.asked.get(reply.id) ?? "", reply.a);
      told.push({ caller, reply, atMs: decidedAt });
    }
    this.#rowsLeft += row - replies.first;
    this.#decided = this.#decided.filter(({ rows }) => rows > this.#rowsLeft);
    replies.leave(row);
    return told;
  }

  /** The process dies, with what it had not committed, and another one replays the log. Every connection is new. */
  restart(): void {
    const kept = this.batchLsns.filter((last) => last <= this.shard.committed).length;
    this.batches.length = kept;
    this.batchLsns.length = kept;
    const made = replay(this.#options, new Map(), this.batches);
    this.shard = made.shard;
    this.#surroundings = made.surroundings;
    this.#nowMs = this.shard.state.now;
    this.#clockLead = this.#nowMs;
    this.#rowsLeft = 0;
    this.#decided = [];
    this.#controls = [];
    this.#callerOfPath.clear();
    for (const caller of this.#callers) this.#connect(caller);
  }
}

/** What a path's opening told: a client that gets it knows its tokens, and the answers that were lost. */
function learnRecord(caller: Caller, reply: Reply): void {
  const head = reply.details[0];
  if (head === undefined || caller.isDeaf) return;
  for (const claim of reply.details.slice(1, 1 + head.f)) if (claim.b !== 0) caller.tokens.set(textOf(claim), claim.b);
  for (const outcome of reply.details.slice(1 + head.f)) caller.unseen.delete(outcome.a);
}
