/** What the node tells a worker thread when it starts it, and what the two say to each other afterwards. */
import type { MessagePort } from "node:worker_threads";
import type { Configuration } from "../words/configuration.js";
import type { Limits } from "../words/limits.js";
import type { Input } from "../replication/inputs.js";
import type { ControlRequest, Report } from "../replication/outputs.js";
import type { ReplicationSettings } from "../replication/settings.js";
import type { ClusterNode } from "./cluster-view.js";

/** One of the worker's stores. */
export interface WorkerStore {
  readonly index: number;
  readonly file: string;
  readonly create: boolean;
  /** The id that the store must have. */
  readonly storeId: string;
  readonly shards: readonly { readonly shard: number; readonly epoch: number; readonly era: number }[];
}

/** What a worker of a cluster is told beside. */
export interface ClusterOptions {
  readonly clusterId: string;
  /** The node's id. */
  readonly node: string;
  /** Which node of the cluster it is (cluster-view.ts). */
  readonly place: number;
  /** Stores of each node. */
  readonly stores: number;
  /** What nodes know each other by. */
  readonly key: string;
  /** Where this worker takes the connections of other nodes' workers. */
  readonly host: string;
  readonly port: number;
  readonly nodes: readonly ClusterNode[];
  readonly configurations: readonly Configuration[];
  readonly replication: ReplicationSettings;
}

/** `workerData` of a worker thread. */
export interface WorkerOptions {
  readonly index: number;
  /** A number that no other start of any worker of this node has had: path numbers are made of it. Below 2^20. */
  readonly start: number;
  readonly stores: readonly WorkerStore[];
  readonly clusterId: string;
  readonly shards: number;
  /** The ring, made once for the whole process, in memory that its threads share (placement/ring.ts). */
  readonly ringSlots: Uint16Array;
  /** Which worker has each shard. */
  readonly workerOfShard: Uint16Array;
  readonly node: string;
  readonly version: string;
  readonly host: string;
  /** The port that all workers share, and this worker's own. */
  readonly mainPort: number;
  readonly ownPort: number;
  /** What the cluster map says: "host:port" of each worker. */
  readonly addresses: readonly string[];
  readonly limits: Limits;
  readonly log: {
    readonly retainMs: number;
    readonly retainBytes: number;
    readonly reserveBytes: number;
    readonly copyBackBytes: number;
    readonly ringBytes: number;
  };
  readonly checkpoint: { readonly bytesPerSecond: number; readonly replayBytes: number };
  /** Null where the node is alone: then nothing of replication is there. */
  readonly cluster: ClusterOptions | null;
  /** A port to each worker, by index; null at the own index. Given in `transferList`. */
  readonly peers: readonly (MessagePort | null)[];
}

/** Why a worker can't go on. */
export interface WorkerFailure {
  readonly code: string;
  readonly message: string;
  /** Where it was thrown, if it was. */
  readonly stack?: string;
}

/** What a worker tells the node. */
export type FromWorker =
  | { readonly kind: "recovering"; readonly done: number; readonly total: number }
  | { readonly kind: "recovered"; readonly claims: number; readonly sessions: number; readonly milliseconds: number }
  | { readonly kind: "listening" }
  | { readonly kind: "status"; readonly id: number; readonly status: WorkerStatus }
  /** The worker can't go on, and closes its app. The node exits with 1. */
  | ({ readonly kind: "failed" } & WorkerFailure)
  | { readonly kind: "node-status?"; readonly id: number }
  /** To the control plane; `told` answers. */
  | { readonly kind: "control"; readonly shard: number; readonly request: ControlRequest }
  /** A replica has a configuration that the node may not have heard of. */
  | { readonly kind: "saw"; readonly configuration: Configuration }
  /** For the log, in words of replication/outputs.ts. */
  | { readonly kind: "report"; readonly shard: number; readonly replica: string; readonly report: Report }
  /** Of connections with other nodes, for the log. */
  | { readonly kind: "warning"; readonly facts: Readonly<Record<string, string>>; readonly message: string }
  /** All that was answered is on disk, connections are closed: the thread ends. */
  | { readonly kind: "drained" };

/** What the node tells a worker. */
export type ToWorker =
  /** All workers have recovered: open the ports. */
  | { readonly kind: "listen" }
  | { readonly kind: "status?"; readonly id: number }
  | { readonly kind: "node-status"; readonly id: number; readonly json: string }
  /** The control plane's answer for a replica. */
  | { readonly kind: "told"; readonly shard: number; readonly input: Input }
  /** Somebody has seen a configuration that is larger than what this node knew. */
  | { readonly kind: "seen"; readonly configuration: Configuration }
  /** The nodes of the cluster, all of them. */
  | { readonly kind: "nodes"; readonly nodes: readonly ClusterNode[] }
  /** Refuse new work with `draining`, commit, answer, close; all within so many milliseconds. */
  | { readonly kind: "drain"; readonly withinMs: number };

/** What a worker's replica of a shard knows, as `status` shows it. */
export interface ReplicaStatus {
  readonly shard: number;
  readonly role: string;
  readonly epoch: number;
  /** In office: it decides. */
  readonly isServing: boolean;
  /** The end of its log, and up to where that is committed; LSNs. */
  readonly end: number;
  readonly committed: number;
  /** Of a primary: how each other replica is fed, and how many events it has not stored yet. */
  readonly peers: readonly { readonly replica: string; readonly feeding: string; readonly lag: number }[];
}

/** Counts and sizes of one worker, as `status` shows them. */
export interface WorkerStatus {
  readonly worker: number;
  readonly shards: number;
  readonly connections: number;
  readonly sessions: number;
  readonly claims: number;
  readonly holders: number;
  readonly waiters: number;
  readonly resources: number;
  readonly answers: Readonly<Record<string, number>>;
  readonly faults: Readonly<Record<string, number>>;
  readonly turns: number;
  readonly requests: number;
  readonly turnMicros: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly commitMicros: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly log: Readonly<Record<string, number>>;
  /** None where the node is alone. */
  readonly replicas: readonly ReplicaStatus[];
}
