/**
 * One node of the lock service, from its start to its end. Nothing listens before every lock is recovered: a client
 * that found half of them would be told that the others are free.
 *
 *     data directory ─▶ ports ─▶ workers recover ─▶ workers listen ─▶ ready ─▶ drain ─▶ all given back
 *
 * A failure anywhere ends all workers first (an app that is open when the process exits aborts it), then gives back.
 */
import { resolve } from "node:path";
import type { Logger } from "pino";
import { NodeFault, nodeFault } from "./node-fault.js";
import { joinCluster } from "./cluster-joining.js";
import type { ClusterMember } from "./cluster-member.js";
import { takeSeat } from "./cluster-seat.js";
import { type NodeData, openNodeData } from "./node-data.js";
import { type NodeFacts, type NodeStatus, nodeStatus } from "./node-status.js";
import { claimPorts, hostAndPort, type NodePorts, toldHost } from "./ports.js";
import type { Settings } from "./settings-schema.js";
import { planWorkers } from "./worker-plan.js";
import { type Recovery, Workers } from "./workers.js";

/** After a failure the other workers have this long to close, in milliseconds. */
const CLOSE_WITHIN_MS = 2_000;
/** A node is gone 5 s after it was told to drain; the rest of that is for giving back. */
const DRAIN_WITHIN_MS = 4_500;
/** A node of a cluster takes so much longer at most, to hand over what it has. */
const LEAVE_WITHIN_MS = 5_000;
/** A log line that is longer than 4 KiB would be cut (logger.ts). */
const STACK_CHARACTERS_MAX = 1_500;
const PROGRESS_EVERY_MS = 1_000;

/** What a node is given beside its settings. */
export interface Surroundings {
  readonly logger: Logger;
  readonly version: string;
  /** Breaks off the start. After it, use `drain`. */
  readonly signal?: AbortSignal;
}

/** How a node ended. */
export interface NodeEnd {
  /** Why it could not go on; null if it drained. */
  readonly fault: NodeFault | null;
  /** Whether every worker has ended. If not, only a kill ends the process without an abort. */
  readonly isClean: boolean;
}

/** A node that is ready. */
export interface ServingNode {
  readonly facts: NodeFacts;
  readonly ports: { readonly main: number; readonly own: readonly number[] };
  /** Settled at the end, whatever brought it about; never rejected. */
  readonly ended: Promise<NodeEnd>;
  /** Counts of now; takes up to a second if a worker is busy. */
  status(): Promise<NodeStatus>;
  /** Refuses new work, commits, answers, closes: `ended` tells when; a second call has no effect. */
  drain(): void;
}

/**
 * Starts a node and waits until it is ready.
 * @throws FailedStart if it can't start; if that is clean, all that it had is given back
 */
export async function serve(settings: Settings, surroundings: Surroundings): Promise<ServingNode> {
  const node = new Node(settings, surroundings);
  await node.start();
  return node;
}

/** A start that failed, and whether every worker has ended. */
export class FailedStart extends NodeFault {
  readonly isClean: boolean;

  constructor(fault: NodeFault, isClean: boolean) {
    super(fault.code, fault.message, fault);
    this.isClean = isClean;
  }
}

class Node implements ServingNode {
  readonly ended: Promise<NodeEnd>;
  readonly #settings: Settings;
  readonly #surroundings: Surroundings;
  readonly #startedAt = new Date().toISOString();
  readonly #startedMs = performance.now();
  #data: NodeData | null = null;
  #ports: NodePorts | null = null;
  #workers: Workers | null = null;
  #member: ClusterMember | null = null;
  #facts: NodeFacts | null = null;
  #isEnding = false;
  #tellEnd: (end: NodeEnd) => void = () => {};

  constructor(settings: Settings, surroundings: Surroundings) {
    this.#settings = settings;
    this.#surroundings = surroundings;
    this.ended = new Promise((tell) => {
      this.#tellEnd = tell;
    });
  }

