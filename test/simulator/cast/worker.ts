/**
 * The counterpart of src/worker/worker.ts and listen.ts: one thread of a simulated node around the real front, turn loop,
 * paths, shards and stores. What there is a socket, a timer or a callback of the event loop, is here an act of the world.
 */
import { Counters } from "../../../src/engine/engine.js";
import { Events } from "../../../src/tables/events.js";
import { Inbox } from "../../../src/tables/inbox.js";
import { KeyedHash } from "../../../src/tables/keyed-hash.js";
import { PATHS_PER_START, Paths } from "../../../src/tables/paths.js";
import type { LogStore } from "../../../src/log/log-store.js";
import type { Connection } from "../../../src/worker/connections.js";
import { Connections } from "../../../src/worker/connections.js";
import { Forwarding } from "../../../src/worker/forwarding.js";
import { Front } from "../../../src/worker/front.js";
import type { Replicas } from "../../../src/worker/replicas.js";
import { TurnLoop } from "../../../src/worker/turn.js";
import type { TurnStore } from "../../../src/worker/turn-store.js";
import { joinWatches } from "../../../src/worker/watch-join.js";
import { Violation } from "../checkers/checker.js";
import type { End, EndEvents } from "../world/connection.js";
import type { Timer } from "../world/machine.js";
import { SimulatedOfficeClock } from "./office-clock.js";
import type { NodeFacts } from "./node-facts.js";
import { PeerLines } from "./peer-lines.js";
import type { Thread } from "./thread.js";

const INBOX_ROWS = 1_024;
const FRAME_BYTES = 16_384;
const EVENT_BYTES = 16_384;
const BYTES_MAX = 2 ** 24;
/** So few that paths share places, as they do where there are very many. */
const REMEMBERED_MAX = 16;
const PATHS_MAX = 512;
const CONNECTIONS_MAX = 256;
/** As in src/worker/worker.ts: shard time must not stand while something may fall due. */
const SLEEP_MAX_MS = 250;
const CLOSE_SLOW = 4429;
/** A timer of Node.js takes a millisecond at the least. */
const TIMER_MIN_US = 1_000;
/** More turns a second of true time than any load here can want: something is due that no turn takes. */
const TURNS_PER_SECOND_MAX = 100_000;

/** What a worker's shards are made with, before there is a worker. */
export interface WorkerSurroundings {
  readonly inbox: Inbox;
  readonly paths: Paths;
  readonly events: Events;
  readonly counters: Counters;
  readonly clock: SimulatedOfficeClock;
}

/** @param start a number that no other start of a worker of the node has had */
export function surroundingsOf(
  facts: NodeFacts,
  start: number,
  hashKey: readonly [number, number],
): WorkerSurroundings {
  const { shards, machine } = facts;
  return {
    inbox: new Inbox({ capacity: INBOX_ROWS, shards, frameBytesInitial: FRAME_BYTES, frameBytesMax: BYTES_MAX }),
    paths: new Paths({
      capacity: PATHS_MAX,
      connections: CONNECTIONS_MAX,
      shards,
      start,
      hash: new KeyedHash(hashKey[0], hashKey[1]),
      rememberedMax: REMEMBERED_MAX,
    }),
    events: new Events(EVENT_BYTES, BYTES_MAX),
    counters: new Counters(),
    clock: new SimulatedOfficeClock(machine.clocks),
  };
}

/** A store as a worker wants it: in turns, and when it wants one. */
export type WorkerStore = TurnStore & { readonly wantsTurnIn: number };

/** How a worker is made. */
export interface WorkerParts {
  readonly facts: NodeFacts;
  readonly index: number;
  readonly start: number;
  readonly thread: Thread;
  readonly stores: readonly WorkerStore[];
  readonly logs: readonly LogStore[];
  /** Where shards have replicas on other nodes. */
  readonly replicas?: Replicas;
  readonly surroundings: WorkerSurroundings;
}

