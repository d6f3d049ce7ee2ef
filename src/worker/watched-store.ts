/** What watches need of a store, whether its shards are alone on the node (shard-store.ts) or replicas (replica-store.ts). */
import type { LogStore } from "../log/log-store.js";
import type { Shard } from "../shard/shard.js";
import type { TurnStore } from "./turn-store.js";

/** A store whose log is told to watches. */
export interface WatchedStore extends TurnStore {
  readonly store: LogStore;
  /** Whether its log has entries that were cut off again (log-cuts.ts). */
  readonly hasCuts: boolean;
  /** All its shards, whoever decides for them. */
  readonly indices: readonly number[];
  /** Bytes logged since the start. */
  readonly bytesLogged: number;
  /** The tables that decide for a shard here; undefined where nobody does: its watches belong elsewhere. */
  decider(index: number): Shard | undefined;
  /** No entry up to this LSN will be logged any more, but in place of one that was cut off. */
  lastLsn(index: number): number;
}
