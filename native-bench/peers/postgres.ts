/** PostgreSQL as installed (fsync and synchronous_commit on): locks are rows. */
import { execFileSync } from "node:child_process";
import { chownSync, existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { freePorts, HOST } from "../ports.js";
import { clientWords, type Peer, type RunningPeer, type Work } from "./peer.js";
import {
  compileCpp,
  packageVersion,
  type Program,
  runClient,
  startProgram,
  stopPrograms,
  untilReady,
} from "./programs.js";

const VERSIONS = "/usr/lib/postgresql";
/** More do not help: each is a process. */
const CONNECTIONS_MAX = 64;

/** Where this machine's newest version has its programs. */
function programsPath(): string {
  const versions = existsSync(VERSIONS) ? readdirSync(VERSIONS) : [];
  const newest = versions.map(Number).sort((left, right) => right - left)[0];
  if (newest === undefined) throw new Error("PostgreSQL is missing: apt-get install postgresql");
  return join(VERSIONS, `${newest}`, "bin");
}

/** It refuses to be root's: then it is made to run as the user that its package has made. */
function serverUser(): number | undefined {
  return process.getuid?.() === 0 ? Number(execFileSync("id", ["-u", "postgres"], { encoding: "utf8" })) : undefined;
}

async function start(directory: string): Promise<RunningPeer> {
  const user = serverUser();
  const data = join(directory, "postgres");
  mkdirSync(data);
  if (user !== undefined) {
    chownSync(directory, user, user);
    chownSync(data, user, user);
  }
  const identity = user === undefined ? {} : { uid: user, gid: user };
  const bin = programsPath();
  const words = [
    "-D",
    join(data, "data"),
    "-U",
    "bench",
    "--auth=trust",
    "-E",
    "UTF8",
    "--no-locale",
    "--no-instructions",
  ];
  execFileSync(join(bin, "initdb"), words, { cwd: data, stdio: ["ignore", "ignore", "inherit"], ...identity });
  const [port = 0] = await freePorts(1);
  const serve = ["-D", join(data, "data"), "-p", `${port}`, "-h", HOST, "-k", data];
  const program = startProgram({
    command: join(bin, "postgres"),
    words: serve,
    directory: data,
    ...(user === undefined ? {} : { user }),
  });
  await untilReady(program, async () => Promise.resolve(isReady(bin, port)));
  return run(program, port);
}

function isReady(bin: string, port: number): boolean {
  execFileSync(join(bin, "pg_isready"), ["-q", "-h", HOST, "-p", `${port}`]);
  return true;
}

/** One row a lock. */
export const postgres: Peer = {
  system: "postgresql",
  replicas: 1,
  durability: "fsync of each write",
  lacks: ["at the hand-over no TTL: a claim lasts as long as its transaction"],
  settings:
    "as installed; client in C++, libpq in pipeline mode, up to 64 connections, a statement and a transaction for each " +
    "acquire, release and renewal, a sequence for the fencing token; waiters wait for the row lock of a transaction",
  packages: ["postgresql", "libpq-dev"],
  version: () => packageVersion("postgresql"),
  prepare: () => {
    compilePostgres();
  },
  start,
};

function compilePostgres(): string {
  const include = execFileSync("pg_config", ["--includedir"], { encoding: "utf8" }).trim();
  return compileCpp("postgres", [`-I${include}`, "-lpq"]);
}

/** A connection does one transaction after the other: more connections, and shorter pipelines, suit it better. */
function spread(work: Work): Work {
  const connections = Math.min(CONNECTIONS_MAX, work.outstanding);
  if (work.outstanding % connections === 0) return { ...work, connections, depth: work.outstanding / connections };
  return { ...work, connections: 50, depth: work.outstanding / 50 };
}

function run(program: Program, port: number): RunningPeer {
  const words = ["--address", `${HOST}:${port}`];
  return {
    measure: async (work, seconds) => runClient(compilePostgres(), [...words, ...clientWords(spread(work), seconds)]),
    stop: async () => stopPrograms([program], "SIGINT"),
  };
}
