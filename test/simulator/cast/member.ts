/**
 * One simulated node of a cluster: its stores have replicas of every shard, which it drives as the product does, over the
 * world's network and control plane. A start reads the stores and waits to be heard; a kill leaves what the disks have.
 */
import { Damage } from "../../../src/shard/replay.js";
import { Shard } from "../../../src/shard/shard.js";
import { spread } from "../../../src/placement/spread.js";
import type { Input } from "../../../src/replication/inputs.js";
import type { ControlRequest } from "../../../src/replication/outputs.js";
import { StoreFault } from "../../../src/log/store-fault.js";
import { assert } from "../../../src/words/assert.js";
import type { Configuration } from "../../../src/words/configuration.js";
import { epoch, type ShardIndex, shardIndex } from "../../../src/words/ids.js";
import { PartReader, ReplicaLog, rememberedIn } from "../../../src/worker/replica-log.js";
import { ReplicaSeat } from "../../../src/worker/replica-seat.js";
import { ReplicaStore } from "../../../src/worker/replica-store.js";
import { Replicas } from "../../../src/worker/replicas.js";
import type { ClusterMap } from "../../../src/worker/handshake.js";
import { Violation } from "../checkers/checker.js";
import type { ReplicaBooks } from "../replica-books.js";
import type { ControlPlane } from "../world/control-plane.js";
import { Disk } from "../world/disk.js";
import { Machine } from "../world/machine.js";
import type { Network } from "../world/network.js";
import { SimStore } from "../world/store.js";
import type { World } from "../world/world.js";
import { digestOf } from "../../../src/worker/state-digest.js";
import type { NodeFacts } from "./node-facts.js";
import { PeerWires } from "./peer-wires.js";
import type { NodeInCast } from "./place.js";
import { ringWith } from "./resources.js";
import type { RunSettings } from "./settings.js";
import { RecordedStore } from "./recorded-store.js";
import { Thread } from "./thread.js";
import { SimulatedWorker, surroundingsOf, type WorkerSurroundings } from "./worker.js";

/** What a member is made of. */
export interface MemberParts {
  readonly world: World;
  readonly network: Network;
  readonly plane: ControlPlane<Configuration>;
  readonly books: ReplicaBooks;
  readonly settings: RunSettings;
  readonly names: readonly string[];
  readonly index: number;
  readonly driftPpm: number;
}

/** What no replica may have to say, and the rule that it would break. */
const NEVER: ReadonlyMap<string, string> = new Map([
  ["digests-differ", "R-20"],
  ["gives-up-store", "R-12"],
  ["refuses-cut", "R-7"],
]);
/** Fewer than a server has: a turn of all nodes costs most of a run. */
const TICKS_PER_HEARTBEAT = 3;
const STATE_ROWS = 512;
const ASK_AGAIN_US = 500_000;
const RESTART_MEDIAN_US = 300_000;
/** Path numbers of two nodes are never the same. */
const STARTS_PER_NODE = 65_536;

/** The name of a replica: its node and its store. */
export function replicaName(node: string, shard: number, stores: number): string {
  return `${node}/store-${shard % stores}`;
}

export class SimulatedMember implements NodeInCast {
  readonly name: string;
  readonly machine: Machine;
  readonly disks: readonly Disk[];
  readonly #parts: MemberParts;
  readonly #random;
  readonly #owners: Uint16Array;
  readonly #known = new Map<number, Configuration>();
  #workers: readonly SimulatedWorker[] = [];
  #replicas: readonly Replicas[] = [];
  #stores: SimStore[] = [];
  #starts = 0;
  #turns = 0;
  #map: ClusterMap | undefined;
  /** How many stores each disk has lost, by its name. */
  readonly #lost = new Map<string, number>();
  #stopWatching: () => void = () => undefined;
  restarts = 0;
  /** How often one of its replicas has taken office. */
  offices = 0;

  constructor(parts: MemberParts) {
    this.#parts = parts;
    const { world, settings, names, index } = parts;
    this.name = names[index] ?? "";
    this.#random = world.random(this.name);
    this.#owners = new Uint16Array(settings.shards);
    this.machine = new Machine(world, {
      name: this.name,
      driftPpm: parts.driftPpm,
      wallAheadUs: this.#random.between(-settings.wallAheadMaxUs, settings.wallAheadMaxUs),
      timerLateMaxUs: settings.timerLateMaxUs,
    });
    this.disks = Array.from({ length: settings.stores }, (_, at) => {
      return new Disk(world, `${this.name}/store-${at}`, settings.disk);
    });
  }

