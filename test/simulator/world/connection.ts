/**
 * One connection: two ends, and in each direction a queue of messages whose order is kept, as WebSockets over TCP keep it.
 * Hot path (network.test.ts prints its speed): a message costs its copy, its record and one act.
 *
 *     end A ── send ──▶ [ m1 m2 m3 end? ] ── link A>B ──▶ B reads, when its process is awake
 *     end B ── send ──▶ [ m1 end? ]       ── link B>A ──▶ A reads
 *
 * The two ends know of each other only what arrives: one may be closed long before the other learns it, or ever does.
 */
import type { Link, Waiter } from "./link.js";
import type { Slab } from "./slab.js";
import type { World } from "./world.js";

/** Why an end is closed: by a close of the other end, a reset, nobody who listened, no answer for too long. */
export type Ending = "closed" | "reset" | "refused" | "timed-out";

/** What an end tells its process. */
export interface EndEvents {
  /** The connection is open; for the end that asked for it. */
  opened?(): void;
  /** One whole message; the bytes are the receiver's own. */
  message(bytes: Uint8Array): void;
  /** Nothing comes after this. */
  closed(why: Ending, code: number): void;
  /** Some of what was unsent has left. */
  drained?(): void;
}

/** Where an end lives: a machine, or anything that has a process. */
export interface Host {
  readonly name: string;
  readonly isUp: boolean;
  whenAwake(act: () => void): void;
}

/** What ends of connections need to know of their network. */
export interface Wires {
  readonly world: World;
  /** Where the bytes of messages are copied to. */
  readonly slab: Slab;
  /** An end that hears no acknowledgement for so long is closed (`timed-out`). */
  readonly timeOutUs: number;
  /** So many bytes are on their way without counting as unsent. */
  readonly bufferBytes: number;
  /** Whether the host's machine has power, and so a kernel that answers for dead processes. */
  hasPower(host: string): boolean;
  forget(end: End): void;
}

/** What travels: a message has bytes; the others are the agreement to connect, and the ways of a stream to end. */
interface Parcel {
  readonly what: "message" | "open" | Ending;
  readonly bytes: Uint8Array;
  readonly code: number;
  readonly arriveUs: number;
}

const NO_BYTES = new Uint8Array(0);

/** One direction of one connection. */
class Direction implements Waiter {
  readonly #world: World;
  readonly #link: Link;
  readonly #to: End;
  readonly #parcels: Parcel[] = [];
  #first = 0;
  #holdUntilUs = 0;
  #isScheduled = false;
  bytesInFlight = 0;
  lastProgressUs: number;

  constructor(world: World, link: Link, to: End) {
    this.#world = world;
    this.#link = link;
    this.#to = to;
    this.lastProgressUs = world.nowUs;
  }

  get isEmpty(): boolean {
    return this.#first === this.#parcels.length;
  }

  put(what: Parcel["what"], bytes: Uint8Array, code: number): void {
    const size = bytes.length;
    if (this.isEmpty) this.lastProgressUs = this.#world.nowUs;
    const arriveUs = this.#world.nowUs + this.#link.delayUs(size); // At the earliest: none overtakes another.
    this.#parcels.push({ what, bytes, code, arriveUs });
    this.bytesInFlight += size;
    this.pump();
  }

  /** What is on its way comes no sooner than at this true time. */
  hold(untilUs: number): void {
    this.#holdUntilUs = Math.max(this.#holdUntilUs, untilUs);
  }

  /** Loses all that is on its way. */
  drop(): void {
    this.#parcels.length = 0;
    this.#first = 0;
    this.bytesInFlight = 0;
  }

  pump(): void {
    if (this.#isScheduled) return;
    const parcel = this.#parcels[this.#first];
    if (parcel === undefined) return;
    if (this.#link.isCut) {
      this.#link.awaitHealing(this);
      return;
    }
    const { nowUs } = this.#world;
    const dueUs = Math.max(nowUs, parcel.arriveUs, this.#holdUntilUs, this.#link.clogUntilUs);
    this.#isScheduled = true;
    this.#world.at(dueUs, this.#arrive);
  }

  readonly #arrive = (): void => {
    this.#isScheduled = false;
    const parcel = this.#parcels[this.#first];
    const { nowUs } = this.#world;
    const isHeld = this.#link.isCut || this.#link.clogUntilUs > nowUs || this.#holdUntilUs > nowUs;
    if (parcel === undefined) return;
    if (isHeld || parcel.arriveUs > nowUs) {
      this.pump(); // The link got worse on the way, or what was due first was dropped.
      return;
    }
    this.#first++;
    if (this.#first === this.#parcels.length || this.#first >= 256) {
      this.#parcels.splice(0, this.#first);
      this.#first = 0;
    }
    this.lastProgressUs = nowUs;
    if (this.#to.isClosed) this.#refuse(parcel);
    else this.#to.host.whenAwake(() => this.#read(parcel));
    this.pump();
  };

  #read(parcel: Parcel): void {
    this.bytesInFlight = Math.max(0, this.bytesInFlight - parcel.bytes.length); // Less, if it was dropped meanwhile.
    if (this.#to.isClosed) this.#refuse(parcel);
    else this.#to.receive(parcel.what, parcel.bytes, parcel.code);
  }

  #refuse(parcel: Parcel): void {
    this.bytesInFlight = Math.max(0, this.bytesInFlight - parcel.bytes.length);
    if (parcel.what === "message" || parcel.what === "open") this.#to.refuse();
  }
}

/** One end of a connection, in the hands of one process. */
export class End {
  readonly host: Host;
  /** Which connection of the network it belongs to, from 1; both ends have the same. */
  readonly connection: number;
  readonly #wires: Wires;
  #events: EndEvents | null = null;
  #out: Direction | null = null;
  #other: End | null = null;
  #state: "opening" | "open" | "closed" = "opening";
  #wasOverBuffer = false;

