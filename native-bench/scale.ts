/** The axes of `make bench-scale`: which size is varied, how each is measured, and how the code promises that cost grows. */
import { cpus, freemem } from "node:os";
import { startCluster } from "./cluster-nodes.js";
import { generate, type Phase, phaseOf } from "./generator.js";
import { isQuick } from "./results.js";
import { kill, makeDataDir, removeDataDir, residentBytes, type Server, startNode, stop } from "./server.js";

const SECONDS: number = isQuick ? 1 : 5;
/** What a live lock takes at most, in bytes, to know beforehand whether memory suffices. */
const LOCK_BYTES_MAX = 250;

/** One size of one axis. Null: not measured at this axis. */
export interface ScaleRow {
  readonly axis: AxisName;
  readonly size: number;
  readonly opsPerSecond: number;
  readonly p99Ms: number;
  readonly residentMB: number | null;
  readonly recoveryMs: number | null;
}

/** What is varied. */
export type AxisName = "locks" | "shards" | "workers" | "nodes" | "connections" | "sessions" | "names";

/** One axis. */
export interface Axis {
  readonly sizes: readonly number[];
  readonly unit: string;
  /** What the code promises: how cost grows with the size. */
  readonly promise: string;
  /** A message: this size is left out, and why. */
  readonly measure: (size: number) => Promise<ScaleRow | string>;
}

async function withServer<T>(
  flags: readonly string[],
  use: (server: Server, dataDir: string) => Promise<T>,
): Promise<T> {
  const dataDir = makeDataDir();
  try {
    const server = await startNode(dataDir, flags);
    try {
      return await use(server, dataDir);
    } finally {
      await stop(server);
    }
  } finally {
    removeDataDir(dataDir);
  }
}

async function traffic(address: string, words: readonly string[] = []): Promise<Phase> {
  const size = words.includes("--connections") ? [] : ["--connections", "64"];
  const more = ["--window", "16", "--seconds", `${SECONDS}`, ...size, ...words];
  return phaseOf(await generate(["--url", address, ...more]), "measured");
}

function rowOf(axis: AxisName, size: number, phase: Phase): ScaleRow {
  const { opsPerSecond, latencyMs } = phase;
  return { axis, size, opsPerSecond, p99Ms: latencyMs.p99, residentMB: null, recoveryMs: null };
}

async function measureLocks(size: number): Promise<ScaleRow | string> {
  if (freemem() < size * LOCK_BYTES_MAX) return `${Math.round(freemem() / 1e9)} GB of memory are free; it takes more`;
  return withServer([], async (server, dataDir) => {
    const fill = ["--mode", "fill", "--locks", `${size}`, "--ttl", "300000", "--connections", "16", "--window", "256"];
    await generate(["--url", server.address, ...fill, "--seconds", "0"]);
    const phase = await traffic(server.address, ["--sessions", "off"]);
    const residentMB = residentBytes(server) / 1e6;
    await kill(server);
    const again = await startNode(dataDir, []);
    await stop(again);
    return { ...rowOf("locks", size, phase), residentMB, recoveryMs: again.startMs };
  });
}

async function measureNodes(size: number): Promise<ScaleRow> {
  if (size === 1) return withServer([], async ({ address }) => rowOf("nodes", 1, await traffic(address)));
  const cluster = await startCluster();
  try {
    return rowOf("nodes", size, await traffic(cluster.address, ["--warmup", "3"]));
  } finally {
    await cluster.stop();
  }
}

async function measureSessions(size: number): Promise<ScaleRow> {
  return withServer([], async (server) => {
    const connections = ["--connections", `${Math.min(2_000, size / 10)}`];
    const idle = ["--mode", "idle", ...connections, "--idle-sessions", `${size}`, "--seconds", `${SECONDS}`];
    let residentMB = 0;
    await generate(["--url", server.address, ...idle], () => {
      residentMB = residentBytes(server) / 1e6;
    });
    return { ...rowOf("sessions", size, await traffic(server.address)), residentMB };
  });
}

/** All axes. */
export const axes: Readonly<Record<AxisName, Axis>> = {
  locks: {
    sizes: isQuick ? [10_000, 100_000] : [1_000_000, 10_000_000, 100_000_000],
    unit: "live locks",
    promise: "time constant, memory and recovery linear",
    measure: measureLocks,
  },
  shards: {
    sizes: isQuick ? [1, 64] : [1, 2, 4, 8, 16, 32, 64],
    unit: "shards",
    promise: "constant from a shard for each worker on: shards of a worker share its turns and commits",
    measure: async (size) =>
      withServer(["--shards", `${size}`, "--workers", `${Math.min(size, cpus().length)}`], async ({ address }) =>
        rowOf("shards", size, await traffic(address)),
      ),
  },
  workers: {
    sizes: [1, 2],
    unit: "workers",
    promise: "linear as long as there are cores",
    measure: async (size) =>
      withServer(["--workers", `${size}`], async ({ address }) => rowOf("workers", size, await traffic(address))),
  },
  nodes: {
    sizes: [1, 3],
    unit: "nodes, each shard at all of them",
    promise: "each node does the work of each shard; on one machine they share its cores",
    measure: measureNodes,
  },
  connections: {
    sizes: isQuick ? [100, 1_000] : [1_000, 5_000, 10_000, 19_000],
    unit: "connections",
    promise: "constant for an operation",
    measure: async (size) =>
      withServer([], async ({ address }) => {
        const words = ["--connections", `${size}`, "--window", "1", "--warmup", "5"];
        return rowOf("connections", size, await traffic(address, words));
      }),
  },
  sessions: {
    sizes: isQuick ? [1_000] : [10_000, 100_000, 1_000_000],
    unit: "idle sessions beside the traffic before",
    promise: "memory linear, keep-alives of a connection together",
    measure: measureSessions,
  },
  names: {
    sizes: [20, 64, 200],
    unit: "bytes of a name",
    promise: "linear in the bytes that are hashed, logged and sent",
    measure: async (size) =>
      withServer([], async ({ address }) => rowOf("names", size, await traffic(address, ["--name-size", `${size}`]))),
  },
};
