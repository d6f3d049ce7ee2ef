/**
 * One worker: its stores and shards, its sockets, and the loop that runs a turn whenever something has come, is
 * committed, or is due.
 */
import { randomInt } from "node:crypto";
import type { Counters } from "../engine/engine.js";
import type { Ring } from "../placement/ring.js";
import { PATHS_PER_START, type Paths } from "../tables/paths.js";
import type { OfficeClock } from "./clock.js";
import { ClusterSide } from "./cluster-side.js";
import { Connections } from "./connections.js";
import { Forwarding } from "./forwarding.js";
import { Drain } from "./drain.js";
import { Front, type FrontParts } from "./front.js";
import { Listener } from "./listen.js";
import type { FromWorker, WorkerFailure, WorkerOptions, WorkerStatus } from "./options.js";
import { Peer } from "./peers.js";
import { type Recovered, recoverAll } from "./recover-all.js";
import { TurnTimes, workerStatus } from "./status.js";
import { CONNECTIONS_MAX, factsOf, ringOfNode, type Surroundings, surroundingsOf } from "./surroundings.js";
import { TurnLoop } from "./turn.js";
import { type JoinedWatches, joinWatches } from "./watch-join.js";
import type { WatchedStore } from "./watched-store.js";
import type { WorkerLog } from "./worker-log.js";

/** Never sleep longer than this: shard time must not stand, and the disk is looked at. */
const SLEEP_MAX_MS = 250;

/** What a worker says to its node, and asks of it. */
export interface NodeLine {
  tell(message: FromWorker): void;
  askStatus(answer: (json: string) => void): void;
  /** The clock of its shards, in monotonic milliseconds; left out: the thread's. */
  readonly readClock?: () => number;
}

/** The parts of a worker that is built. */
interface Built {
  readonly logs: readonly WorkerLog[];
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
  readonly #cluster: ClusterSide | undefined;
  readonly #ring: Ring;
  readonly #drain: Drain;
  readonly #watches: JoinedWatches;
  #listener: Listener | undefined;
  #isScheduled = false;
  #isWaitingForRoom = false;
  #isClosed = false;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;

