/** What the threads of one simulated node share, and whom they tell when they can't go on. */
import type { BrokenInvariant } from "../../../src/words/assert.js";
import type { ShardIndex } from "../../../src/words/ids.js";
import type { Limits } from "../../../src/words/limits.js";
import type { ClusterMap } from "../../../src/worker/handshake.js";
import type { Machine } from "../world/machine.js";
import type { World } from "../world/world.js";
import type { Rarity } from "./settings.js";

/** What the threads of one node share. */
export interface NodeFacts {
  readonly world: World;
  readonly machine: Machine;
  readonly limits: Limits;
  readonly shards: number;
  readonly shardOf: (crc: number) => ShardIndex;
  readonly map: ClusterMap;
  readonly workerOfShard: Uint16Array;
  /** Whether a worker of the map is a thread of this node. */
  readonly isHere: (worker: number) => boolean;
  readonly rarity: Rarity;
  /** A worker can't go on: the process ends. */
  readonly failed: (why: string) => void;
  /** A frame of somebody has come. */
  readonly reached: (from: string) => void;
  readonly broken: (error: BrokenInvariant, where: string) => void;
}
