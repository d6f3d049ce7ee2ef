/**
 * The counterpart of src/worker/clock.ts on a simulated machine: the same rule that a turn catches up no more than a
 * second, over the machine's monotonic clock.
 */
import type { TurnClock } from "../../../src/worker/turn.js";
import type { Clocks } from "../world/clocks.js";

const TURN_MAX_MS = 1_000;

export class SimulatedOfficeClock implements TurnClock {
  readonly #clocks: Clocks;
  #lastMs: number;
  #nowMs = 0;

  constructor(clocks: Clocks) {
    this.#clocks = clocks;
    this.#lastMs = clocks.monotonicUs / 1_000;
  }

  /** Milliseconds as of the last `advance`. */
  get now(): number {
    return this.#nowMs;
  }

  advance(): number {
    const readingMs = this.#clocks.monotonicUs / 1_000;
    this.#nowMs += Math.min(readingMs - this.#lastMs, TURN_MAX_MS);
    this.#lastMs = readingMs;
    return this.#nowMs;
  }

  wallMs(): number {
    return Math.floor(this.#clocks.wallUs / 1_000);
  }

  /** Milliseconds from this moment to a time of this clock. */
  until(time: number): number {
    return time - this.#nowMs - (this.#clocks.monotonicUs / 1_000 - this.#lastMs);
  }
}
