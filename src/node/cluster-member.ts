/**
 * A node's main thread as a member of its cluster: it tells the others how to reach this node, hears where they are and
 * who has which shard, and asks the control plane what the workers want asked. Nothing here is needed while no replica
 * fails, so every failure is tried again and no worker waits.
 */
import { setTimeout as after } from "node:timers/promises";
import type { Logger } from "pino";
import type { Configuration } from "../words/configuration.js";
import type { Goal } from "../words/goal.js";
import { epoch } from "../words/ids.js";
import { ControlFault, type ControlPlane, type NodeRecord, type Seen } from "../control/control-plane.js";
import type { Input } from "../replication/inputs.js";
import type { ControlRequest, Report } from "../replication/outputs.js";
import { type ClusterNode, PLACES_MAX } from "../worker/cluster-view.js";
import type { ToWorker } from "../worker/options.js";
import type { ClusterStatus } from "./node-status.js";
import { Placing, PLACING_PACE } from "./placing.js";
import type { WorkersCluster } from "./workers.js";
import { Leaving } from "./leaving.js";
import { reportLine } from "./cluster-reports.js";
import { ControlReads } from "./control-reads.js";
import type { ClusterMemory, Membership } from "./cluster-memory.js";
import { firstConfigurations } from "./first-configurations.js";

/** A read that has failed is asked again after this time. */
const ASK_AGAIN_MS = 300;
/** How often it looks whether first configurations are missing, until there are all. */
const LOOK_EVERY_MS = 300;
/** How often it looks whether a shard is to be moved. */
const PLACE_EVERY_MS = 250;
/** How often a node that leaves looks how far it is. */
const LEAVE_LOOK_MS = 10;

/** What it is made of. */
export interface ClusterMemberParts {
  readonly plane: ControlPlane;
  readonly memory: ClusterMemory;
  readonly membership: Membership;
  readonly logger: Logger;
  /** Nodes that a new cluster begins with. */
  readonly replicas: number;
  /** What this node had of each shard while it was alone. */
  readonly before: readonly Configuration[];
  /** Id of this node. */
  readonly node: string;
  /** For people and for status: the cluster's name in etcd, and etcd's endpoints. */
  readonly name: string;
  readonly etcd: readonly string[];
  /** How long a promoted replica waits. */
  readonly promotionWaitMs: number;
  /** An operator has removed this node: it has to end, for its place may be another's by now. */
  readonly onRemoved: () => void;
}

export class ClusterMember implements WorkersCluster {
  readonly #parts: ClusterMemberParts;
  readonly #records = new Map<string, NodeRecord>();
  readonly #known = new Map<number, Configuration>();
  readonly #reads: ControlReads;
  #membership: Membership;
  #tellAll: (message: ToWorker) => void = () => undefined;
  #stopWatching: () => void = () => undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #placing: Placing;
  readonly #goals = new Map<number, Goal>();
  readonly #draining = new Set<string>();
  #placingTimer: NodeJS.Timeout | undefined;
  #outOfTouch: string | null = "not asked yet";
  #own: NodeRecord | undefined;
  #isClosed = false;

