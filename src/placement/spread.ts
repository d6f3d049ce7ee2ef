/**
 * Which store has a shard, and which worker has a store. A shard stays in its store for life, so the first depends on
 * nothing that can change; only the second knows the number of workers, and so another number of workers moves no data.
 */
import { assert, outOfRange } from "../words/assert.js";
import { type ShardIndex, shardIndex } from "../words/ids.js";

/** The largest number of shards that a cluster can be made with: its ring takes 5 s to make. */
export const SHARDS_MAX = 4_096;

/** What a node is made of. All from 1; shards and stores are fixed when its data directory is made. */
export interface SpreadOptions {
  readonly shards: number;
  readonly stores: number;
  readonly workers: number;
}

/** Who has what; all indexes from 0. The arrays are lent, not to be written. */
export interface Spread {
  readonly storeOfShard: Uint16Array;
  readonly workerOfStore: Uint16Array;
  readonly workerOfShard: Uint16Array;
  /** In rising order. A store has none if there are more stores than shards. */
  readonly shardsOfStore: readonly (readonly ShardIndex[])[];
  /** In rising order. A worker has none if there are more workers than stores: then it only serves sockets. */
  readonly storesOfWorker: readonly (readonly number[])[];
}

/**
 * Spreads shards over stores (`shard % stores`) and stores over workers (neighbours together, so evenly that two
 * workers differ by at most one store).
 */
export function spread(options: SpreadOptions): Spread {
  const { shards, stores, workers } = options;
  assertCount(shards, "a node has shards");
  assertCount(stores, "a node has stores");
  assertCount(workers, "a node has workers");

  const storeOfShard = Uint16Array.from({ length: shards }, (_, shard) => shard % stores);
  const workerOfStore = Uint16Array.from({ length: stores }, (_, store) => Math.floor((store * workers) / stores));
  const workerOfShard = storeOfShard.map((store) => workerOfStore[store] ?? outOfRange(store));
  return {
    storeOfShard,
    workerOfStore,
    workerOfShard,
    shardsOfStore: members(storeOfShard, stores).map((list) => list.map((shard) => shardIndex(shard))),
    storesOfWorker: members(workerOfStore, workers),
  };
}

function assertCount(count: number, message: string): void {
  assert(Number.isInteger(count) && count >= 1 && count <= 65_535, message);
}

/** Turns "who has this one" round into "which ones does each have". */
function members(homes: Uint16Array, homeCount: number): number[][] {
  const lists: number[][] = Array.from({ length: homeCount }, () => []);
  for (const [member, home] of homes.entries()) (lists[home] ?? outOfRange(home)).push(member);
  return lists;
}
