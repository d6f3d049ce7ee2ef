/** Three nodes and their etcd on this machine, for the benches of the cluster: the very command that users run. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { once } from "node:events";
import { join } from "node:path";
import { freePorts, HOST } from "./ports.js";
import { cpuMs, makeDataDir, removeDataDir, type Server, startNode, stop } from "./server.js";

const NODES = 3;
const ETCD = "/usr/bin/etcd";
const LOOK_MS = 50;
const READY_MS_MAX = 30_000;
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
  const [client = 0, peer = 0, ...ports] = await freePorts(2 + NODES * PORTS_EACH);
  const etcd = await startEtcd(join(dataDir, "etcd"), client, peer);
  const start = async (index: number): Promise<Server> => {
    const directory = join(dataDir, `node-${index}`);
    mkdirSync(directory, { recursive: true });
    const at = ports.slice(index * PORTS_EACH, (index + 1) * PORTS_EACH);
    return startNode(directory, [...flagsOf(index, at, `${HOST}:${client}`), ...flags]);
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
      etcd.kill("SIGKILL");
      await once(etcd, "exit");
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

async function startEtcd(directory: string, client: number, peer: number): Promise<ChildProcess> {
  const urls = { client: `http://${HOST}:${client}`, peer: `http://${HOST}:${peer}` };
  const child = spawn(
    ETCD,
    [
      ...["--data-dir", directory, "--name", "one", "--logger", "zap", "--log-level", "error"],
      ...["--listen-client-urls", urls.client, "--advertise-client-urls", urls.client],
      ...["--listen-peer-urls", urls.peer, "--initial-advertise-peer-urls", urls.peer],
      ...["--initial-cluster", `one=${urls.peer}`],
    ],
    { stdio: "ignore" },
  );
  const endMs = performance.now() + READY_MS_MAX;
  while (!(await isHealthy(urls.client))) {
    if (performance.now() > endMs) throw new Error(`etcd did not get ready in ${READY_MS_MAX} ms`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return child;
}

async function isHealthy(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/health`)).ok;
  } catch {
    return false;
  }
}
