/** What the node tells a worker thread when it starts it, and what the two say to each other afterwards. */
import type { MessagePort } from "node:worker_threads";
import type { Limits } from "../words/limits.js";

/** One of the worker's stores. */
export interface WorkerStore {
  readonly index: number;
  readonly file: string;
  readonly create: boolean;
  /** The id that the store must have. */
  readonly storeId: string;
  readonly shards: readonly { readonly shard: number; readonly epoch: number; readonly era: number }[];
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
  /** All that was answered is on disk, connections are closed: the thread ends. */
  | { readonly kind: "drained" };

/** What the node tells a worker. */
export type ToWorker =
  /** All workers have recovered: open the ports. */
  | { readonly kind: "listen" }
  | { readonly kind: "status?"; readonly id: number }
  | { readonly kind: "node-status"; readonly id: number; readonly json: string }
  /** Refuse new work with `draining`, commit, answer, close; all within so many milliseconds. */
  | { readonly kind: "drain"; readonly withinMs: number };

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
}
