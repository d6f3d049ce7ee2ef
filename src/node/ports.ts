/**
 * All ports of one node, claimed together before anything listens: the main one and one for each worker. A node that
 * gets only some of them gives those back, so that the one who is in the way can be stopped and the start tried again.
 */
import { hostname } from "node:os";
import { claimPort, type PortClaim } from "./port.js";
import { NodeFault } from "./node-fault.js";
import type { ListenSettings } from "./settings-schema.js";

/** Ports that are this process's until `release`. */
export interface NodePorts {
  readonly main: number;
  /** By worker. */
  readonly own: readonly number[];
  /** Call it when nothing listens any more. */
  release(): Promise<void>;
}

/**
 * Claims the main port, and one for each worker.
 * @throws NodeFault `port-in-use` naming the process that has it, or `port-refused`
 */
export async function claimPorts(listen: ListenSettings, workers: number): Promise<NodePorts> {
  const claims: PortClaim[] = [];
  const release = async (): Promise<void> => {
    for (const claim of claims) await claim.release();
  };
  const wanted = Array.from({ length: workers }, (_, worker) =>
    listen.workerBase === 0 ? 0 : listen.workerBase + worker,
  );
  for (const port of [listen.main, ...wanted]) {
    const outcome = await claimPort(listen.host, port);
    if (outcome.kind === "port-claimed") {
      claims.push(outcome);
      continue;
    }
    await release();
    const setting = claims.length === 0 ? "listen.main" : "listen.worker_base";
    throw new NodeFault(outcome.kind, `${outcome.message} (setting ${setting})`);
  }
  const [main = 0, ...own] = claims.map((claim) => claim.port);
  return { main, own, release };
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
