/**
 * Where a shard should be, beside the configuration that says where it is. An operator or the first placement writes it;
 * the shard's primary works towards it, one change of the configuration after the other, whoever that is by then.
 */
import type { Epoch, ShardIndex } from "./ids.js";

/** Replicas are named (node, store), as in the configuration. */
export interface Goal {
  readonly shard: ShardIndex;
  /** One of `replicas`. */
  readonly primary: string;
  readonly replicas: readonly string[];
}

/**
 * The operator's word that the nodes of a shard's in-sync set are off, and that this replica goes on without their data
 * . It is void as soon as the shard has another epoch.
 */
export interface Promotion {
  readonly shard: ShardIndex;
  readonly replica: string;
  /** Of the configuration that the operator saw. */
  readonly epoch: Epoch;
}
