/**
 * The client's clock for belief: elapsed time is the largest of what the monotonic, the boot and the wall clock
 * say, because a monotonic clock may stand still while the machine is suspended. A pause of a whole virtual machine stops
 * all three: only fencing helps there.
 *
 *     time = the largest of (base of a clock + that clock)
 *     where they disagree by more than CLOCK_SPREAD_MS, all bases are set anew so that each clock says that time
 *
 * Without that setting a wall clock that stepped ahead and back would make time stand still until it caught up.
 */
import { type Readings, readMachineClocks } from "./machine.js";

export type { Readings } from "./machine.js";

/** Clocks may disagree by this much before they are set anew, in milliseconds; belief ends earlier by as much. */
export const CLOCK_SPREAD_MS: number = 20;

/** Who goes by a clock that can be moved. */
export interface TimeFollower {
  /** Does what is due now. @returns whether it has sent anything */
  moved(): boolean;
  /** It must not be moved by more than this at once, in milliseconds. */
  lookEveryMs(): number;
}

/** The clocks that a client goes by where they are not the machine's, but a test's that can be moved. */
export interface TimeSource {
  /** What the clocks say. */
  read(): Readings;
  /** Tells `follower` of each move. @returns what ends that */
  follow(follower: TimeFollower): () => void;
}

/** Time that never falls, in milliseconds from the clock's making. */
export class Clock {
  readonly #read: () => Readings;
  #monotonicBase = 0;
  #bootBase = 0;
  #wallBase = 0;
  #nowMs = 0;

  /** @param read the machine's clocks, or a test's. */
  constructor(read: () => Readings = readMachineClocks) {
    this.#read = read;
    this.#setBases(read());
  }

  /** Milliseconds since the clock was made, as the fastest clock counts them. Costs a few microseconds. */
  now(): number {
    const readings = this.#read();
    const monotonic = this.#monotonicBase + readings.monotonicMs;
    const boot = this.#bootBase + readings.bootMs;
    const wall = this.#wallBase + readings.wallMs;
    const largest = Math.max(monotonic, boot, wall);
    this.#nowMs = Math.max(this.#nowMs, largest);
    if (this.#nowMs - Math.min(monotonic, boot, wall) > CLOCK_SPREAD_MS) this.#setBases(readings);
    return this.#nowMs;
  }

  /** What `now` said last: for bounds of patience, which may be late by a tick, never for belief. Costs nothing. */
  recent(): number {
    return this.#nowMs;
  }

  #setBases(readings: Readings): void {
    this.#monotonicBase = this.#nowMs - readings.monotonicMs;
    this.#bootBase = this.#nowMs - readings.bootMs;
    this.#wallBase = this.#nowMs - readings.wallMs;
  }
}