  private constructor(options: WorkerOptions, line: NodeLine, made: Recovered) {
    this.#options = options;
    this.#line = line;
    const { logs, surroundings } = made;
    const { paths, counters, clock } = surroundings;
    this.#paths = paths;
    this.#counters = counters;
    this.#clock = clock;
    this.#ring = ringOfNode(options);
    const cluster = this.#clusterOf(made);
    this.#cluster = cluster;
    const others = this.#linesTo(cluster);
    this.#peers = others.peers;
    const connections = new Connections(CONNECTIONS_MAX);
    const facts = factsOf(options, this.#ring, cluster?.view);
    const forwarding = new Forwarding(this.#peers, connections, facts.map);
    this.#drain = new Drain(others.here);
    forwarding.onWord = (worker, word) => this.#drain.hear(worker, word);
    for (const peer of this.#peers) if (peer !== undefined) peer.onClosed = () => this.#drain.isGone(peer.worker);
    if (cluster !== undefined) forwarding.isReachable = (worker) => cluster.isReachable(worker);
    const loop = this.#loopOf(surroundings, logs, connections);
    this.#watches = this.#watchesOf({ loop, connections, forwarding }, [...made.alone, ...made.replicated]);
    const watches = this.#watches.front;
    const front = this.#frontOf(surroundings, { connections, loop, watches, forwarding, facts });
    forwarding.sink = {
      connect: (receiver, address) => front.connect(receiver, address),
      identify: (connection, principal) => front.identify(connection, principal),
      disconnect: (connection) => front.disconnect(connection),
      messages: (connection, count, bytes) => front.receiveMessages(connection, count, bytes),
      principalOf: (connection) => paths.copyPrincipal(connection.bare),
    };
    this.#built = { logs, loop, forwarding, front, connections };
    cluster?.join({
      forwarding,
      schedule: () => this.#schedule(),
      mapChanged: () => this.#tellMap(),
      met: (worker) => this.#watches.met(worker),
      lost: (worker) => this.#watches.lost(worker),
    });
    for (const store of made.replicated) store.onLeft = (shard) => this.#watches.left(shard);
    for (const { store } of logs) {
      store.onCommitted = () => this.#committed();
      store.onFailed = ({ code, message }) => this.fail({ code, message });
    }
  }

  #clusterOf({ replicated, round }: Recovered): ClusterSide | undefined {
    const options = this.#options;
    const { cluster } = options;
    if (cluster === null) return undefined;
    const tell = (message: FromWorker): void => this.#line.tell(message);
    const fromPeer = (peer: Peer, batch: Uint8Array): void => this.#fromPeer(peer, batch);
    const side = new ClusterSide({ options, cluster, ringId: this.#ring.id, tell, fromPeer }, replicated);
    round.count = () => side.replicas.round;
    return side;
  }

  /** The lines to the other workers, by their numbers, and which of those are of this node. */
  #linesTo(cluster: ClusterSide | undefined): {
    readonly peers: readonly (Peer | undefined)[];
    readonly here: readonly number[];
  } {
    const peers = cluster?.peers ?? [];
    const here: number[] = [];
    for (const [worker, port] of this.#options.peers.entries()) {
      const index = this.#index - this.#options.index + worker;
      peers[index] ??= undefined; // This worker has a place, too: a watch begins at each of them.
      if (port === null) continue;
      peers[index] = new Peer(index, port, (peer, batch) => this.#fromPeer(peer, batch));
      here.push(index);
    }
    return { peers, here };
  }

  /** This worker's number: in the cluster where there is one. */
  get #index(): number {
    return this.#cluster?.index ?? this.#options.index;
  }

  #loopOf(
    { inbox, paths, events, clock }: Surroundings,
    logs: readonly WorkerLog[],
    connections: Connections,
  ): TurnLoop {
    return new TurnLoop({
      stores: logs.map(({ turns }) => turns),
      ...(this.#cluster === undefined ? {} : { replicating: this.#cluster.replicas }),
      inbox,
      paths,
      events,
      connections,
      clock: { advance: () => clock.advance(), wallMs: () => Date.now() },
      shardCount: this.#options.shards,
      onBroken: (shard, error) => {
        const message = `shard ${shard.index} at LSN ${shard.state.head}: ${error.message}`;
        this.fail({ code: "broken-invariant", message, stack: error.stack ?? error.message });
      },
      onEvents: (shard, from, firstLsn) => this.#watches.note(shard, events, from, firstLsn),
    });
  }

  #watchesOf(
    parts: Pick<Built, "loop" | "forwarding" | "connections">,
    stores: readonly WatchedStore[],
  ): JoinedWatches {
    return joinWatches({
      ...parts,
      stores,
      index: this.#index,
      peers: this.#peers,
      limits: this.#options.limits,
      workerOfShard: this.workerOfShard,
      shardOf: (crc) => this.#ring.shardOf(crc),
      schedule: () => this.#schedule(),
      later: (act, afterMs) => setTimeout(act, afterMs).unref(),
    });
  }

  #frontOf(
    { inbox, paths }: Surroundings,
    parts: Pick<FrontParts, "connections" | "loop" | "watches" | "forwarding" | "facts">,
  ): Front {
    const { limits } = this.#options;
    return new Front({
      ...parts,
      inbox,
      paths,
      limits,
      where: {
        worker: this.#index,
        workerOfShard: this.workerOfShard,
        shardOf: (crc) => this.#ring.shardOf(crc),
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
    const surroundings = surroundingsOf(options, hashKey, line.readClock);
    const progress = (done: number, total: number): void => line.tell({ kind: "recovering", done, total });
    const parts = { options, surroundings, hashKey, clockMs: () => surroundings.clock.now, progress };
    const worker = new ShardWorker(options, line, await recoverAll(parts));
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
  listen(route: (app: RouteTarget, front: Front, ring: Ring) => void): void {
    const { front, connections } = this.#built;
    const { limits, host, mainPort, ownPort } = this.#options;
    this.#listener = new Listener({
      front,
      connections,
      limits,
      route: (app) => {
        route(app, front, this.#ring);
      },
    });
    this.#listener.listen(host, mainPort);
    if (ownPort !== mainPort) this.#listener.listen(host, ownPort);
    this.#cluster?.listen();
    this.#schedule();
    this.#line.tell({ kind: "listening" });
  }

  /** Runs a turn now: for who has moved the clock, and knows of no request. */
  runTurn(): void {
    this.#run();
  }

  /** Which worker has each shard. */
  get workerOfShard(): Uint16Array {
    return this.#cluster?.view.owners ?? this.#options.workerOfShard;
  }

  /** This worker's number where all that serve the same shards have one. */
  get index(): number {
    return this.#index;
  }

  /** What the node has heard of the cluster. */
  get cluster(): ClusterSide | undefined {
    return this.#cluster;
  }

  /** Which worker made a path's number; -1 if none. Starts are given out to workers in turn. */
  #workerOfPath(number: number): number {
    const start = Math.floor(number / PATHS_PER_START);
    if (this.#cluster !== undefined) return this.#cluster.workerOfStart(start);
    const worker = this.#options.index + (start - this.#options.start);
    return worker >= 0 && worker < this.#options.addresses.length ? worker : -1;
  }

  #fromPeer(peer: Peer, batch: Uint8Array): void {
    if (!this.#isClosed) this.#built.forwarding.receive(peer, batch);
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
    this.#watches.turned();
    forwarding.flush();
    this.#times.turn.record(performance.now() - began);
    if (loop.isBehind) this.#schedule();
    else this.#sleep();
  }

  /** What is on disk lets replies go; and a turn that waited for room runs. */
  #committed(): void {
    if (this.#isClosed) return;
    if (this.#cluster !== undefined) return this.#schedule(); // What is stored is acknowledged by a turn.
    if (this.#isWaitingForRoom) return this.#run();
    this.#built.loop.release();
    this.#built.forwarding.flush();
  }

  /** Wakes when something is due. */
  #sleep(): void {
    let next = this.#clock.now + SLEEP_MAX_MS;
    if (this.#cluster !== undefined) next = Math.min(next, this.#clock.now + this.#cluster.replicas.tickMs);
    for (const { turns } of this.#built.logs) {
      next = Math.min(next, this.#clock.now + turns.wantsTurnIn);
      for (const shard of turns.shards) next = Math.min(next, shard.nextDue());
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

  /** Shards have gone to other workers: clients are told, so that they need not find out by being refused. */
  #tellMap(): void {
    if (this.#isClosed) return;
    this.#built.front.tellMap();
    this.#watches.front.mapChanged();
    this.#schedule();
  }

  /** Counts and sizes, for `status`. */
  status(): WorkerStatus {
    const { logs, loop, connections } = this.#built;
    return workerStatus({
      worker: this.#options.index,
      logs,
      loop,
      replicas: this.#cluster?.status ?? [],
      connections: connections.open,
      sessions: this.#paths.sessions,
      counters: this.#counters,
      times: this.#times,
    });
  }

  /** Can't go on: runs no turn any more, so that nothing is decided or answered, and tells the node, which drains. */
  fail(failure: WorkerFailure): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#line.tell({ kind: "failed", ...failure });
    setImmediate(() => {
      this.#cluster?.close();
      this.#listener?.close();
    }); // Not in the callback of a socket that this would close.
  }

  /** Refuses new work, commits and answers what there is, and closes everything; after a failure it only closes. */
  async drain(withinMs: number, endCalls: (withinMs: number) => Promise<void>): Promise<void> {
    const runNow = (): void => this.#run();
    const parts = { ...this.#built, listener: this.#listener, runNow };
    if (!this.#isClosed) await this.#drain.run(parts, withinMs, endCalls);
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#listener?.close();
    for (const peer of this.#peers) peer?.close();
    this.#cluster?.close();
    await Promise.allSettled(this.#built.logs.map(({ store }) => store.close())); // A store's fault is told already.
  }
}

type RouteTarget = Parameters<ConstructorParameters<typeof Listener>[0]["route"]>[0];
