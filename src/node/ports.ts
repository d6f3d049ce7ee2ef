/**
 * All ports of one node, claimed together before anything listens: the main one and one for each worker. A node that
 * gets only some of them gives those back, so that the one who is in the way can be stopped and the start tried again.
 */
import { hostname } from "node:os";
import { claimPort, type PortClaim } from "./port.js";
import { NodeFault } from "./node-fault.js";
import type { ListenSettings, Settings } from "./settings-schema.js";

/** Ports that are this process's until `release`. */
export interface NodePorts {
  readonly main: number;
  /** By worker. */
  readonly own: readonly number[];
  /** For other nodes, by worker; none where the node is alone. */
  readonly peers: readonly number[];
  /** Call it when nothing listens any more. */
  release(): Promise<void>;
}

/** A port that is wanted, and the setting that asks for it. */
interface Wanted {
  readonly host: string;
  readonly port: number;
  readonly setting: string;
}

/**
 * Claims the main port, one for each worker, and in a cluster one more of each for other nodes.
 * @throws NodeFault `port-in-use` naming the process that has it, or `port-refused`
 */
export async function claimPorts({ listen, cluster, node }: Settings): Promise<NodePorts> {
  const { workers } = node;
  const rowOf = (host: string, base: number, setting: string): readonly Wanted[] =>
    Array.from({ length: workers }, (_, worker) => ({ host, port: base === 0 ? 0 : base + worker, setting }));
  const wanted: readonly Wanted[] = [
    { host: listen.host, port: listen.main, setting: "listen.main" },
    ...rowOf(listen.host, listen.workerBase, "listen.worker_base"),
    ...(cluster === null ? [] : rowOf(cluster.host, listen.peerBase, "listen.peer_base")),
  ];
  const claims: PortClaim[] = [];
  const release = async (): Promise<void> => {
    for (const claim of claims) await claim.release();
  };
  for (const { host, port, setting } of wanted) {
    const outcome = await claimPort(host, port);
    if (outcome.kind === "port-claimed") {
      claims.push(outcome);
      continue;
    }
    await release();
    throw new NodeFault(outcome.kind, `${outcome.message} (setting ${setting})`);
  }
  const [main = 0, ...others] = claims.map((claim) => claim.port);
  return { main, own: others.slice(0, workers), peers: others.slice(workers), release };
}

/** `host:port` as a URL has it: an IPv6 address stands in brackets. */
export function hostAndPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * The host that the cluster map tells clients. Nobody can connect to "all addresses", so where nothing is advertised
 * it is this machine's name then.
 */
export function toldHost({ host, advertise }: ListenSettings): string {
  if (advertise !== "") return advertise;
  return host === "0.0.0.0" || host === "::" ? hostname() : host;
}
