/** Redis as a careful user has it for locks: each write on disk before its answer, or on two replicas by WAIT. */
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { freePorts, HOST } from "../ports.js";
import { clientWords, type Peer, type RunningPeer } from "./peer.js";
import {
  compileCpp,
  packageVersion,
  type Program,
  runClient,
  startProgram,
  stopPrograms,
  untilReady,
} from "./programs.js";

const SERVER = "/usr/bin/redis-server";
const CLI = "/usr/bin/redis-cli";

/** A Redis server on an empty directory; `master` makes it a replica. */
async function startRedis(directory: string, port: number, master?: number): Promise<Program> {
  mkdirSync(directory, { recursive: true });
  const replica = master === undefined ? [] : ["--replicaof", HOST, `${master}`, "--repl-diskless-sync-delay", "0"];
  const words = ["--port", `${port}`, "--bind", HOST, "--dir", directory, "--save", "", "--appendonly", "yes"];
  const program = startProgram({
    command: SERVER,
    words: [...words, "--appendfsync", "always", ...replica],
    directory,
  });
  await untilReady(program, async () => {
    const wanted = master === undefined ? "tcp_port" : "master_link_status:up";
    return Promise.resolve(ask(port, "info").includes(wanted));
  });
  return program;
}

function ask(port: number, ...words: readonly string[]): string {
  return execFileSync(CLI, ["-p", `${port}`, ...words], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
}

const shared = {
  system: "redis",
  packages: ["redis-server", "redis-tools"],
  version: () => packageVersion("redis-server"),
  prepare: () => {
    compileCpp("redis");
  },
};

const client =
  "client in C++, pipelined: SET NX PX; EVALSHA compares before it deletes; waiters by PUBLISH and SUBSCRIBE";

/** One server. */
export const redis: Peer = {
  ...shared,
  replicas: 1,
  durability: "fsync of each write",
  lacks: ["no fencing token", "no queue: whoever asks first after a release"],
  settings: `appendonly yes, appendfsync always, save ""; ${client}`,
  start: async (directory) => {
    const [port = 0] = await freePorts(1);
    return run([await startRedis(directory, port)], port, 0);
  },
};

/** A master and two replicas, and every pipeline ends with WAIT 2. */
export const redisReplicated: Peer = {
  ...shared,
  replicas: 3,
  durability: "fsync at the master, two replicas have it in memory (WAIT 2)",
  lacks: ["no fencing token", "no consensus: a fail-over may lose what WAIT has proven", "no queue"],
  settings: `a master and two replicas, appendonly yes, appendfsync always; WAIT 2 after each pipeline; ${client}`,
  start: async (directory) => {
    const [port = 0, second = 0, third = 0] = await freePorts(3);
    const master = await startRedis(join(directory, "0"), port);
    const replicas = [
      await startRedis(join(directory, "1"), second, port),
      await startRedis(join(directory, "2"), third, port),
    ];
    return run([master, ...replicas], port, replicas.length);
  },
};

function run(programs: readonly Program[], port: number, copies: number): RunningPeer {
  const words = ["--address", `${HOST}:${port}`, "--copies", `${copies}`];
  return {
    measure: async (work, seconds) => runClient(compileCpp("redis"), [...words, ...clientWords(work, seconds)]),
    stop: async () => stopPrograms(programs),
  };
}
