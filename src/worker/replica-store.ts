/** The replicas of one store in a turn: their actors' entries go to the replicas, and answers wait for the members (R-8). */
import { assert } from "../words/assert.js";
import type { ShardIndex } from "../words/ids.js";
import type { Events } from "../tables/events.js";
import type { LogStore } from "../log/log-store.js";
import { endOf } from "../replication/chain.js";
import { readEntry } from "../replication/entry.js";
import type { Shard } from "../shard/shard.js";
import { Checkpoint, type CheckpointOptions } from "./checkpoint.js";
import type { ReplicaLog } from "./replica-log.js";
import type { ReplicaSeat } from "./replica-seat.js";
import { ROOM_FOR_TURN } from "./shard-store.js";
import type { Standing } from "./turn-store.js";
import type { WatchedStore } from "./watched-store.js";

/** How a store's checkpoints go, and whom it asks and tells. */
export interface ReplicaStoreOptions extends CheckpointOptions {
  readonly ringBytes: number;
  /** The round of the turn under way. */
  readonly round: () => number;
  /** An actor in office has committed more; told before any answer that rests on it leaves. */
  readonly onCommitted: (shard: Shard) => void;
}

export class ReplicaStore implements WatchedStore {
  readonly log: ReplicaLog;
  readonly seats: readonly ReplicaSeat[];
  readonly hasCuts = true;
  readonly #byShard: ReadonlyMap<number, ReplicaSeat>;
  readonly #checkpoint: Checkpoint;
  readonly #roomForTurn: number;
  readonly #round: () => number;
  readonly #onCommitted: (shard: Shard) => void;
  readonly #shards: Shard[] = [];
  readonly #absent: ShardIndex[] = [];
  /** The tables of a shard are others now: whoever decided for it does no more. For watches. */
  onLeft: (index: ShardIndex) => void = () => undefined;
  /** Whether replies were decided that no event's frame confirms. */
  wantsRound = false;

  constructor(log: ReplicaLog, seats: readonly ReplicaSeat[], options: ReplicaStoreOptions) {
    this.log = log;
    this.seats = seats;
    this.#byShard = new Map(seats.map((seat) => [seat.index, seat]));
    this.#round = options.round;
    this.#onCommitted = options.onCommitted;
    this.#roomForTurn = options.ringBytes * ROOM_FOR_TURN;
    const source = {
      get shards(): readonly Shard[] {
        return seats.map(({ shard }) => shard);
      },
      replayFrom: (): number => log.replayFrom((shard) => this.#seatAt(shard)?.shard.state.head ?? 0),
      mayCopy: (shard: Shard): boolean => this.#mayCopy(shard),
      wrote: (shard: Shard, key: number): void => log.wrotePage(shard.index, key),
    };
    this.#checkpoint = new Checkpoint(log.store, source, options, this.#roomForTurn / 2);
  }

  get shards(): readonly Shard[] {
    return this.#shards;
  }
  get absent(): readonly ShardIndex[] {
    return this.#absent;
  }
  get store(): LogStore {
    return this.log.store;
  }
  get indices(): readonly number[] {
    return this.seats.map(({ index }) => index);
  }
  get bytesLogged(): number {
    return this.log.bytesLogged;
  }
  decider(index: number): Shard | undefined {
    const seat = this.#seatAt(index);
    return seat?.isDeciding === true ? seat.shard : undefined;
  }
  /** A backup stores before it applies. */
  lastLsn(index: number): number {
    const seat = this.#seatAt(index);
    return seat === undefined ? 0 : Math.max(seat.shard.state.head, endOf(seat.replica.state).lsn);
  }
  get hasRoom(): boolean {
    return true; // Orders wait in the log of the replicas; a worker that is full refuses by `isFull`.
  }

  get isDiskLow(): boolean {
    return this.log.store.lowDisk;
  }

  /** Who decides in this turn. */
  ready(clockMs: number): void {
    this.#shards.length = 0;
    this.#absent.length = 0;
    for (const seat of this.seats) {
      if (seat.ready(clockMs)) this.#onCommitted(seat.shard);
      if (seat.isDeciding && !seat.replica.isFull) this.#shards.push(seat.shard);
      else this.#absent.push(seat.index);
    }
  }

  append(events: Events, changed: readonly Shard[]): void {
    const { bytes, view } = events.buffer;
    let at = 0;
    for (const shard of changed) {
      const size = view.getUint32(at, true);
      const entry = readEntry(bytes.slice(at, at + size));
      at += size;
      assert(entry !== null, "R-7: an entry that was just made is whole");
      this.#seatOf(shard)?.replica.step({ kind: "produced", entry });
    }
  }

  checkpoint(clockMs: number): boolean {
    this.#checkpoint.logged(this.log.takeLogged());
    return this.log.isHandedOn && this.#checkpoint.step(clockMs);
  }

  /** The tables of a shard were built anew. */
  rebuilt(index: ShardIndex): void {
    this.#checkpoint.abort();
    this.onLeft(index);
  }

  flush(): void {
    this.log.store.flush();
  }

  noteCommitted(): void {
    for (const { isDeciding, shard, replica } of this.seats) {
      const { committed } = replica.state;
      if (!isDeciding || committed <= shard.committed) continue;
      shard.committed = committed;
      this.#onCommitted(shard);
    }
  }

  decided(shard: Shard, rows: number): void {
    if (rows > 0) this.wantsRound = true;
    this.#seatOf(shard)?.decided(rows, this.#round());
  }

  endOfConfirmed(shard: Shard): number {
    return this.#seatOf(shard)?.endOfConfirmed() ?? shard.replies.first;
  }

  left(shard: Shard, rows: number): void {
    this.#seatOf(shard)?.left(rows);
  }

  standing(shard: Shard, lsn: number, round: number): Standing {
    const seat = this.#seatOf(shard);
    if (seat === undefined || !seat.isDeciding) return "gone";
    const { committed } = seat.replica.state;
    return committed >= lsn && seat.replica.mayAnswer(committed, round) ? "sure" : "waits";
  }

  /** Milliseconds until the checkpoint wants a turn of its own. */
  get wantsTurnIn(): number {
    return this.#checkpoint.wantsTurnIn;
  }

  /** Only what is committed stands in pages. */
  #mayCopy(shard: Shard): boolean {
    const seat = this.#seatOf(shard);
    return seat !== undefined && shard.state.head <= seat.replica.state.committed;
  }

  #seatAt(index: number): ReplicaSeat | undefined {
    return this.#byShard.get(index);
  }
  /** None for tables that another actor has replaced since. */
  #seatOf(shard: Shard): ReplicaSeat | undefined {
    const seat = this.#seatAt(shard.index);
    return seat?.shard === shard ? seat : undefined;
  }
}