  get addresses(): readonly string[] {
    return addressesOf(this.name, this.#parts.settings.workers);
  }
  get isStuck(): boolean {
    return this.#stores.some((store) => !store.idle);
  }
  get turnsSoFar(): number {
    return this.#workers.reduce((turns, worker) => turns + worker.turns, this.#turns);
  }
  /** The replicas of its living process. */
  get seats(): readonly ReplicaSeat[] {
    return this.#replicas.flatMap(({ seats }) => [...seats.values()]);
  }

  /** The replica of a shard that its store is now: each disk that was lost has made place for a store of another name. */
  replicaOf(shard: number): string {
    return this.#storeName(shard % this.#parts.settings.stores);
  }
  /** What was on this disk is gone: a new store will be made there. */
  lostStore(disk: Disk): void {
    this.#lost.set(disk.name, (this.#lost.get(disk.name) ?? 0) + 1);
  }
  /** An operator's word to a replica, if it is up. */
  told(shard: number, word: Input): void {
    for (const replicas of this.#replicas) if (replicas.seats.has(shard)) replicas.told(shardIndex(shard), word);
  }

  #storeName(at: number): string {
    const name = `${this.name}/store-${at}`;
    const lost = this.#lost.get(name) ?? 0;
    return lost === 0 ? name : `${name}.${lost}`;
  }

  start(): void {
    const { world, settings, network, plane, index } = this.#parts;
    const { machine } = this;
    machine.start();
    this.restarts++;
    const facts = this.#facts();
    const threads = Array.from({ length: settings.workers }, () => new Thread(world, machine));
    const firstStart = index * STARTS_PER_NODE + this.#starts;
    this.#starts += settings.workers;
    this.#replicas = [];
    this.#workers = [];
    try {
      for (const [at, thread] of threads.entries()) this.#build(facts, thread, at, firstStart + at);
    } catch (error) {
      if (!(error instanceof StoreFault) && !(error instanceof Damage)) throw error;
      throw new Violation("R-5", `${this.name} can't read what it wrote: ${error.message}`);
    }
    for (const worker of this.#workers) worker.lines.connect(this.#workers.map(({ lines }) => lines));
    for (const [at, worker] of this.#workers.entries()) {
      const thread = threads[at];
      if (thread !== undefined) network.listen(this.addresses[at] ?? "", thread, (end) => worker.accept(end));
    }
    this.#stopWatching = plane.watch(machine.process, ({ configuration }) => {
      if (configuration !== null) this.#saw(configuration, true);
    });
    plane.request(machine.process, { kind: "read-all" }, (answer) => {
      if (answer.kind !== "entries") return;
      for (const { configuration } of answer.entries) if (configuration !== null) this.#saw(configuration, true);
    });
  }

