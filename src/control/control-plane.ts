/**
 * What a node asks of the control plane: which replicas a shard has, in which epoch, and who else is there (system.md §7).
 * It runs on a node's main thread; workers ask by message. Nothing here is needed while no replica fails, so every
 * call may fail or take its time, and no caller waits for one with a lock in its hand.
 *
 *     establish ──▶ announce ──▶ watch: all there is, then each change ──▶ read, compareAndSwap …
 *     (facts of the cluster, created once)
 */
import type { Configuration } from "../words/configuration.js";
import type { Goal, Promotion } from "../words/goal.js";
import type { ShardIndex } from "../words/ids.js";

/** What was fixed when the cluster was made, and is the same on all its nodes. */
export interface ClusterFacts {
  /** 128 random bits in hex; every store of the cluster bears it. */
  readonly clusterId: string;
  readonly shards: number;
  /** Of each node. */
  readonly stores: number;
  /** Of each node. */
  readonly workers: number;
  /** The era of first configurations. */
  readonly firstEra: number;
  /**
   * The node whose locks the cluster began with: it alone writes the first configurations (Growth). "" where the cluster
   * began empty: then any node may, as placement says.
   */
  readonly grownFrom: string;
}

/** The facts that stand, and the name of the control plane that has them: a store serves under no other (Growth). */
export interface Established {
  readonly controlPlaneId: string;
  readonly facts: ClusterFacts;
}

/** How to reach a node, and what it has. Written by the node itself at each start; it stays when the node is away. */
export interface NodeRecord {
  readonly node: string;
  /** For people. */
  readonly name: string;
  /** A number that no other node has, from 0: workers are numbered by it in the map that clients are told. */
  readonly place: number;
  /** `host:port` that any client may use. */
  readonly main: string;
  /** `host:port` for clients, by worker. */
  readonly clients: readonly string[];
  /** `host:port` for other nodes, by worker. */
  readonly peers: readonly string[];
  /** Ids of stores, by store: a replica's name is node/store id. */
  readonly stores: readonly string[];
  /** The version of Holdfast that it runs. */
  readonly software: string;
}

/** What a watch tells. Changes may be missed while it is broken; then it tells all there is once more. */
export type Seen =
  | { readonly kind: "configuration"; readonly configuration: Configuration }
  | { readonly kind: "node"; readonly record: NodeRecord }
  | { readonly kind: "node-removed"; readonly node: string }
  /** The operator wants the node to keep no replica, or takes that back. */
  | { readonly kind: "draining"; readonly node: string; readonly isDraining: boolean }
  /** Where a shard should be. */
  | { readonly kind: "goal"; readonly goal: Goal }
  /** The operator's word. */
  | { readonly kind: "promotion"; readonly promotion: Promotion }
  /** The watch broke, or goes on: for the log and for status. Nothing is lost by it. */
  | { readonly kind: "out-of-touch"; readonly why: string }
  | { readonly kind: "in-touch" }
  /** A value is damaged or of a newer version; nothing is concluded from it. It wakes somebody. */
  | { readonly kind: "unreadable"; readonly why: string };

/** What a compare-and-swap expects to find. */
export type Expected = Pick<Configuration, "epoch" | "nonce">;

/**
 * `written`: it was seen to succeed. `not-written`: everything else, so it may be written yet, at any later time.
 */
export type SwapOutcome = "written" | "not-written";

/** The nodes that the control plane knows. */
export interface Registry {
  readonly records: readonly NodeRecord[];
  /** Ids of nodes that are to keep no replica. */
  readonly draining: readonly string[];
}

/**
 * The control plane. Every promise settles within a few seconds; those of reads and registrations are rejected with
 * {@link ControlFault}, that of a compare-and-swap never.
 */
export interface ControlPlane {
  /** The facts that stand; null where no cluster was made yet. */
  facts(): Promise<Established | null>;
  /** Makes the cluster if there is none. @returns the facts that stand then: compare them by {@link differences} */
  establish(wanted: ClusterFacts): Promise<Established>;
  /** Linearizable, and begun after the call; null if the shard never had one. */
  read(shard: ShardIndex): Promise<Configuration | null>;
  /** Linearizable, in the order of shards; those without one are left out. */
  readAll(): Promise<readonly Configuration[]>;
  /** Writes `next` if what stands there has the epoch and nonce of `expected`; null: if nothing stands there. Once. */
  compareAndSwap(expected: Expected | null, next: Configuration): Promise<SwapOutcome>;
  /** Tells all there is, then each change, until what is returned is called. Begins anew by itself after a break. */
  watch(onSeen: (seen: Seen) => void): () => void;
  /** Puts the node's record in place of an older one. */
  announce(record: NodeRecord): Promise<void>;
  /** The same, only if there is an older one. @returns false if there is none: the node was removed meanwhile */
  announceAgain(record: NodeRecord): Promise<boolean>;
  nodes(): Promise<Registry>;
  setDraining(node: string, isDraining: boolean): Promise<void>;
  /** Forgets a node that has left, its draining too. */
  remove(node: string): Promise<void>;
  /** Where shards should be, in their order; those without a goal are left out. */
  goals(): Promise<readonly Goal[]>;
  /** Puts goals in place of older ones of the same shards; not all at once, and a part of them where it is rejected. */
  setGoals(goals: readonly Goal[]): Promise<void>;
  promote(promotion: Promotion): Promise<void>;
  /** Ends watches and connections. */
  close(): void;
}

/** Why the control plane has not done what was asked; in words for people. */
export type ControlFaultCode =
  /** No endpoint answered in time. */
  | "control-plane-unreachable"
  /** It is not the one under which this node's stores were made (Growth). */
  | "control-plane-is-another"
  /** A value in it can't be read: damaged, or of a newer version. */
  | "control-plane-unreadable"
  /** The node's settings don't fit the cluster. */
  | "cluster-facts-differ";

/** A call that failed. `code` is stable. */
export class ControlFault extends Error {
  override readonly name = "ControlFault";
  readonly code: ControlFaultCode;

  constructor(code: ControlFaultCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A word for people on each fact in which a node is not like its cluster; none: it may join. */
export function differences(standing: ClusterFacts, own: ClusterFacts): readonly string[] {
  const facts: readonly (readonly [keyof ClusterFacts, string])[] = [
    ["clusterId", "its data directory was made for another cluster: start it with the directory of this one, or empty"],
    ["shards", "set node.shards to the cluster's number, and start with an empty data directory"],
    ["stores", "set node.stores to the cluster's number, and start with an empty data directory"],
    ["workers", "set node.workers to the cluster's number"],
  ];
  return facts
    .filter(([fact]) => standing[fact] !== own[fact])
    .map(([fact, cure]) => `${fact} is ${standing[fact]} in the cluster and ${own[fact]} here: ${cure}`);
}
