/** Three nodes and their etcd on this machine, for the benches of the cluster: the very command that users run. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { startEtcdMembers } from "./peers/etcd.js";
import { stopPrograms } from "./peers/programs.js";
import { freePorts } from "./ports.js";
import { cpuMs, makeDataDir, removeDataDir, type Server, startNode, stop } from "./server.js";

const NODES = 3;
const ETCD = "/usr/bin/etcd";
const KEY = "the-key-of-the-benches";

/** A cluster under measurement. */
export interface Cluster {
  /** HOST:PORT of each node that runs, by index. */
  readonly nodes: readonly Server[];
  /** The address that the generator is given: it learns the others from the map. */
  readonly address: string;
  /** Processor time of all nodes and etcd so far, in milliseconds. */
  cpuMs(): number;
  /** Starts a node again, on its data and at its ports. */
  restart(index: number): Promise<void>;
  stop(): Promise<void>;
}

/** Starts it with nothing in it. @throws Error if etcd is not installed */
export async function startCluster(flags: readonly string[] = []): Promise<Cluster> {
  if (!existsSync(ETCD)) throw new Error("etcd is missing: apt-get install etcd-server");
  const dataDir = makeDataDir();
  const etcd = await startEtcdMembers(dataDir, 1);
  const ports = await freePorts(NODES * PORTS_EACH);
  const start = async (index: number): Promise<Server> => {
    const directory = join(dataDir, `node-${index}`);
    mkdirSync(directory, { recursive: true });
    const at = ports.slice(index * PORTS_EACH, (index + 1) * PORTS_EACH);
    return startNode(directory, [...flagsOf(index, at, etcd.addresses[0] ?? ""), ...flags]);
  };
  const nodes: Server[] = await Promise.all(Array.from({ length: NODES }, (_, index) => start(index)));
  return {
    nodes,
    address: nodes[0]?.address ?? "",
    cpuMs: () => nodes.reduce((sum, node) => sum + cpuMs(node), 0),
    restart: async (index) => {
      nodes[index] = await start(index);
    },
    stop: async () => {
      await Promise.all(nodes.map(stop));
      await stopPrograms(etcd.programs);
      removeDataDir(dataDir);
    },
  };
}

/** Main, and the first of the workers' and of the peers' ports: both are told as 0, so that any free ones are taken. */
const PORTS_EACH = 1;

function flagsOf(index: number, [main = 0]: readonly number[], etcd: string): readonly string[] {
  return [
    ...["--name", `node-${index}`, "--listen-main", `${main}`, "--listen-worker-base", "0", "--listen-peer-base", "0"],
    ...["--cluster-etcd", etcd, "--cluster-key", KEY],
  ];
}
