/**
 * All replicas of a worker, driven as src/replication/DRIVING.md has it: what has come since the last turn goes in, the
 * actors step (turn.ts), and orders, requests and frames go out. The clock, connections and control plane are handed in.
 */
import type { Configuration } from "../words/configuration.js";
import type { ShardIndex } from "../words/ids.js";
import type { Input } from "../replication/inputs.js";
import { Link } from "../replication/link.js";
import type { Message } from "../replication/messages.js";
import type { ControlRequest, Report } from "../replication/outputs.js";
import type { Control } from "../shard/control.js";
import { decodeFrame, encodeFrame } from "./peer-messages.js";
import type { ReplicaSeat } from "./replica-seat.js";
import type { ReplicaStore } from "./replica-store.js";
import type { Replicating } from "./turn-store.js";

/** A connection to another worker. */
export interface Wire {
  send(frame: Uint8Array): void;
  /** Something came that no rightful worker sends: the connection must go, and `lost` is told of it. */
  close(): void;
}

/** What the replicas of a worker are handed. */
export interface ReplicasParts {
  /** Milliseconds of a clock that never falls. */
  readonly nowMs: () => number;
  /** 128 random bits in hex, never the same twice; asked for once a tick. */
  readonly nonce: () => string;
  readonly tickMs: number;
  /** The worker that has a replica; "" for one that nobody knows. */
  readonly workerOf: (replica: string) => string;
  /** The replica that another worker has of a shard, by the node's own spread; "" for none. */
  readonly replicaAt: (worker: string, shard: ShardIndex) => string;
  /** Asks the control plane; the answers come as `told`. */
  readonly ask: (shard: ShardIndex, request: ControlRequest) => void;
  readonly report: (seat: ReplicaSeat, report: Report) => void;
  /** Asks for a turn soon. */
  readonly schedule: () => void;
}

interface Line {
  readonly link: Link;
  readonly wire: Wire;
  outbox: Message[];
}

export class Replicas implements Replicating {
  readonly #parts: ReplicasParts;
  readonly #stores: readonly ReplicaStore[];
  readonly #seats: ReadonlyMap<number, ReplicaSeat>;
  readonly #lines = new Map<string, Line>();
  #news: (() => void)[] = [];
  #tickedMs = Number.NEGATIVE_INFINITY;
  round = 0;

  constructor(parts: ReplicasParts, stores: readonly ReplicaStore[]) {
    this.#parts = parts;
    this.#stores = stores;
    this.#seats = new Map(stores.flatMap(({ seats }) => seats.map((seat) => [seat.index, seat])));
  }

  /** All replicas, by shard. */
  get seats(): ReadonlyMap<number, ReplicaSeat> {
    return this.#seats;
  }

  /** A turn is wanted at least so often. */
  get tickMs(): number {
    return this.#parts.tickMs;
  }

