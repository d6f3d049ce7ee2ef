/**
 * Who serves a shard. The control plane keeps one for each shard and changes it only by compare-and-swap (system.md §7);
 * replicas, the control plane's adapters and placement speak of it, so the word stands here.
 */
import type { Epoch, ShardIndex } from "./ids.js";

/** Who serves a shard, in which epoch. A replica is named by (node, store). */
export interface Configuration {
  readonly shard: ShardIndex;
  /** From 1; each configuration has one more than the last. */
  readonly epoch: Epoch;
  /** From 0. */
  readonly era: number;
  readonly primary: string;
  readonly inSync: readonly string[];
  readonly replicas: readonly string[];
  /** Whose change this is: 128 random bits in hex, made for each request. */
  readonly nonce: string;
}