  constructor(wires: Wires, host: Host, connection: number) {
    this.#wires = wires;
    this.host = host;
    this.connection = connection;
  }

  /** Joins two ends; `there` and `back` are the links from the first to the second and back. */
  static join(wires: Wires, ends: readonly [End, End], links: readonly [Link, Link]): void {
    const [one, other] = ends;
    one.#other = other;
    other.#other = one;
    one.#out = new Direction(wires.world, links[0], other);
    other.#out = new Direction(wires.world, links[1], one);
  }

  /** Whether messages may be sent; one may be lost all the same. */
  get isOpen(): boolean {
    return this.#state === "open";
  }

  /** Whether it is still asking to be connected. */
  get isOpening(): boolean {
    return this.#state === "opening";
  }

  /** Whether it is gone for its own process. */
  get isClosed(): boolean {
    return this.#state === "closed";
  }

  /** The end at the other host; null while nobody has agreed to connect. For faults and checkers only. */
  get far(): End | null {
    return this.#other;
  }

  /** Bytes that were sent and have not left for the other end: what back-pressure goes by. */
  get unsentBytes(): number {
    const inFlight = this.#out === null ? 0 : this.#out.bytesInFlight;
    return Math.max(0, inFlight - this.#wires.bufferBytes);
  }

  /** Sends a copy of `bytes` from `start` to `end`. Answers false, and sends nothing, where the end is not open. */
  send(bytes: Uint8Array, start = 0, end: number = bytes.length): boolean {
    if (this.#state !== "open" || this.#out === null) return false;
    this.#out.put("message", this.#wires.slab.copy(bytes, start, end), 0);
    if (this.unsentBytes > 0) this.#wasOverBuffer = true;
    return true;
  }

  /** Closes this end: nothing is told here any more; the other end reads what was sent, and then the close. */
  close(code = 1000): void {
    if (this.#state === "closed") return;
    this.#finish();
    this.#out?.put("closed", NO_BYTES, code);
  }

  /** Gives the end up at once, without a word to the own process; what was sent and has not arrived may be lost. */
  abort(isSentLost: boolean): void {
    if (this.#state === "closed") return;
    this.#finish();
    if (isSentLost) this.#out?.drop();
    this.#out?.put("reset", NO_BYTES, 1006);
  }

  /** The end is gone without a word to anybody, as when its machine loses power. */
  vanish(): void {
    this.#finish();
    this.#out?.drop();
  }

  /** Tells the own process that the connection is gone; the other end learns nothing by this. */
  fail(why: Ending, code = 1006): void {
    if (this.#state === "closed") return;
    const events = this.#events;
    this.#finish();
    this.host.whenAwake(() => events?.closed(why, code));
  }

  /** What this end has sent and has not arrived comes no sooner than at this true time. */
  holdSent(untilUs: number): void {
    this.#out?.hold(untilUs);
  }

  /** How long the oldest unread bytes of this end have been on their way, microseconds; 0 while there are none. */
  get unacknowledgedUs(): number {
    const out = this.#out;
    return out === null || out.isEmpty ? 0 : this.#wires.world.nowUs - out.lastProgressUs;
  }

  /** Hands the end to its process: from here on its events are told. */
  attach(events: EndEvents): void {
    this.#events = events;
  }

  /** Agrees to the connection: this end is open, and the other will be when it hears of it; for the network. */
  agree(): void {
    this.#state = "open";
    this.#out?.put("open", NO_BYTES, 0);
  }

  /** Something has arrived and is read; for the network. */
  receive(what: "message" | "open" | Ending, bytes: Uint8Array, code: number): void {
    if (what === "message") {
      this.#events?.message(bytes);
      this.#other?.acknowledged();
    } else if (what === "open") {
      this.#state = "open";
      this.#events?.opened?.();
    } else {
      const events = this.#events;
      this.#finish();
      events?.closed(what, code);
    }
  }

  /** TCP answers what comes to an end that is gone with a reset, so a half-open connection ends when it is used. */
  refuse(): void {
    if (this.#wires.hasPower(this.host.name)) this.#out?.put("reset", NO_BYTES, 1006);
  }

  /** The other end has read something of this one. */
  acknowledged(): void {
    if (!this.#wasOverBuffer || this.unsentBytes > 0 || this.#state !== "open") return;
    this.#wasOverBuffer = false;
    this.host.whenAwake(() => {
      if (this.#state === "open") this.#events?.drained?.();
    });
  }

  #finish(): void {
    this.#state = "closed";
    this.#events = null;
    this.#wires.forget(this);
  }
}