  constructor(parts: ClusterMemberParts) {
    this.#parts = parts;
    this.#membership = parts.membership;
    this.#reads = new ControlReads({
      plane: parts.plane,
      isClosed: () => this.#isClosed,
      saw: (configuration) => this.saw(configuration),
      failed: (error) => this.#passOver(error),
    });
    const { node, promotionWaitMs } = parts;
    const tell = (shard: number, input: Input): void => this.#tellAll({ kind: "told", shard, input });
    this.#placing = new Placing({ node, pace: PLACING_PACE, promotionWaitMs, tell });
    for (const record of parts.membership.records) this.#records.set(record.node, record);
  }

  /** The nodes that are known. */
  get nodes(): readonly ClusterNode[] {
    return [...this.#records.values()];
  }

  /** The configurations that are known. */
  get configurations(): readonly Configuration[] {
    return [...this.#known.values()];
  }

  /** The cluster as this node sees it. */
  get status(): ClusterStatus {
    const { name, etcd } = this.#parts;
    return {
      name,
      etcd,
      controlPlaneId: this.#membership.controlPlaneId,
      outOfTouch: this.#outOfTouch,
      nodes: [...this.#records.values()],
      draining: [...this.#draining],
      replicas: this.#parts.replicas,
      configurations: this.configurations,
      goals: [...this.#goals.values()],
    };
  }

  /**
   * The place of this node, from 0: the one that it had, or one that no other node has. Two nodes that choose one at the
   * same time both see it afterwards, and choose again.
   * @param record without a place. @throws ControlFault
   */
  async takePlace(record: Omit<NodeRecord, "place">): Promise<number> {
    const remembered = this.#membership.place;
    if (remembered !== null) {
      this.#own = { ...record, place: remembered };
      return remembered;
    }
    const { plane } = this.#parts;
    for (;;) {
      const others = (await plane.nodes()).records.filter(({ node }) => node !== record.node);
      const taken = new Set(others.map(({ place }) => place));
      const free = Array.from({ length: PLACES_MAX }, (_, place) => place).filter((place) => !taken.has(place));
      const place = free[Math.floor(Math.random() * Math.min(free.length, 8))];
      if (place === undefined) {
        throw new ControlFault("cluster-facts-differ", `the cluster has ${PLACES_MAX} nodes; remove one that is gone`);
      }
      const own = { ...record, place };
      await plane.announce(own);
      const after = (await plane.nodes()).records;
      if (after.some((other) => other.node !== record.node && other.place === place)) continue;
      this.#own = own;
      for (const each of after) this.#records.set(each.node, each);
      this.#remember({ place });
      return place;
    }
  }

  /** The workers run: hears and asks from now on. */
  start(tellAll: (message: ToWorker) => void): void {
    this.#tellAll = tellAll;
    const own = this.#own;
    if (own !== undefined) this.#records.set(own.node, own);
    this.#stopWatching = this.#parts.plane.watch((seen) => this.#see(seen));
    void this.#announce();
    this.#look();
    this.#placingTimer = setInterval(() => this.#placing.look(performance.now()), PLACE_EVERY_MS).unref();
  }

  /** A worker asks the control plane. */
  ask(shard: number, request: ControlRequest, told: (message: ToWorker) => void): void {
    if (request.kind === "compare-and-swap") void this.#swap(shard, request, told);
    else void this.#reads.ask(shard, request.knownEpoch, (input) => told({ kind: "told", shard, input }));
  }

  /** A worker has seen a configuration. */
  saw(configuration: Configuration): void {
    if ((this.#known.get(configuration.shard)?.epoch ?? 0) >= configuration.epoch) return;
    this.#note(configuration);
    this.#tellAll({ kind: "seen", configuration });
  }

  #note(configuration: Configuration): void {
    this.#known.set(configuration.shard, configuration);
    this.#placing.configuration(configuration, performance.now());
  }

  /** A replica has something to say to people. */
  report(shard: number, replica: string, report: Report): void {
    const { level, message } = reportLine(report);
    this.#parts.logger[level]({ shard, replica, ...report }, message);
  }

  /** Of connections with other nodes. */
  warn(facts: Readonly<Record<string, string>>, message: string): void {
    this.#parts.logger.warn(facts, message);
  }

  /**
   * The node is about to stop: gives offices away and leaves in-sync sets, as far as that is done within the time. Without
   * etcd nothing can change, so then nothing is begun.
   */
  async leave(withinMs: number): Promise<void> {
    const endMs = performance.now() + withinMs;
    clearInterval(this.#placingTimer);
    const leaving = new Leaving({
      node: this.#parts.node,
      configurations: () => this.configurations,
      isDraining: (node) => this.#draining.has(node),
      tell: (shard, input) => this.#tellAll({ kind: "told", shard, input }),
    });
    while (this.#outOfTouch === null && performance.now() < endMs && leaving.look(performance.now()) > 0) {
      await after(LEAVE_LOOK_MS);
    }
  }

  /** Asks and hears nothing more. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    clearInterval(this.#placingTimer);
    this.#stopWatching();
    this.#parts.plane.close();
  }

  #see(seen: Seen): void {
    const { logger } = this.#parts;
    switch (seen.kind) {
      case "configuration": {
        const { configuration } = seen;
        if ((this.#known.get(configuration.shard)?.epoch ?? 0) < configuration.epoch) {
          this.#note(configuration);
        }
        this.#tellAll({ kind: "seen", configuration }); // Also a smaller one: it tells of an etcd that was restored.
        return;
      }
      case "node":
        this.#records.set(seen.record.node, seen.record);
        return this.#nodesChanged();
      case "node-removed":
        if (seen.node === this.#parts.node) return this.#parts.onRemoved();
        this.#records.delete(seen.node);
        return this.#nodesChanged();
      case "draining":
        if (seen.isDraining) this.#draining.add(seen.node);
        else this.#draining.delete(seen.node);
        return;
      case "goal":
        this.#goals.set(seen.goal.shard, seen.goal);
        return this.#placing.goal(seen.goal);
      case "promotion":
        return this.#placing.promotion(seen.promotion);
      case "out-of-touch":
        this.#outOfTouch = seen.why;
        logger.warn(
          { why: seen.why },
          "etcd is out of touch; locks go on, and nothing changes until it is back (R-16)",
        );
        return;
      case "in-touch":
        this.#outOfTouch = null;
        logger.info("in touch with etcd");
        return;
      case "unreadable":
        logger.error({ why: seen.why }, "a value in etcd can't be read; nothing is concluded from it");
    }
  }

  #nodesChanged(): void {
    this.#remember({ records: [...this.#records.values()] });
    this.#tellAll({ kind: "nodes", nodes: this.nodes });
  }

  #remember(change: Partial<Membership>): void {
    this.#membership = { ...this.#membership, ...change };
    if (!this.#isClosed) this.#parts.memory.write(this.#membership);
  }

  async #announce(): Promise<void> {
    const own = this.#own;
    if (own === undefined || this.#isClosed) return;
    try {
      if (!(await this.#parts.plane.announceAgain(own))) this.#parts.onRemoved();
    } catch (error) {
      this.#passOver(error);
      setTimeout(() => void this.#announce(), ASK_AGAIN_MS).unref();
    }
  }

  /** A control plane that can't be reached is asked again; one that is not ours, or can't be read, wakes somebody. */
  #passOver(error: unknown): void {
    if (!(error instanceof ControlFault)) throw error;
    if (error.code === "control-plane-unreachable" || this.#isClosed) return;
    this.#parts.logger.error({ code: error.code }, error.message);
  }

  async #swap(
    shard: number,
    { expected, next }: Extract<ControlRequest, { readonly kind: "compare-and-swap" }>,
    told: (message: ToWorker) => void,
  ): Promise<void> {
    const outcome = await this.#parts.plane.compareAndSwap(expected, next);
    const isWritten = outcome === "written";
    told({
      kind: "told",
      shard,
      input: isWritten ? { kind: "written", configuration: next } : { kind: "not-written" },
    });
    if (isWritten) this.saw(next);
  }

  /** A new cluster begins when as many nodes are there as a shard has replicas; one that has grown, with what it has. */
  #look(): void {
    const { facts } = this.#membership;
    if (this.#isClosed || this.#known.size >= facts.shards) return;
    void this.#begin().finally(() => {
      this.#timer = setTimeout(() => this.#look(), LOOK_EVERY_MS).unref();
    });
  }

  async #begin(): Promise<void> {
    const { facts } = this.#membership;
    const { replicas, plane, before } = this.#parts;
    const own = this.#own?.node ?? "";
    const isGrown = facts.grownFrom !== "";
    if (isGrown ? facts.grownFrom !== own : this.#records.size < replicas) return;
    try {
      const standing = new Set((await plane.readAll()).map(({ shard }) => shard));
      const nodes = [...this.#records.values()].sort((one, other) => one.place - other.place);
      const firsts = isGrown
        ? before.map((one) => ({ ...one, epoch: epoch(one.epoch + 1) }))
        : firstConfigurations(facts, nodes, replicas);
      for (const next of firsts) {
        if (standing.has(next.shard) || this.#isClosed) continue;
        if ((await plane.compareAndSwap(null, next)) === "written") this.saw(next);
      }
      // Where shards begin is where they should be again after a fail-over.
      if (!isGrown && (await plane.goals()).length === 0) await plane.setGoals(firsts);
    } catch (error) {
      this.#passOver(error);
    }
  }
}
