/**
 * One worker: its stores and shards, its sockets, and the loop that runs a turn whenever something has come, is
 * committed, or is due.
 */
import { randomInt } from "node:crypto";
import { Counters } from "../engine/engine.js";
import { ringOf } from "../placement/ring.js";
import { Events } from "../tables/events.js";
import { Inbox } from "../tables/inbox.js";
import { KeyedHash } from "../tables/keyed-hash.js";
import { PATHS_PER_START, Paths } from "../tables/paths.js";
import { OfficeClock } from "./clock.js";
import { Connections } from "./connections.js";
import { Forwarding } from "./forwarding.js";
import { Front, type FrontParts, TURN_REQUESTS_MAX } from "./front.js";
import type { WelcomeFacts } from "./handshake.js";
import { Listener } from "./listen.js";
import type { FromWorker, WorkerOptions, WorkerStatus } from "./options.js";
import { Peer } from "./peers.js";
import { recoverStore } from "./recover.js";
import type { ShardStore } from "./shard-store.js";
import { TurnTimes, workerStatus } from "./status.js";
import { TurnLoop } from "./turn.js";
import { Watches } from "./watches.js";

const CONNECTIONS_MAX = 65_536;
const PATHS_MAX = 2 ** 20;
/** A path remembers a row for each shard: with very many shards there are fewer paths. */
const PATH_SHARDS_MAX = 2 ** 28;
const EVENTS_BYTES_MAX = 2 ** 26;
const INBOX_BYTES_MAX = 2 ** 27;
/** Never sleep longer than this: shard time must not stand, and the disk is looked at. */
const SLEEP_MAX_MS = 250;

/** What a worker says to its node, and asks of it. */
export interface NodeLine {
  tell(message: FromWorker): void;
  askStatus(answer: (json: string) => void): void;
}

/** The parts of a worker that is built. */
interface Built {
  readonly stores: readonly ShardStore[];
  readonly loop: TurnLoop;
  readonly forwarding: Forwarding;
  readonly front: Front;
  readonly connections: Connections;
}

export class ShardWorker {
  readonly #options: WorkerOptions;
  readonly #line: NodeLine;
  readonly #clock: OfficeClock;
  readonly #counters: Counters;
  readonly #times = new TurnTimes();
  readonly #paths: Paths;
  readonly #built: Built;
  readonly #peers: readonly (Peer | undefined)[];
  #listener: Listener | undefined;
  #isScheduled = false;
  #isWaitingForRoom = false;
  #isClosed = false;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;

  private constructor(
    options: WorkerOptions,
    line: NodeLine,
    made: { stores: readonly ShardStore[]; surroundings: Surroundings },
  ) {
    this.#options = options;
    this.#line = line;
    const { stores, surroundings } = made;
    const { paths, counters, clock } = surroundings;
    this.#paths = paths;
    this.#counters = counters;
    this.#clock = clock;
    this.#peers = options.peers.map((port, worker) =>
      port === null ? undefined : new Peer(worker, port, (peer, batch) => this.#fromPeer(peer, batch)),
    );
    const connections = new Connections(CONNECTIONS_MAX);
    const facts = factsOf(options);
    const watches = new Watches({ paths, connections, limits: options.limits });
    watches.shards = stores.flatMap((store) => store.shards);
    const forwarding = new Forwarding(this.#peers, connections, facts.map);
    const loop = this.#loopOf(surroundings, stores, connections, watches);
    const front = this.#frontOf(surroundings, { connections, loop, watches, forwarding, facts });
    forwarding.sink = {
      connect: (receiver, address) => front.connect(receiver, address),
      identify: (connection, principal) => front.identify(connection, principal),
      disconnect: (connection) => front.disconnect(connection),
      messages: (connection, count, bytes) => front.receiveMessages(connection, count, bytes),
      principalOf: (connection) => paths.copyPrincipal(connection.bare),
    };
    this.#built = { stores, loop, forwarding, front, connections };
    for (const { store } of stores) {
      store.onCommitted = () => this.#committed();
      store.onFailed = (fault) => this.#fail(fault.code, fault.message);
    }
  }

  #loopOf(
    { inbox, paths, events, clock }: Surroundings,
    stores: readonly ShardStore[],
    connections: Connections,
    watches: Watches,
  ): TurnLoop {
    return new TurnLoop({
      stores,
      inbox,
      paths,
      events,
      connections,
      clock: { advance: () => clock.advance(), wallMs: () => Date.now() },
      shardCount: this.#options.shards,
      onBroken: (shard, error) => {
        const where = `shard ${shard.index} at LSN ${shard.state.head}`;
        this.#fail("broken-invariant", `${where}: ${error.stack ?? error.message}`);
      },
      onEvents: (shard, from, firstLsn) => watches.note(shard, events, from, firstLsn),
    });
  }

