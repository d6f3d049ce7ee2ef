/** The status of a whole node: what `GET /v1/status` and `holdfast status` show. Sums, and each worker by itself. */
import type { NodeRecord } from "../control/control-plane.js";
import type { Configuration } from "../words/configuration.js";
import type { Goal } from "../words/goal.js";
import type { WorkerStatus } from "../worker/options.js";

/** What does not change while a node runs. */
export interface NodeFacts {
  readonly version: string;
  readonly node: string;
  readonly clusterId: string;
  readonly dataDir: string;
  readonly pid: number;
  /** By the wall clock, for people; ISO 8601. */
  readonly startedAt: string;
  readonly address: string;
  readonly workerAddresses: readonly string[];
  readonly shards: number;
  readonly stores: number;
  readonly recovered: { readonly claims: number; readonly sessions: number; readonly milliseconds: number };
}

/** Counts summed over workers. */
export interface NodeTotals {
  readonly connections: number;
  readonly sessions: number;
  readonly claims: number;
  readonly holders: number;
  readonly waiters: number;
  readonly resources: number;
  readonly turns: number;
  readonly requests: number;
  readonly answers: Readonly<Record<string, number>>;
  readonly faults: Readonly<Record<string, number>>;
}

/** Sizes in bytes. */
export interface NodeMemory {
  readonly residentBytes: number;
  readonly heapUsedBytes: number;
  readonly externalBytes: number;
}

/** The cluster as one node sees it. */
export interface ClusterStatus {
  /** In etcd. */
  readonly name: string;
  readonly etcd: readonly string[];
  readonly controlPlaneId: string;
  /** Why etcd can't be heard; null if it can. */
  readonly outOfTouch: string | null;
  readonly nodes: readonly NodeRecord[];
  /** Ids of nodes that are to keep no replica. */
  readonly draining: readonly string[];
  /** That each shard should have. */
  readonly replicas: number;
  readonly configurations: readonly Configuration[];
  readonly goals: readonly Goal[];
}

/** Everything about a node. */
export interface NodeStatus extends NodeFacts {
  readonly uptimeMs: number;
  /** Null where the node is alone. */
  readonly cluster: ClusterStatus | null;
  readonly memory: NodeMemory;
  readonly totals: NodeTotals;
  /** Those that answered in time. */
  readonly workers: readonly WorkerStatus[];
  /** Workers that were too busy to answer. */
  readonly silentWorkers: readonly number[];
}

type Countable = "connections" | "sessions" | "claims" | "holders" | "waiters" | "resources" | "turns" | "requests";

/** Puts together what is known. Reads the memory of the process. */
export function nodeStatus(
  facts: NodeFacts,
  now: { readonly uptimeMs: number; readonly cluster: ClusterStatus | null },
  workers: readonly WorkerStatus[],
): NodeStatus {
  const { rss, heapUsed, external } = process.memoryUsage();
  const heard = new Set(workers.map(({ worker }) => worker));
  const silentWorkers = [...facts.workerAddresses.keys()].filter((index) => !heard.has(index));
  return {
    ...facts,
    uptimeMs: Math.round(now.uptimeMs),
    cluster: now.cluster,
    memory: { residentBytes: rss, heapUsedBytes: heapUsed, externalBytes: external },
    totals: totalsOf(workers),
    workers,
    silentWorkers,
  };
}

function totalsOf(workers: readonly WorkerStatus[]): NodeTotals {
  const sum = (key: Countable): number => workers.reduce((total, worker) => total + worker[key], 0);
  return {
    connections: sum("connections"),
    sessions: sum("sessions"),
    claims: sum("claims"),
    holders: sum("holders"),
    waiters: sum("waiters"),
    resources: sum("resources"),
    turns: sum("turns"),
    requests: sum("requests"),
    answers: summed(workers.map(({ answers }) => answers)),
    faults: summed(workers.map(({ faults }) => faults)),
  };
}

function summed(records: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const totals: Record<string, number> = {};
  for (const record of records) {
    for (const [key, value] of Object.entries(record)) totals[key] = (totals[key] ?? 0) + value;
  }
  return totals;
}
