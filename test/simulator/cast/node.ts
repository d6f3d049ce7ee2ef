/**
 * One simulated node: a machine, its disks, and the process that lives on it or does not. A start recovers the stores by
 * the real replay and takes office by a new epoch (R-14); a kill leaves what the disks have. Replicas and the links between
 * nodes will be owned here, too: a start is then an offer to its shards' configurations instead of an office of its own.
 */
import type { StateOptions } from "../../../src/engine/state.js";
import { StoreFault } from "../../../src/log/store-fault.js";
import { spread } from "../../../src/placement/spread.js";
import type { Shard } from "../../../src/shard/shard.js";
import { Damage } from "../../../src/shard/replay.js";
import { assert } from "../../../src/words/assert.js";
import { Recovery } from "../../../src/worker/recover.js";
import { ShardStore } from "../../../src/worker/shard-store.js";
import type { Books } from "../books.js";
import { Violation } from "../checkers/checker.js";
import { Machine } from "../world/machine.js";
import type { Network } from "../world/network.js";
import { SimStore } from "../world/store.js";
import { Disk } from "../world/disk.js";
import type { World } from "../world/world.js";
import { ringWith } from "./resources.js";
import type { RunSettings } from "./settings.js";
import { TappedStore } from "./tapped-store.js";
import { Thread } from "./thread.js";
import type { NodeFacts } from "./node-facts.js";
import { SimulatedWorker, surroundingsOf, type WorkerSurroundings } from "./worker.js";

/** What a node is made of. */
export interface NodeParts {
  readonly world: World;
  readonly network: Network;
  readonly books: Books;
  readonly settings: RunSettings;
  readonly name: string;
  readonly driftPpm: number;
}

const STATE_ROWS = 512;
/** A supervisor starts a process that has ended after so long, the median; microseconds. */
export const RESTART_MEDIAN_US: number = 300_000;

export class SimulatedNode {
  readonly name: string;
  readonly machine: Machine;
  readonly disks: readonly Disk[];
  readonly #parts: NodeParts;
  readonly #random;
  #workers: readonly SimulatedWorker[] = [];
  #opened: SimStore[] = [];
  #starts = 0;
  #epoch = 0;
  #turns = 0;
  #shardStores: ShardStore<TappedStore>[] = [];
  restarts = 0;

  constructor(parts: NodeParts) {
    this.#parts = parts;
    this.name = parts.name;
    const { world, settings } = parts;
    this.#random = world.random(parts.name);
    this.machine = new Machine(world, {
      name: parts.name,
      driftPpm: parts.driftPpm,
      wallAheadUs: this.#random.between(-settings.wallAheadMaxUs, settings.wallAheadMaxUs),
      timerLateMaxUs: settings.timerLateMaxUs,
    });
    this.disks = Array.from({ length: settings.stores }, (_, at) => {
      return new Disk(world, `${parts.name}/store-${at}`, settings.disk);
    });
  }

