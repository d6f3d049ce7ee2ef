/**
 * One store of a worker and its shards: what they wrote in a turn becomes one batch of the log, what is committed lets
 * their replies go, and between batches changed rows are written into checkpoint pages in small steps (system.md §6).
 */
import { assert } from "../words/assert.js";
import { lsn } from "../words/ids.js";
import type { LogStore } from "../log/log-store.js";
import type { Store } from "../log/store.js";
import { ByteBuffer } from "../tables/byte-buffer.js";
import type { Events } from "../tables/events.js";
import { PAGE_CLAIMS, PAGE_CLIENTS, PAGE_HEAD, pageKey, writeHeadPage, writePage } from "../shard/replay.js";
import type { Shard } from "../shard/shard.js";

/** A cycle begins when this much was logged since the last one began, or after this long if anything was. */
const CYCLE_BYTES_MIN = 8 * 2 ** 20;
const CYCLE_AFTER_MS = 10_000;
/** No step of a checkpoint copies more than this, so that no turn waits for one. */
const STEP_BYTES_MAX = 64 * 1_024;
/** The part of the ring that must be free before a turn may run: no turn brings more (worker/turn.ts). */
export const ROOM_FOR_TURN: number = 3 / 8;

/** How a store's checkpoints go. The last two have defaults; the simulator, to meet rare orders, asks for short cycles. */
export interface ShardStoreOptions {
  readonly ringBytes: number;
  readonly bytesPerSecond: number;
  readonly cycleBytesMin?: number;
  readonly cycleAfterMs?: number;
}

interface Cycle {
  readonly replayFrom: number;
  shard: number;
  kind: typeof PAGE_CLAIMS | typeof PAGE_CLIENTS;
  from: number;
}

/** `S`: the log behind it; the worker's own unless said otherwise, the simulator's is another (LogStore). */
export class ShardStore<S extends LogStore = Store> {
  readonly store: S;
  readonly shards: readonly Shard[];
  readonly #bytesPerMs: number;
  readonly #roomForTurn: number;
  readonly #cycleBytesMin: number;
  readonly #cycleAfterMs: number;
  readonly #pages = new ByteBuffer(STEP_BYTES_MAX * 2, 2 ** 26);
  // What was appended and is not committed: batch, shard and LSN, in order.
  readonly #seqs: number[] = [];
  readonly #shardOf: Shard[] = [];
  readonly #lsns: number[] = [];
  #first = 0;
  #cycle: Cycle | undefined;
  #loggedSinceCycle = 0;
  #cycleBeganAt = 0;
  #lastStepAt = 0;
  #allowance = 0;

  constructor(store: S, shards: readonly Shard[], options: ShardStoreOptions) {
    this.#roomForTurn = options.ringBytes * ROOM_FOR_TURN;
    this.store = store;
    this.shards = shards;
    this.#bytesPerMs = options.bytesPerSecond / 1_000;
    this.#cycleBytesMin = options.cycleBytesMin ?? CYCLE_BYTES_MIN;
    this.#cycleAfterMs = options.cycleAfterMs ?? CYCLE_AFTER_MS;
  }

  /** Whether a turn may run: the ring takes what it can bring. */
  get hasRoom(): boolean {
    return this.store.room >= this.#roomForTurn;
  }

  /** Hands the turn's entries to the log. `changed` are the shards that have one. */
  append(events: Events, changed: readonly Shard[], wallMs: number): void {
    const { bytes, length } = events.buffer;
    const seq = this.store.append(bytes, 0, length, wallMs);
    this.#loggedSinceCycle += length;
    for (const shard of changed) {
      this.#seqs.push(seq);
      this.#shardOf.push(shard);
      this.#lsns.push(shard.state.head);
    }
  }

  /** Moves the committed LSN of each shard to what the store has on disk. */
  noteCommitted(): void {
    const committed = this.store.committedSeq;
    let first = this.#first;
    while (first < this.#seqs.length && (this.#seqs[first] ?? Number.POSITIVE_INFINITY) <= committed) {
      const shard = this.#shardOf[first];
      const value = this.#lsns[first];
      assert(shard !== undefined && value !== undefined, "R-8: each batch names its shards");
      shard.committed = lsn(value);
      first++;
    }
    this.#first = first;
    if (first !== this.#seqs.length && first < 4_096) return;
    this.#seqs.splice(0, first);
    this.#shardOf.splice(0, first);
    this.#lsns.splice(0, first);
    this.#first = 0;
  }

  /**
   * One small step of the checkpoint. A page is copied as of the shard's head, behind the batch that brought it there in
   * the same ring: it can't be on disk before what it has seen. Answers whether it wrote something.
   */
  checkpoint(clockMs: number): boolean {
    const elapsed = clockMs - this.#lastStepAt;
    this.#lastStepAt = clockMs;
    this.#allowance = Math.min(STEP_BYTES_MAX, this.#allowance + elapsed * this.#bytesPerMs);
    if (this.#cycle === undefined && !this.#beginCycle(clockMs)) return false;
    let isWritten = this.#cycle !== undefined && this.#cycleBeganAt === clockMs;
    while (this.#allowance > 0 && this.#cycle !== undefined && this.store.room > this.#roomForTurn / 2) {
      isWritten = true;
      this.#step(this.#cycle);
    }
    return isWritten;
  }

  #beginCycle(clockMs: number): boolean {
    if (this.#loggedSinceCycle === 0) return false;
    if (this.#loggedSinceCycle < this.#cycleBytesMin && clockMs - this.#cycleBeganAt < this.#cycleAfterMs) return false;
    this.#cycle = { replayFrom: this.store.nextSeq, shard: 0, kind: PAGE_CLAIMS, from: 0 };
    this.#cycleBeganAt = clockMs;
    this.#loggedSinceCycle = 0;
    for (const shard of this.shards) {
      this.#pages.reset();
      const at = writeHeadPage(shard, this.#pages);
      this.store.writePage(pageKey(shard.index, PAGE_HEAD, 0), this.#pages.bytes, at, this.#pages.length);
    }
    return true;
  }

  /** Writes the next changed page; at the end of all, the log before the cycle's beginning is audit only. */
  #step(cycle: Cycle): void {
    const shard = this.shards[cycle.shard];
    if (shard === undefined) {
      this.store.setReplayFrom(cycle.replayFrom);
      this.#cycle = undefined;
      return;
    }
    const table = cycle.kind === PAGE_CLAIMS ? shard.state.claims : shard.state.clients;
    const page = table.dirty.take(cycle.from);
    if (page >= 0) {
      this.#pages.reset();
      const at = writePage(shard, cycle.kind, page, this.#pages);
      this.store.writePage(pageKey(shard.index, cycle.kind, page), this.#pages.bytes, at, this.#pages.length);
      this.#allowance -= this.#pages.length;
      cycle.from = page + 1;
      return;
    }
    cycle.from = 0;
    if (cycle.kind === PAGE_CLAIMS) cycle.kind = PAGE_CLIENTS;
    else {
      cycle.kind = PAGE_CLAIMS;
      cycle.shard++;
    }
  }

  /** Milliseconds until the checkpoint wants a turn of its own, Infinity while there is nothing to write. */
  get wantsTurnIn(): number {
    return this.#cycle !== undefined ? 5 : this.#loggedSinceCycle > 0 ? this.#cycleAfterMs : Number.POSITIVE_INFINITY;
  }
}
