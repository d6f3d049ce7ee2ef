/** Holdfast among its peers: the same work, by its own load generator. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { startCluster } from "../cluster-nodes.js";
import { buildGenerator, generate, phaseOf, root } from "../generator.js";
import { startHoldfast, stop } from "../server.js";
import type { Measured, Peer, RunningPeer, Work } from "./peer.js";

const shared = {
  system: "holdfast",
  lacks: [],
  version: () =>
    z.object({ version: z.string() }).parse(JSON.parse(readFileSync(join(root, "package.json"), "utf8"))).version,
  prepare: buildGenerator,
};

/** One node. */
export const holdfast: Peer = {
  ...shared,
  replicas: 1,
  durability: "fsync of each write",
  settings: "as installed; client in C++, WebSocket and msgpack, a session for each connection",
  packages: [],
  start: async (directory) => {
    const server = await startHoldfast(directory);
    return run(server.address, async () => stop(server));
  },
};

/** Three nodes and their etcd. */
export const holdfastReplicated: Peer = {
  ...shared,
  replicas: 3,
  durability: "fsync of each write at three nodes",
  settings: "three nodes, etcd with one member; client in C++, WebSocket and msgpack, a session for each connection",
  packages: ["etcd-server"],
  start: async () => {
    const cluster = await startCluster();
    return run(cluster.address, async () => cluster.stop());
  },
};

function run(address: string, stopped: () => Promise<void>): RunningPeer {
  return { measure: async (work, seconds) => measure(address, work, seconds), stop: stopped };
}

async function measure(address: string, work: Work, seconds: number): Promise<Measured> {
  const size = ["--connections", `${work.connections}`, "--window", `${work.depth}`];
  const kinds: Readonly<Record<Work["name"], readonly string[]>> = {
    "acquire+release": ["--mix", "50,50,0,0"],
    "hand-over": ["--mode", "handover", "--waiters", `${work.connections - 1}`],
    // Two of a hundred acquire what is not held yet; they are not counted.
    "held and renewed": ["--mix", "2,0,98,0", "--keys", `${work.outstanding}`],
  };
  const words = ["--url", address, ...size, ...kinds[work.name], "--warmup", "0.5", "--seconds", `${seconds}`];
  const result = await generate(words);
  const phase = phaseOf(result, "measured");
  const operations = work.name === "held and renewed" ? (phase.answers["renewed"] ?? 0) : phase.operations;
  const { p50, p99 } = phase.latencyMs;
  const isHandOver = work.name === "hand-over";
  return {
    opsPerSecond: isHandOver ? phase.opsPerSecond : operations / phase.seconds,
    p50Ms: p50,
    p99Ms: p99,
    errors: result.errorCount,
  };
}