  /** A connection to a worker stands, under an id that who dialled has made; the one before it is done with. */
  connected(worker: string, id: string, wire: Wire): void {
    this.#later(() => {
      if (this.#lines.has(worker)) this.#disconnect(worker, "closed");
      this.#lines.set(worker, { link: new Link(id), wire, outbox: [] });
      this.#tellBehind(worker, (replica) => ({ kind: "connected", to: replica }));
    });
  }

  /** The connection of this wire is gone. */
  lost(worker: string, wire: Wire, how: "closed" | "timed-out"): void {
    this.#later(() => {
      if (this.#lines.get(worker)?.wire === wire) this.#disconnect(worker, how);
    });
  }

  /** Nobody listened there. */
  refused(worker: string): void {
    this.#later(() => this.#tellBehind(worker, (replica) => ({ kind: "connection-refused", by: replica })));
  }

  /** Something came over a wire. */
  received(worker: string, wire: Wire, bytes: Uint8Array): void {
    const frame = decodeFrame(bytes);
    this.#later(() => {
      const line = this.#lines.get(worker);
      if (line?.wire !== wire) return;
      const taken = frame === null ? null : line.link.receive(frame, this.round);
      if (taken === null) {
        wire.close();
        return;
      }
      for (const message of taken.messages) this.#seats.get(message.shard)?.replica.step({ kind: "message", message });
      if (taken.acknowledged === 0) return;
      this.#tellBehind(worker, (from) => ({ kind: "acknowledged", from, round: taken.acknowledged }));
    });
  }

  /** The control plane has answered, or said something unasked. */
  told(shard: ShardIndex, input: Input): void {
    this.#later(() => this.#seats.get(shard)?.replica.step(input));
  }

  /** A configuration that was seen without asking for it. */
  seen(configuration: Configuration): void {
    this.told(configuration.shard, { kind: "read", configuration, knownEpoch: 0 });
  }

  begin(controls: readonly Control[]): void {
    this.round++;
    const nowMs = this.#parts.nowMs();
    const turn: Input = { kind: "turn", round: this.round, nowMs };
    for (const { replica } of this.#seats.values()) replica.step(turn);
    for (const { log } of this.#stores) {
      log.noteStored((shard, order) => this.#seats.get(shard)?.replica.step({ kind: "stored", order }));
    }
    const news = this.#news;
    this.#news = [];
    for (const tell of news) tell();
    if (nowMs >= this.#tickedMs + this.#parts.tickMs) this.#tick(nowMs);
    this.#perform();
    if (controls.length > 0) for (const seat of this.#seats.values()) seat.noteOpenings(controls);
  }

  ready(clockMs: number): void {
    for (const store of this.#stores) store.ready(clockMs);
  }

  end(wallMs: number): void {
    this.#perform();
    for (const { log } of this.#stores) log.flush(wallMs);
    const wantsRound = this.#stores.some((store) => store.wantsRound);
    const unstored = Math.min(...this.#stores.map(({ log }) => log.firstRoundUnstored), Number.POSITIVE_INFINITY);
    for (const { link, wire, outbox } of this.#lines.values()) {
      link.stored(Math.min(this.round, unstored - 1));
      const frame = link.frame(this.round, outbox.splice(0), wantsRound);
      if (frame !== null) wire.send(encodeFrame(frame));
    }
    for (const store of this.#stores) store.wantsRound = false;
  }

  #later(tell: () => void): void {
    this.#news.push(tell);
    this.#parts.schedule();
  }

  #disconnect(worker: string, how: "closed" | "timed-out"): void {
    this.#lines.get(worker)?.wire.close();
    this.#lines.delete(worker);
    this.#tellBehind(worker, (from) => ({ kind: "disconnected", from, how }));
  }

  #tellBehind(worker: string, input: (replica: string) => Input): void {
    for (const { index, replica } of this.#seats.values()) {
      const other = this.#parts.replicaAt(worker, index);
      if (other !== "") replica.step(input(other));
    }
  }

  #tick(nowMs: number): void {
    this.#tickedMs = nowMs;
    const nonce = this.#parts.nonce(); // One for all: only requests for the same shard are ever compared.
    for (const { replica, shard } of this.#seats.values()) {
      replica.step({ kind: "tick", nonce, stamp: shard.state.now });
    }
    for (const worker of this.#lines.keys()) this.#meetSuccessors(worker);
  }

  /** A replica that was named after its worker's connection stood is there all the same (a new store in a lost one's place). */
  #meetSuccessors(worker: string): void {
    for (const { index, replica } of this.#seats.values()) {
      const other = this.#parts.replicaAt(worker, index);
      if (other !== "" && !replica.state.connected.includes(other)) replica.step({ kind: "connected", to: other });
    }
  }

  /** Does what the replicas want done, until they want nothing more. */
  #perform(): void {
    for (const seat of this.#seats.values()) while (this.#take(seat));
  }

  #take(seat: ReplicaSeat): boolean {
    if (!seat.replica.wantsAnything) return false;
    const { log, messages, control, actor, reads, reports } = seat.replica.take();
    for (const order of log) {
      if (order.kind === "store-pages") seat.keepPages(order.pages);
      seat.log.order(seat.index, order, this.round);
    }
    for (const order of actor) seat.act(order);
    for (const message of messages) this.#lines.get(this.#parts.workerOf(message.to))?.outbox.push(message);
    for (const request of control) this.#parts.ask(seat.index, request);
    for (const read of reads) seat.read(read);
    for (const report of reports) this.#parts.report(seat, report);
    return reads.length > 0 || actor.some(({ kind }) => kind === "digest");
  }
}