  #frontOf(
    { inbox, paths }: Surroundings,
    parts: Pick<FrontParts, "connections" | "loop" | "watches" | "forwarding" | "facts">,
  ): Front {
    const { index, limits, shards, workerOfShard } = this.#options;
    const ring = ringOf(shards);
    return new Front({
      ...parts,
      inbox,
      paths,
      limits,
      where: {
        worker: index,
        workerOfShard,
        shardOf: (crc) => ring.shardOf(crc),
        workerOfPath: (number) => this.#workerOfPath(number),
      },
      schedule: () => this.#schedule(),
      runNow: () => this.#run(),
      askStatus: (answer) => this.#line.askStatus(answer),
    });
  }

  /** Opens the stores and builds the shards. @throws StoreFault if a store can't be used. */
  static async start(options: WorkerOptions, line: NodeLine): Promise<ShardWorker> {
    const began = performance.now();
    const hashKey = [randomInt(2 ** 31), randomInt(2 ** 31)] as const;
    const surroundings = surroundingsOf(options, hashKey);
    const stores: ShardStore[] = [];
    for (const from of options.stores) {
      stores.push(
        await recoverStore(
          {
            options,
            surroundings,
            hashKey,
            clockMs: () => surroundings.clock.now,
            progress: (done, total) => {
              line.tell({ kind: "recovering", done, total });
            },
          },
          from,
        ),
      );
    }
    const worker = new ShardWorker(options, line, { stores, surroundings });
    const status = worker.status();
    line.tell({
      kind: "recovered",
      claims: status.claims,
      sessions: status.sessions,
      milliseconds: performance.now() - began,
    });
    return worker;
  }

  /** Opens the ports and begins to run turns. */
  listen(route: (app: RouteTarget, front: Front) => void): void {
    const { front, connections } = this.#built;
    const { limits, host, mainPort, ownPort } = this.#options;
    this.#listener = new Listener({
      front,
      connections,
      limits,
      route: (app) => {
        route(app, front);
      },
    });
    this.#listener.listen(host, mainPort);
    if (ownPort !== mainPort) this.#listener.listen(host, ownPort);
    this.#schedule();
    this.#line.tell({ kind: "listening" });
  }

  /** Which worker of this node made a path's number; -1 if none. Starts are given out to workers in turn. */
  #workerOfPath(number: number): number {
    const start = Math.floor(number / PATHS_PER_START);
    const worker = this.#options.index + (start - this.#options.start);
    return worker >= 0 && worker < this.#options.addresses.length ? worker : -1;
  }

  #fromPeer(peer: Peer, batch: Uint8Array): void {
    this.#built.forwarding.receive(peer, batch);
    this.#schedule();
  }

  /** A turn runs when all that is there to read has been read. */
  #schedule(): void {
    if (this.#isScheduled || this.#isClosed) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#run();
    });
  }

  #run(): void {
    const { loop, forwarding } = this.#built;
    if (this.#isClosed) return;
    this.#isWaitingForRoom = !loop.hasRoom; // The log is behind: its next commit runs the turn.
    if (this.#isWaitingForRoom) return;
    const began = performance.now();
    loop.run();
    forwarding.flush();
    this.#times.turn.record(performance.now() - began);
    if (loop.isBehind) this.#schedule();
    else this.#sleep();
  }

  /** What is on disk lets replies go; and a turn that waited for room runs. */
  #committed(): void {
    if (this.#isClosed) return;
    if (this.#isWaitingForRoom) return this.#run();
    this.#built.loop.release();
    this.#built.forwarding.flush();
  }

  /** Wakes when something is due. */
  #sleep(): void {
    let next = this.#clock.now + SLEEP_MAX_MS;
    for (const store of this.#built.stores) {
      next = Math.min(next, this.#clock.now + store.wantsTurnIn);
      for (const shard of store.shards) next = Math.min(next, shard.nextDue());
    }
    if (this.#timer !== undefined && this.#timerAt <= next) return;
    clearTimeout(this.#timer);
    this.#timerAt = next;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#timerAt = Number.POSITIVE_INFINITY;
        this.#schedule();
      },
      Math.max(0, this.#clock.until(next)),
    );
  }

  /** Counts and sizes, for `status`. */
  status(): WorkerStatus {
    const { stores, loop, connections } = this.#built;
    return workerStatus({
      worker: this.#options.index,
      stores,
      loop,
      connections: connections.open,
      sessions: this.#paths.sessions,
      counters: this.#counters,
      times: this.#times,
    });
  }

  #fail(code: string, message: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#listener?.close();
    this.#line.tell({ kind: "failed", code, message });
  }

  /** Refuses new work, commits and answers what there is, and closes everything. */
  async drain(): Promise<void> {
    if (this.#isClosed) return;
    const { front, loop, stores, forwarding, connections } = this.#built;
    front.isDraining = true;
    this.#listener?.drain();
    loop.run();
    forwarding.flush();
    connections.flush();
    await new Promise((resolve) => setTimeout(resolve, 50)); // Time for the others' last answers to come through us.
    for (const { store } of stores)
      while (!store.idle && store.fault === null) await new Promise((resolve) => setImmediate(resolve));
    loop.release();
    forwarding.flush();
    await new Promise((resolve) => setTimeout(resolve, 50));
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#listener?.close();
    for (const peer of this.#peers) peer?.close();
    for (const { store } of stores) await store.close();
  }
}

type RouteTarget = Parameters<ConstructorParameters<typeof Listener>[0]["route"]>[0];
interface Surroundings {
  readonly inbox: Inbox;
  readonly paths: Paths;
  readonly events: Events;
  readonly counters: Counters;
  readonly clock: OfficeClock;
}

function surroundingsOf(options: WorkerOptions, hashKey: readonly [number, number]): Surroundings {
  const { shards, limits } = options;
  return {
    inbox: new Inbox({
      capacity: TURN_REQUESTS_MAX + limits.requestsPerFrameMax,
      shards,
      frameBytesInitial: 2 ** 20,
      frameBytesMax: INBOX_BYTES_MAX,
    }),
    paths: new Paths({
      capacity: Math.min(PATHS_MAX, Math.floor(PATH_SHARDS_MAX / shards)),
      connections: CONNECTIONS_MAX,
      shards,
      start: options.start,
      hash: new KeyedHash(hashKey[0], hashKey[1]),
    }),
    events: new Events(2 ** 20, EVENTS_BYTES_MAX),
    counters: new Counters(),
    clock: new OfficeClock(),
  };
}

function factsOf(options: WorkerOptions): WelcomeFacts {
  const ring = ringOf(options.shards);
  const bytes = Buffer.alloc(ring.slots.length * 2);
  ring.slots.forEach((shard, slot) => bytes.writeUInt16LE(shard, slot * 2));
  return {
    server: `holdfast/${options.version}`,
    node: options.node,
    worker: options.index,
    limits: options.limits,
    map: {
      version: 1,
      shards: options.shards,
      ringId: ring.id,
      workers: options.addresses,
      owners: [...options.workerOfShard],
    },
    ring: bytes,
  };
}