export class SimulatedWorker {
  readonly stores: readonly WorkerStore[];
  readonly lines: PeerLines;
  readonly #parts: WorkerParts;
  readonly #loop: TurnLoop;
  readonly #front: Front;
  readonly #forwarding: Forwarding;
  #isScheduled = false;
  #isWaitingForRoom = false;
  #timer: Timer | undefined;
  #second = -1;
  #turnsOfSecond = 0;
  #timerAtMs = Number.POSITIVE_INFINITY;
  readonly #random;

  constructor(parts: WorkerParts) {
    this.#parts = parts;
    this.stores = parts.stores;
    const { facts, index, thread, surroundings } = parts;
    const { world, machine, limits } = facts;
    const { inbox, paths, events, clock } = surroundings;
    this.#random = world.random(`${machine.name}/turns`);
    const connections = new Connections(CONNECTIONS_MAX);
    this.lines = new PeerLines(facts, thread, index);
    const forwarding = new Forwarding(this.lines.peers, connections, facts.map);
    this.#loop = new TurnLoop({
      stores: parts.stores,
      ...(parts.replicas === undefined ? {} : { replicating: parts.replicas }),
      inbox,
      paths,
      events,
      connections,
      clock,
      shardCount: facts.shards,
      onBroken: (shard, error) => facts.broken(error, `${machine.name}, shard ${shard.index}, LSN ${shard.state.head}`),
      onEvents: () => undefined, // Watches read the log by promises: they have their tests on real servers.
    });
    const watches = joinWatches({
      index,
      peers: this.lines.peers,
      stores: [],
      connections,
      loop: this.#loop,
      forwarding,
      limits,
      workerOfShard: facts.workerOfShard,
      shardOf: facts.shardOf,
      schedule: () => this.#schedule(),
      later: (act, afterMs) => machine.setTimer(afterMs * 1_000, () => thread.whenAwake(act)),
    });
    this.#front = new Front({
      inbox,
      paths,
      connections,
      loop: this.#loop,
      watches: watches.front,
      forwarding,
      where: {
        worker: index,
        workerOfShard: facts.workerOfShard,
        shardOf: facts.shardOf,
        workerOfPath: (number) => this.#workerOfPath(number),
      },
      limits,
      facts: {
        server: "holdfast/simulated",
        node: machine.name,
        worker: index,
        limits,
        get map() {
          return facts.map;
        },
        ring: new Uint8Array(0),
      },
      schedule: () => this.#schedule(),
      runNow: () => this.#run(),
      askStatus: (answer) => answer("{}"),
    });
    this.#forwarding = forwarding;
    const front = this.#front;
    forwarding.sink = {
      connect: (receiver, address) => front.connect(receiver, address),
      identify: (connection, principal) => front.identify(connection, principal),
      disconnect: (connection) => front.disconnect(connection),
      messages: (connection, count, bytes) => front.receiveMessages(connection, count, bytes),
      principalOf: (connection) => paths.copyPrincipal(connection.bare),
    };
    this.lines.onBatch = (peer, batch) => {
      forwarding.receive(peer, batch);
      this.#schedule();
    };
    for (const store of parts.logs) {
      store.onCommitted = () => this.#committed();
      store.onFailed = (fault) => facts.failed(fault.code);
    }
    this.#schedule();
  }

  /** Turns that it has run. */
  get turns(): number {
    return this.#loop.turns;
  }

  /** Takes the server's end of a new connection, as a listening socket does. */
  accept(end: End): EndEvents | null {
    const { limits } = this.#parts.facts;
    let connection: Connection | undefined;
    const gone = (): void => {
      if (connection !== undefined) this.#front.disconnect(connection);
      connection = undefined;
    };
    const close = (code: number): void => {
      const { world } = this.#parts.facts;
      world.in(0, () => {
        this.#parts.thread.whenAwake(() => {
          const last = connection?.writer ?? null;
          if (last !== null && last.count > 0) end.send(last.finish());
          end.close(code);
          gone();
        });
      });
    };
    connection = this.#front.connect(
      {
        send: (frame) => {
          end.send(frame);
          if (end.unsentBytes > limits.unsentBytesMax) close(CLOSE_SLOW);
        },
        close: (code) => close(code),
      },
      "simulated",
    );
    if (connection === undefined) return null;
    return {
      message: (bytes) => {
        const { facts } = this.#parts;
        const from = end.far?.host.name ?? "";
        facts.world.digest.foldBytes(bytes);
        facts.reached(from);
        if (connection !== undefined) this.#front.receive(connection, bytes);
        facts.reached(from); // A full inbox runs a turn on the way.
      },
      closed: gone,
    };
  }

  /** Starts of workers are given out in turn, as src/worker/worker.ts has it. */
  #workerOfPath(number: number): number {
    const { index, start, facts } = this.#parts;
    const worker = index + (Math.floor(number / PATHS_PER_START) - start);
    return worker >= 0 && worker < facts.map.workers.length ? worker : -1;
  }

  /** A turn runs when all that is there to read has been read; now and then the thread is stopped just before. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    const { facts, thread } = this.#parts;
    const { world, rarity } = facts;
    const act = (): void => {
      this.#isScheduled = false;
      this.#run();
    };
    world.in(rarity.turnUs, () => {
      thread.whenAwake(() => {
        const isHeldUp = this.#random.chance(rarity.turnPause);
        if (!world.decide(`${thread.name}/turn-pause`, isHeldUp)) return act();
        const us = this.#random.longTail(rarity.turnPauseUs, 60_000_000);
        world.tell(() => `${thread.name}: stops for ${us} us between requests and clock`);
        thread.holdUp(us, act);
      });
    });
  }

  #run(): void {
    this.#isWaitingForRoom = !this.#loop.hasRoom; // The log is behind: its next commit runs the turn.
    if (this.#isWaitingForRoom) return;
    this.#guard();
    this.#loop.run();
    this.#forwarding.flush();
    this.lines.flush();
    if (this.#loop.isBehind) this.#schedule();
    else this.#sleep();
  }

  /** An endless run says nothing: it must fail instead. */
  #guard(): void {
    const second = Math.floor(this.#parts.facts.world.nowUs / 1_000_000);
    this.#turnsOfSecond = second === this.#second ? this.#turnsOfSecond + 1 : 0;
    this.#second = second;
    if (this.#turnsOfSecond > TURNS_PER_SECOND_MAX)
      throw new Violation("livelock", `${this.#parts.thread.name}: turns without an end in second ${second}`);
  }

  /** Asks for a turn: something has come from elsewhere. */
  wake(): void {
    this.#schedule();
  }

  /** Shards are elsewhere. */
  mapChanged(): void {
    this.#forwarding.setMap(this.#parts.facts.map);
  }

  #committed(): void {
    if (this.#parts.replicas !== undefined) return this.#schedule(); // What is stored is acknowledged by a turn.
    if (this.#isWaitingForRoom) return this.#run();
    this.#loop.release();
    this.#forwarding.flush();
    this.lines.flush();
  }

  /** Wakes when something is due; a worker of whom nothing is due ever sleeps until something comes. */
  #sleep(): void {
    const { clock } = this.#parts.surroundings;
    let nextMs = Number.POSITIVE_INFINITY;
    for (const store of this.stores) {
      nextMs = Math.min(nextMs, clock.now + store.wantsTurnIn);
      for (const shard of store.shards) nextMs = Math.min(nextMs, shard.nextDue());
    }
    const { replicas } = this.#parts;
    if (replicas !== undefined) nextMs = Math.min(nextMs, clock.now + replicas.tickMs);
    if (nextMs === Number.POSITIVE_INFINITY) return;
    nextMs = Math.min(nextMs, clock.now + SLEEP_MAX_MS);
    if (this.#timer !== undefined && this.#timerAtMs <= nextMs) return;
    const { machine } = this.#parts.facts;
    if (this.#timer !== undefined) machine.cancelTimer(this.#timer);
    this.#timerAtMs = nextMs;
    this.#timer = machine.setTimer(Math.max(TIMER_MIN_US, Math.ceil(clock.until(nextMs) * 1_000)), () => {
      this.#timer = undefined;
      this.#timerAtMs = Number.POSITIVE_INFINITY;
      this.#parts.thread.whenAwake(() => this.#schedule());
    });
  }
}
