/**
 * One store of a worker and its shards: what they wrote in a turn becomes one batch of the log, what is committed lets
 * their replies go, and between batches changed rows are written into checkpoint pages in small steps (system.md §6).
 */
import { assert } from "../words/assert.js";
import { lsn, type ShardIndex } from "../words/ids.js";
import type { LogStore } from "../log/log-store.js";
import type { Store } from "../log/store.js";
import type { Events } from "../tables/events.js";
import type { Shard } from "../shard/shard.js";
import { Checkpoint, type CheckpointOptions } from "./checkpoint.js";
import type { Standing } from "./turn-store.js";
import type { WatchedStore } from "./watched-store.js";

/** The part of the ring that must be free before a turn may run: no turn brings more (worker/turn.ts). */
export const ROOM_FOR_TURN: number = 3 / 8;

/** How a store's checkpoints go, and how large its ring is. */
export interface ShardStoreOptions extends CheckpointOptions {
  readonly ringBytes: number;
}

/** `S`: the log behind it; the worker's own unless said otherwise, the simulator's is another (LogStore). */
export class ShardStore<S extends LogStore = Store> implements WatchedStore {
  readonly store: S;
  readonly absent: readonly ShardIndex[] = [];
  readonly shards: readonly Shard[];
  readonly indices: readonly number[];
  readonly hasCuts = false;
  readonly #byIndex: ReadonlyMap<number, Shard>;
  bytesLogged = 0;
  readonly #roomForTurn: number;
  readonly #checkpoint: Checkpoint;
  // What was appended and is not committed: batch, shard and LSN, in order.
  readonly #seqs: number[] = [];
  readonly #shardOf: Shard[] = [];
  readonly #lsns: number[] = [];
  #first = 0;

  constructor(store: S, shards: readonly Shard[], options: ShardStoreOptions) {
    this.#roomForTurn = options.ringBytes * ROOM_FOR_TURN;
    this.store = store;
    this.shards = shards;
    this.indices = shards.map(({ index }) => index);
    this.#byIndex = new Map(shards.map((shard) => [shard.index, shard]));
    const source = {
      shards,
      replayFrom: (): number => store.nextSeq,
      mayCopy: (): boolean => true,
      wrote: (): void => undefined,
    };
    this.#checkpoint = new Checkpoint(store, source, options, this.#roomForTurn / 2);
  }

  /** Whether a turn may run: the ring takes what it can bring. */
  get hasRoom(): boolean {
    return this.store.room >= this.#roomForTurn;
  }

  get isDiskLow(): boolean {
    return this.store.lowDisk;
  }

  /** Hands the turn's entries to the log. `changed` are the shards that have one. */
  append(events: Events, changed: readonly Shard[], wallMs: number): void {
    const { bytes, length } = events.buffer;
    const seq = this.store.append(bytes, 0, length, wallMs);
    this.#checkpoint.logged(length);
    this.bytesLogged += length;
    for (const shard of changed) {
      this.#seqs.push(seq);
      this.#shardOf.push(shard);
      this.#lsns.push(shard.state.head);
    }
  }

  decider(index: number): Shard | undefined {
    return this.#byIndex.get(index);
  }
  lastLsn(index: number): number {
    return this.#byIndex.get(index)?.state.head ?? 0;
  }

  flush(): void {
    this.store.flush();
  }
  decided(): void {
    // Alone in its set, a shard needs nobody else's word.
  }
  left(): void {
    // As above.
  }
  endOfConfirmed(shard: Shard): number {
    return shard.replies.end;
  }
  standing(shard: Shard, lsn: number): Standing {
    return shard.committed >= lsn ? "sure" : "waits";
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

  /** One small step of the checkpoint. Answers whether it wrote something. */
  checkpoint(clockMs: number): boolean {
    return this.#checkpoint.step(clockMs);
  }

  /** Milliseconds until the checkpoint wants a turn of its own, Infinity while there is nothing to write. */
  get wantsTurnIn(): number {
    return this.#checkpoint.wantsTurnIn;
  }
}