  get facts(): NodeFacts {
    if (this.#facts === null) throw new NodeFault("not-ready", "the node is not ready yet");
    return this.#facts;
  }

  get ports(): ServingNode["ports"] {
    return { main: this.#ports?.main ?? 0, own: this.#ports?.own ?? [] };
  }

  async start(): Promise<void> {
    try {
      await this.#open();
    } catch (error) {
      this.#isEnding = true;
      throw new FailedStart(nodeFault(error), await this.#close(CLOSE_WITHIN_MS));
    }
  }

  async status(): Promise<NodeStatus> {
    const workers = (await this.#workers?.status()) ?? [];
    const uptimeMs = performance.now() - this.#startedMs;
    return nodeStatus(this.facts, { uptimeMs, cluster: this.#member?.status ?? null }, workers);
  }

  drain(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    void this.#leave();
  }

  /** In a cluster others take over first, while this node still serves: its end is then no fail-over. */
  async #leave(): Promise<void> {
    await this.#member?.leave(LEAVE_WITHIN_MS);
    await this.#finish(DRAIN_WITHIN_MS, null);
  }

  async #open(): Promise<void> {
    const { signal, version } = this.#surroundings;
    const settings = this.#settings;
    const refuseIfAsked = (): void => {
      if (signal?.aborted === true) throw new NodeFault("interrupted", "interrupted: the start was broken off");
    };
    const { logger } = this.#surroundings;
    const { cluster } = settings;
    const joined = cluster === null ? null : await joinCluster({ settings, cluster, logger, signal });
    const data = joined?.data ?? openNodeData(settings);
    this.#data = data;
    refuseIfAsked();
    const ports = await claimPorts(settings);
    this.#ports = ports;
    refuseIfAsked();
    const host = toldHost(settings.listen);
    const seat =
      joined === null || cluster === null
        ? null
        : await takeSeat({
            settings,
            cluster,
            joined,
            ports,
            version,
            host,
            logger,
            onRemoved: () => this.#removed(),
          });
    this.#member = seat?.member ?? null;
    const plan = planWorkers({
      settings,
      data: seat?.data ?? data,
      ports,
      version,
      host,
      cluster: seat?.workers ?? null,
    });
    const workers = new Workers(plan, {
      statusJson: async () => JSON.stringify(await this.status()),
      cluster: this.#member,
    });
    this.#workers = workers;
    const recovery = await this.#recover(workers);
    refuseIfAsked();
    this.#facts = this.#factsOf({ data, ports, recovery });
    await workers.listen();
    this.#member?.start((message) => workers.tell(message));
    refuseIfAsked();
    void this.#endOnFailure(workers);
  }

  /** A long recovery says each second how far it is, because a silent start looks like one that hangs. */
  async #recover(workers: Workers): Promise<Recovery> {
    const { logger, signal } = this.#surroundings;
    const tell = (): void => {
      const progress = workers.progress();
      if (progress.total > 0) logger.info(progress, "recovering locks from the log");
    };
    const timer = setInterval(tell, PROGRESS_EVERY_MS);
    try {
      return await Promise.race([workers.recovered, aborted(signal)]);
    } finally {
      clearInterval(timer);
    }
  }

  async #endOnFailure(workers: Workers): Promise<void> {
    const fault = await workers.failed;
    if (this.#isEnding) return; // Then #finish looks at it.
    this.#isEnding = true;
    const { code, worker, origin } = fault;
    this.#surroundings.logger.fatal({ code, worker, stack: origin.slice(0, STACK_CHARACTERS_MAX) }, fault.message);
    await this.#finish(CLOSE_WITHIN_MS, fault);
  }

  /** Another node may have its place, by which paths are told apart. */
  #removed(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    const message =
      "this node was removed from its cluster (or etcd was restored from a copy that is older than the node): start it " +
      "with another, empty data directory, and it joins as a new one";
    const fault = new NodeFault("node-removed", message);
    this.#surroundings.logger.fatal({ code: fault.code }, fault.message);
    void this.#finish(DRAIN_WITHIN_MS, fault);
  }

  async #finish(withinMs: number, fault: NodeFault | null): Promise<void> {
    const workers = this.#workers;
    const failure = workers === null ? Promise.resolve(null) : workers.failed;
    const isClean = await this.#close(withinMs);
    const late = isClean ? null : new NodeFault("drain-too-slow", `drain-too-slow: not done after ${withinMs} ms`);
    this.#tellEnd({ fault: fault ?? (await Promise.race([failure, Promise.resolve(late)])), isClean });
  }

  /** Ends the workers and gives back what the node has; a worker that is left may still write, so then nothing is. */
  async #close(withinMs: number): Promise<boolean> {
    const isClean = (await this.#workers?.drain(withinMs)) ?? true;
    this.#member?.close();
    if (!isClean) return false;
    await this.#ports?.release();
    this.#data?.directory.close();
    return true;
  }

  #factsOf(found: { readonly data: NodeData; readonly ports: NodePorts; readonly recovery: Recovery }): NodeFacts {
    const { directory } = found.data;
    const { listen, node } = this.#settings;
    const host = toldHost(listen);
    const milliseconds = Math.round(performance.now() - this.#startedMs);
    return {
      version: this.#surroundings.version,
      node: node.name,
      clusterId: directory.clusterId,
      dataDir: resolve(directory.path),
      pid: process.pid,
      startedAt: this.#startedAt,
      address: hostAndPort(listen.host, found.ports.main),
      workerAddresses: found.ports.own.map((port) => hostAndPort(host, port)),
      shards: directory.shards,
      stores: directory.stores,
      recovered: { ...found.recovery, milliseconds },
    };
  }
}

/** Rejects when the signal comes; else never settles. */
function aborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    const refuse = (): void => reject(new NodeFault("interrupted", "interrupted: the start was broken off"));
    if (signal?.aborted === true) refuse();
    signal?.addEventListener("abort", refuse, { once: true });
  });
}
