/**
 * What a turn needs of a store's shards, so that one loop serves both: shards that are alone on their node, which answer on
 * their own commit (shard-store.ts), and replicas, whose answers need the other members, too (replica-store.ts).
 */
import type { ShardIndex } from "../words/ids.js";
import type { Events } from "../tables/events.js";
import type { Control } from "../shard/control.js";
import type { Shard } from "../shard/shard.js";

/** Whether what was decided may be told; `gone`: by an actor that has lost its office since, so never. */
export type Standing = "sure" | "waits" | "gone";

/** One store in a turn. */
export interface TurnStore {
  /** The actors that decide. */
  readonly shards: readonly Shard[];
  /** Shards of this store that nobody decides for here. */
  readonly absent: readonly ShardIndex[];
  /** Whether a turn may run: the log takes what it can bring. */
  readonly hasRoom: boolean;
  /** Only the reserve of the disk is left: acquires are refused, renewals and ends go on (system.md §6). */
  readonly isDiskLow: boolean;
  /** Takes the turn's entries; `changed` are the shards that have one, in the order of the bytes. */
  append(events: Events, changed: readonly Shard[], wallMs: number): void;
  /** One small step of the checkpoint. Answers whether it wrote something. */
  checkpoint(clockMs: number): boolean;
  /** Submits what was written. */
  flush(): void;
  /** Moves the committed LSN of each shard. */
  noteCommitted(): void;
  /** A step has added so many rows to its shard's replies. */
  decided(shard: Shard, rows: number): void;
  /** One past the last row of the shard's replies that the other members let go; what the row's LSN says comes on top. */
  endOfConfirmed(shard: Shard): number;
  /** So many rows have left. */
  left(shard: Shard, rows: number): void;
  /** Whether what a shard knew at this LSN, in this round, may be told. */
  standing(shard: Shard, lsn: number, round: number): Standing;
}

/** What else a turn does where shards have replicas on other nodes. */
export interface Replicating {
  /** Counts the turns that have begun. */
  readonly round: number;
  /** Takes in what has come from logs, workers and control plane. `controls` are those that the turn will give to shards. */
  begin(controls: readonly Control[]): void;
  /** The turn's clock was read: whoever is to take office does, and shard time stands where it must. */
  ready(clockMs: number): void;
  /** Hands on what the turn has made. */
  end(wallMs: number): void;
}
