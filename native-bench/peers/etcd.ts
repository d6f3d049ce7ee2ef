/** etcd with one member and with three, as installed: each change is on the disk of most members before its answer. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { freePorts, HOST } from "../ports.js";
import { clientWords, type Peer, type RunningPeer } from "./peer.js";
import {
  build,
  clients,
  compile,
  packageVersion,
  type Program,
  runClient,
  startProgram,
  stopPrograms,
  untilReady,
} from "./programs.js";

const SERVER = "/usr/bin/etcd";
const made: string = join(build, "peer-etcd");
const source: string = join(clients, "etcd", "main.go");

/** Members that run, and where their clients find them. */
export interface EtcdMembers {
  readonly programs: readonly Program[];
  /** HOST:PORT of each. */
  readonly addresses: readonly string[];
}

/** Starts an etcd of `count` members with nothing in it, below `directory`. */
export async function startEtcdMembers(directory: string, count: number): Promise<EtcdMembers> {
  const ports = await freePorts(2 * count);
  const members = Array.from({ length: count }, (_, index) => ({
    name: `member-${index}`,
    client: `http://${HOST}:${ports[2 * index] ?? 0}`,
    peer: `http://${HOST}:${ports[2 * index + 1] ?? 0}`,
    directory: join(directory, `etcd-${index}`),
  }));
  const all = members.map(({ name, peer }) => `${name}=${peer}`).join(",");
  const programs = members.map((member) => {
    mkdirSync(member.directory, { recursive: true });
    const words = [
      ...[
        "--data-dir",
        join(member.directory, "data"),
        "--name",
        member.name,
        "--logger",
        "zap",
        "--log-level",
        "error",
      ],
      ...["--listen-client-urls", member.client, "--advertise-client-urls", member.client],
      ...["--listen-peer-urls", member.peer, "--initial-advertise-peer-urls", member.peer, "--initial-cluster", all],
    ];
    return startProgram({ command: SERVER, words, directory: member.directory });
  });
  for (const [index, program] of programs.entries()) {
    await untilReady(program, async () => (await fetch(`${members[index]?.client ?? ""}/health`)).ok);
  }
  return { programs, addresses: members.map(({ client }) => client.replace("http://", "")) };
}

const shared = {
  system: "etcd",
  lacks: [],
  packages: ["etcd-server", "golang-go", "golang-etcd-server-dev"],
  version: () => packageVersion("etcd-server"),
  prepare: () => {
    compile(made, [source], ["go", "build", "-o", made, source]);
  },
};

const client =
  "client in Go (clientv3), goroutines for requests outstanding, a lease for each connection, a transaction that makes " +
  "or deletes the key; waiters by clientv3/concurrency; renewal: KeepAliveOnce of a lease for each lock";

/** One member. */
export const etcd: Peer = {
  ...shared,
  replicas: 1,
  durability: "fsync of each write",
  settings: `one member, as installed; ${client}`,
  start: async (directory) => run(await startEtcdMembers(directory, 1)),
};

/** Three members. */
export const etcdReplicated: Peer = {
  ...shared,
  replicas: 3,
  durability: "fsync of each write at two of three members",
  settings: `three members, as installed; ${client}`,
  start: async (directory) => run(await startEtcdMembers(directory, 3)),
};

function run({ programs, addresses }: EtcdMembers): RunningPeer {
  return {
    measure: async (work, seconds) =>
      runClient(made, ["--address", addresses.join(","), ...clientWords(work, seconds)]),
    stop: async () => stopPrograms(programs),
  };
}
