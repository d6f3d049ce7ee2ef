/**
 * Writes changed rows of a store's shards into checkpoint pages, in small steps between batches, so that the log behind
 * can go (system.md §6).
 */
import type { LogStore } from "../log/log-store.js";
import { ByteBuffer } from "../tables/byte-buffer.js";
import { PAGE_CLAIMS, PAGE_CLIENTS, PAGE_HEAD, pageKey, writeHeadPage, writePage } from "../shard/replay.js";
import type { Shard } from "../shard/shard.js";

/** A cycle begins when this much was logged since the last one began, or after this long if anything was. */
const CYCLE_BYTES_MIN = 8 * 2 ** 20;
const CYCLE_AFTER_MS = 10_000;
/** No step of a checkpoint copies more than this, so that no turn waits for one. */
const STEP_BYTES_MAX = 64 * 1_024;

/** How checkpoints go. The last two have defaults; the simulator, to meet rare orders, asks for short cycles. */
export interface CheckpointOptions {
  readonly bytesPerSecond: number;
  readonly cycleBytesMin?: number;
  readonly cycleAfterMs?: number;
}

/** Whose rows are written, and when they may be. */
export interface CheckpointSource {
  readonly shards: readonly Shard[];
  /** Where a replay over the pages of a cycle that begins now must begin. */
  replayFrom(): number;
  /** Whether all that is in the shard's tables may be written now; a cycle waits for it. */
  mayCopy(shard: Shard): boolean;
  /** A page of that key is written. */
  wrote(shard: Shard, key: number): void;
}

interface Cycle {
  readonly replayFrom: number;
  shard: number;
  kind: typeof PAGE_CLAIMS | typeof PAGE_CLIENTS;
  from: number;
}

/** The checkpoints of one store. */
export class Checkpoint {
  readonly #store: LogStore;
  readonly #source: CheckpointSource;
  readonly #bytesPerMs: number;
  readonly #roomMin: number;
  readonly #cycleBytesMin: number;
  readonly #cycleAfterMs: number;
  readonly #pages = new ByteBuffer(STEP_BYTES_MAX * 2, 2 ** 26);
  #cycle: Cycle | undefined;
  #loggedSinceCycle = 0;
  #cycleBeganAt = 0;
  #lastStepAt = 0;
  #allowance = 0;

  /** @param roomMin bytes of the ring that a step leaves free */
  constructor(store: LogStore, source: CheckpointSource, options: CheckpointOptions, roomMin: number) {
    this.#store = store;
    this.#source = source;
    this.#roomMin = roomMin;
    this.#bytesPerMs = options.bytesPerSecond / 1_000;
    this.#cycleBytesMin = options.cycleBytesMin ?? CYCLE_BYTES_MIN;
    this.#cycleAfterMs = options.cycleAfterMs ?? CYCLE_AFTER_MS;
  }

  /** So many bytes were logged. */
  logged(bytes: number): void {
    this.#loggedSinceCycle += bytes;
  }

  /** The tables of a shard were built anew: what a cycle under way has passed over may not be written. */
  abort(): void {
    if (this.#cycle !== undefined) this.#loggedSinceCycle++; // Another one is wanted.
    this.#cycle = undefined;
  }

  /**
   * One small step. A page is copied as of the shard's head, behind the batch that brought it there in the same ring: it
   * can't be on disk before what it has seen. Answers whether it wrote something.
   */
  step(clockMs: number): boolean {
    const elapsed = clockMs - this.#lastStepAt;
    this.#lastStepAt = clockMs;
    this.#allowance = Math.min(STEP_BYTES_MAX, this.#allowance + elapsed * this.#bytesPerMs);
    if (this.#cycle === undefined && !this.#beginCycle(clockMs)) return false;
    let isWritten = this.#cycle !== undefined && this.#cycleBeganAt === clockMs;
    while (this.#allowance > 0 && this.#cycle !== undefined && this.#store.room > this.#roomMin) {
      const shard = this.#source.shards[this.#cycle.shard];
      if (shard !== undefined && !this.#source.mayCopy(shard)) break;
      isWritten = true;
      this.#step(this.#cycle, shard);
    }
    return isWritten;
  }

  #beginCycle(clockMs: number): boolean {
    if (this.#loggedSinceCycle === 0) return false;
    if (this.#loggedSinceCycle < this.#cycleBytesMin && clockMs - this.#cycleBeganAt < this.#cycleAfterMs) return false;
    const { shards } = this.#source;
    for (const shard of shards) if (!this.#source.mayCopy(shard)) return false;
    this.#cycle = { replayFrom: this.#source.replayFrom(), shard: 0, kind: PAGE_CLAIMS, from: 0 };
    this.#cycleBeganAt = clockMs;
    this.#loggedSinceCycle = 0;
    for (const shard of shards) {
      this.#pages.reset();
      const at = writeHeadPage(shard, this.#pages);
      this.#write(shard, pageKey(shard.index, PAGE_HEAD, 0), at);
    }
    return true;
  }

  /** Writes the next changed page; at the end of all, the log before the cycle's beginning is audit only. */
  #step(cycle: Cycle, shard: Shard | undefined): void {
    if (shard === undefined) {
      this.#store.setReplayFrom(cycle.replayFrom);
      this.#cycle = undefined;
      return;
    }
    const table = cycle.kind === PAGE_CLAIMS ? shard.state.claims : shard.state.clients;
    const page = table.dirty.take(cycle.from);
    if (page >= 0) {
      this.#pages.reset();
      const at = writePage(shard, cycle.kind, page, this.#pages);
      this.#write(shard, pageKey(shard.index, cycle.kind, page), at);
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

  #write(shard: Shard, key: number, at: number): void {
    this.#store.writePage(key, this.#pages.bytes, at, this.#pages.length);
    this.#source.wrote(shard, key);
  }

  /** Milliseconds until it wants a turn of its own, Infinity while there is nothing to write. */
  get wantsTurnIn(): number {
    return this.#cycle !== undefined ? 5 : this.#loggedSinceCycle > 0 ? this.#cycleAfterMs : Number.POSITIVE_INFINITY;
  }
}