  /** The addresses of its workers, by index. */
  get addresses(): readonly string[] {
    return Array.from({ length: this.#parts.settings.workers }, (_, worker) => `${this.name}/worker-${worker}`);
  }

  /** Whether something that was handed to a disk has not come back; for healing. */
  get isStuck(): boolean {
    return this.#opened.some((store) => !store.idle);
  }

  /** Turns of all its lives. */
  get turnsSoFar(): number {
    return this.#workers.reduce((turns, worker) => turns + worker.turns, this.#turns);
  }

  /** What the shards of a living node have in their tables, store by store; for the replay check. */
  get shardStores(): readonly ShardStore<TappedStore>[] {
    return this.#shardStores;
  }

  /** Starts the process: it reads its stores, and listens when they are read. */
  start(): void {
    const { world, settings, network } = this.#parts;
    const { machine } = this;
    machine.start();
    this.#epoch++;
    this.restarts++;
    const facts = this.#facts();
    const threads = Array.from({ length: settings.workers }, () => new Thread(world, machine));
    const firstStart = this.#starts;
    this.#starts += settings.workers;
    try {
      this.#workers = threads.map((thread, index) => this.#build(facts, thread, { index, start: firstStart + index }));
    } catch (error) {
      if (!(error instanceof StoreFault) && !(error instanceof Damage)) throw error;
      throw new Violation("R-5", `${this.name} can't read what it wrote: ${error.message}`);
    }
    for (const worker of this.#workers) worker.lines.connect(this.#workers.map(({ lines }) => lines));
    for (const [index, worker] of this.#workers.entries()) {
      const thread = threads[index];
      if (thread !== undefined) network.listen(this.addresses[index] ?? "", thread, (end) => worker.accept(end));
    }
  }

  /** The process is gone at this instant; `losesPower`: the whole machine. */
  kill(losesPower: boolean): void {
    if (!this.machine.isUp) return;
    const { network } = this.#parts;
    for (const worker of this.#workers) {
      this.#turns += worker.turns;
      worker.lines.close();
    }
    for (const store of this.#opened) store.end();
    this.#opened = [];
    this.#shardStores = [];
    this.#workers = [];
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

  /** A worker can't go on, so the process ends, and is started anew after a while (src/node/workers.ts). */
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

  /** Starts the process after a while, unless somebody else has. */
  startLater(medianUs: number): void {
    this.#parts.world.in(this.#random.longTail(medianUs, 20 * medianUs), () => {
      if (!this.machine.isUp) this.start();
    });
  }

  /** The shards that its disks would give to another process: built anew, beside the living ones. */
  readAgain(): readonly Shard[] {
    const { world, settings } = this.#parts;
    const hashKey = [1, 2] as const;
    const surroundings = surroundingsOf(this.#facts(), 0, hashKey);
    const state = stateOptions(settings, hashKey);
    const { shardsOfStore } = spread(settings);
    return this.disks.flatMap((disk, at) => {
      const copy = new Disk(world, `${disk.name}/copy`, disk.settings);
      copy.replaceBy(disk.copy());
      const of = (shardsOfStore[at] ?? []).map((shard) => ({ shard, epoch: this.#epoch, era: 0 }));
      const { ringBytes } = settings;
      const owner = { whenAwake: () => undefined };
      return readStore(SimStore.open({ world, disk: copy, owner, createAs: null, era: 0, ringBytes }), {
        recovery: new Recovery(surroundings, state, of),
        clockMs: surroundings.clock.now,
      });
    });
  }

  #facts(): NodeFacts {
    const { world, settings } = this.#parts;
    const { shards } = settings;
    const ring = ringWith(shards);
    const { workerOfShard } = spread(settings);
    return {
      world,
      machine: this.machine,
      limits: settings.limits,
      shards,
      shardOf: (crc) => ring.shardOf(crc),
      map: { version: 1, shards, ringId: ring.id, workers: this.addresses, owners: [...workerOfShard] },
      workerOfShard,
      isHere: () => true,
      rarity: settings.rarity,
      failed: (why) => this.#failed(why),
      reached: (from) => this.#parts.books.reached(this.name, from),
      broken: (error, where) => {
        throw new Violation("assertion", `${where}: ${error.message}\n${error.stack ?? ""}`);
      },
    };
  }

  #build(facts: NodeFacts, thread: Thread, at: { index: number; start: number }): SimulatedWorker {
    const hashKey = [this.#random.bits() >>> 1, this.#random.bits() >>> 1] as const;
    const surroundings = surroundingsOf(facts, at.start, hashKey);
    const { shardsOfStore, storesOfWorker } = spread(this.#parts.settings);
    const stores = (storesOfWorker[at.index] ?? []).map((store) =>
      this.#recover(store, shardsOfStore[store] ?? [], { thread, surroundings, hashKey }),
    );
    return new SimulatedWorker({ facts, ...at, thread, stores, logs: stores.map(({ store }) => store), surroundings });
  }

  /** Opens one store and builds its shards by the real replay. @throws StoreFault, Damage if that can't be. */
  #recover(at: number, shards: readonly number[], to: Recovering): ShardStore<TappedStore> {
    const { world, settings, books } = this.#parts;
    const disk = this.disks[at];
    assert(disk !== undefined, "a store has a disk");
    const { ringBytes } = settings;
    const store = SimStore.open({ world, disk, owner: to.thread, createAs: disk.name, era: 0, ringBytes });
    this.#opened.push(store);
    const of = shards.map((shard) => ({ shard, epoch: this.#epoch, era: 0 }));
    const recovery = new Recovery(to.surroundings, stateOptions(settings, to.hashKey), of);
    readStore(store, { recovery, clockMs: to.surroundings.clock.now });
    for (const { index, chain } of recovery.shards) books.recovered(this.name, index, chain.lsn, chain.checksum);
    const tapped = new TappedStore(store, books, this.name);
    const made = new ShardStore(tapped, recovery.shards, { ringBytes, ...settings.checkpoint });
    this.#shardStores.push(made);
    return made;
  }
}

function stateOptions({ limits }: RunSettings, hashKey: readonly [number, number]): StateOptions {
  return { claims: STATE_ROWS, clients: STATE_ROWS, outcomes: STATE_ROWS * 2, limits, hashKey };
}

/** Builds the shards of a store that was just opened. @throws StoreFault, Damage if they can't be built. */
function readStore(store: SimStore, to: { readonly recovery: Recovery; readonly clockMs: number }): readonly Shard[] {
  const { recovery, clockMs } = to;
  store.recoverNow({
    page: (key, body) => recovery.page(key, body),
    batch: (seq, _wall, body) => recovery.batch(seq, body),
  });
  recovery.finish(clockMs);
  return recovery.shards;
}

interface Recovering {
  readonly thread: Thread;
  readonly surroundings: WorkerSurroundings;
  readonly hashKey: readonly [number, number];
}