  kill(losesPower: boolean): void {
    if (!this.machine.isUp) return;
    const { network } = this.#parts;
    this.#stopWatching();
    for (const worker of this.#workers) {
      this.#turns += worker.turns;
      worker.lines.close();
    }
    for (const store of this.#stores) store.end();
    this.#stores = [];
    this.#workers = [];
    this.#replicas = [];
    if (losesPower) {
      network.machineDied(this.name);
      this.machine.losePower();
      for (const disk of this.disks) disk.losePower();
      network.machineStarted(this.name);
    } else {
      network.processDied(this.name);
      this.machine.kill();
    }
  }

  startLater(medianUs: number): void {
    this.#parts.world.in(this.#random.longTail(medianUs, 20 * medianUs), () => {
      if (!this.machine.isUp) this.start();
    });
  }

  #failed(why: string): void {
    const { world } = this.#parts;
    world.tell(() => `${this.name}: ends because of ${why}`);
    world.sometimes(`node ends: ${why}`, true);
    const { life } = this.machine;
    world.in(0, () => {
      if (!this.machine.isUp || this.machine.life !== life) return;
      this.kill(false);
      this.startLater(RESTART_MEDIAN_US);
    });
  }

  /** A configuration that is larger than what this node knows of its shard: its map says so from now on. */
  #saw(configuration: Configuration, isFromPlane: boolean): void {
    const { settings, names } = this.#parts;
    const { shard } = configuration;
    if (isFromPlane) for (const replicas of this.#replicas) replicas.seen(configuration);
    if ((this.#known.get(shard)?.epoch ?? 0) >= configuration.epoch) return;
    this.#known.set(shard, configuration);
    this.#map = undefined;
    const node = names.indexOf(configuration.primary.split("/")[0] ?? "");
    this.#owners[shard] = node * settings.workers + (spread(settings).workerOfShard[shard] ?? 0);
    for (const worker of this.#workers) worker.mapChanged();
  }

  /** As it is now; one and the same until a configuration is seen. */
  #mapNow(): ClusterMap {
    const { settings, names } = this.#parts;
    this.#map ??= {
      version: [...this.#known.values()].reduce((sum, known) => sum + known.epoch, 1),
      shards: settings.shards,
      ringId: ringWith(settings.shards).id,
      workers: names.flatMap((name) => addressesOf(name, settings.workers)),
      owners: [...this.#owners],
    };
    return this.#map;
  }

  #facts(): NodeFacts {
    const { world, settings, index } = this.#parts;
    const ring = ringWith(settings.shards);
    const map = (): ClusterMap => this.#mapNow();
    const first = index * settings.workers;
    return {
      world,
      machine: this.machine,
      limits: settings.limits,
      shards: settings.shards,
      shardOf: (crc) => ring.shardOf(crc),
      get map() {
        return map();
      },
      workerOfShard: this.#owners,
      isHere: (worker) => worker >= first && worker < first + settings.workers,
      rarity: settings.rarity,
      failed: (why) => this.#failed(why),
      reached: () => undefined, // Judged where a node is a place of its own.
      broken: (error, where) => {
        throw new Violation("assertion", `${where}: ${error.message}\n${error.stack ?? ""}`);
      },
    };
  }

  #build(facts: NodeFacts, thread: Thread, at: number, start: number): void {
    const { world, network, settings, names, index } = this.#parts;
    const hashKey = [this.#random.bits() >>> 1, this.#random.bits() >>> 1] as const;
    const surroundings = surroundingsOf(facts, start, hashKey);
    const { shardsOfStore, storesOfWorker } = spread(settings);
    const made: { replicas?: Replicas; worker?: SimulatedWorker } = {};
    const round = (): number => made.replicas?.round ?? 0;
    const opened = (storesOfWorker[at] ?? []).map((store) =>
      this.#open(store, shardsOfStore[store] ?? [], { thread, surroundings, hashKey, round }),
    );
    const stores = opened.map(({ store }) => store);
    const { process } = this.machine;
    const replicas = new Replicas(
      {
        nowMs: () => this.machine.clocks.monotonicUs / 1_000,
        nonce: () => Array.from({ length: 4 }, () => this.#random.bits().toString(16).padStart(8, "0")).join(""),
        tickMs: settings.replication.heartbeatMs / TICKS_PER_HEARTBEAT,
        workerOf: (replica) => replica.split("/")[0] ?? "",
        replicaAt: (node, shard) => this.#replicaAt(node, shard),
        ask: (shard, request) => this.#ask(process, replicas, shard, request),
        report: (seat, report) => {
          world.tell(() => `${this.name}, shard ${seat.index}: ${JSON.stringify(report)}`);
          world.sometimes(`replica ${report.kind}`, true);
          if (report.kind === "resigns") world.sometimes(`resigned: ${report.why}`, true);
          if (report.kind === "takes-office") this.offices++;
          const rule = NEVER.get(report.kind); // While no disk loses what was synced.
          if (rule !== undefined)
            throw new Violation(rule, `${seat.name}, shard ${seat.index}: ${JSON.stringify(report)}`);
          const { configuration } = seat.replica.state;
          if (configuration !== null) this.#saw(configuration, false);
        },
        schedule: () => made.worker?.wake(),
      },
      stores,
    );
    made.replicas = replicas;
    const logs = opened.map(({ log }) => log);
    const global = index * settings.workers + at;
    const worker = new SimulatedWorker({ facts, index: global, start, thread, stores, logs, replicas, surroundings });
    made.worker = worker;
    this.#replicas = [...this.#replicas, replicas];
    this.#workers = [...this.#workers, worker];
    const dials = names.filter((_, other) => other > index);
    const wires = { world, network, random: this.#random, thread, node: this.name, worker: at, replicas, dials };
    new PeerWires(wires).listen();
  }

  /** By the configuration that this node knows. */
  #replicaAt(node: string, shard: number): string {
    const named = this.#known.get(shard)?.replicas.find((name) => name.startsWith(`${node}/`));
    return named ?? replicaName(node, shard, this.#parts.settings.stores);
  }

  #open(at: number, shards: readonly ShardIndex[], to: Opening): { store: ReplicaStore; log: RecordedStore } {
    const { world, settings, books } = this.#parts;
    const disk = this.disks[at];
    assert(disk !== undefined, "a store has a disk");
    const { ringBytes, limits } = settings;
    const name = this.#storeName(at);
    const store = SimStore.open({ world, disk, owner: to.thread, createAs: name, era: 0, ringBytes });
    this.#stores.push(store);
    const reader = new PartReader();
    store.recoverNow(reader);
    const recorded = new RecordedStore(store, books, name);
    const log = new ReplicaLog(recorded);
    const state = { claims: STATE_ROWS, clients: STATE_ROWS, outcomes: STATE_ROWS * 2, limits, hashKey: to.hashKey };
    const made: { store?: ReplicaStore } = {};
    const seats = shards.map((index) => {
      const part = reader.part(index);
      return new ReplicaSeat({
        index,
        name,
        log,
        part,
        remembered: rememberedIn(store.info.shards, index),
        settings: settings.replication,
        nowMs: this.machine.clocks.monotonicUs / 1_000,
        make: () => new Shard(index, epoch(0), state, to.surroundings),
        paths: to.surroundings.paths,
        digestOf,
        onRebuilt: () => made.store?.rebuilt(index),
      });
    });
    const found = seats.map(({ index, replica }) => {
      const entries = reader.part(index).entries.map(({ entry }) => entry);
      return { shard: index, base: replica.state.base, entries };
    });
    books.found(name, store.committedSeq, found);
    made.store = new ReplicaStore(log, seats, {
      ringBytes,
      ...settings.checkpoint,
      round: to.round,
      onCommitted: ({ index, committed }) => books.committed(name, index, committed),
    });
    return { store: made.store, log: recorded };
  }

  /** Whoever compares names a configuration; the plane compares revisions, so what stands there is read first. */
  #ask(process: Machine["process"], replicas: Replicas, shard: ShardIndex, request: ControlRequest): void {
    const { plane } = this.#parts;
    plane.request(process, { kind: "read", shard }, (read) => {
      if (read.kind !== "entry") {
        const again = (): void => process.whenAwake(() => this.#ask(process, replicas, shard, request));
        if (request.kind === "read") this.#parts.world.in(ASK_AGAIN_US, again);
        else replicas.told(shard, { kind: "not-written" });
        return;
      }
      const { configuration, revision } = read.entry;
      if (configuration !== null) this.#saw(configuration, false);
      if (request.kind === "read") {
        replicas.told(shard, { kind: "read", configuration, knownEpoch: request.knownEpoch });
        return;
      }
      const { expected, next } = request;
      this.#parts.books.asked(shard, expected, next);
      if (configuration?.epoch !== expected.epoch || configuration.nonce !== expected.nonce) {
        replicas.told(shard, { kind: "not-written" });
        return;
      }
      plane.request(process, { kind: "compare-and-swap", shard, expectedRevision: revision, next }, (answer) => {
        const isWritten = answer.kind === "swapped";
        replicas.told(shard, isWritten ? { kind: "written", configuration: next } : { kind: "not-written" });
      });
    });
  }
}

interface Opening {
  readonly thread: Thread;
  readonly surroundings: WorkerSurroundings;
  readonly hashKey: readonly [number, number];
  readonly round: () => number;
}

function addressesOf(node: string, workers: number): readonly string[] {
  return Array.from({ length: workers }, (_, worker) => `${node}/worker-${worker}`);
}
