/**
 * The three clocks of one machine, and what can be wrong with them: a monotonic clock that runs a little fast or slow and
 * stands still while the machine is suspended, a boot clock that goes on then, a wall clock that jumps. While a whole
 * virtual machine is paused, all of them stand.
 */
import { assert } from "../../../src/words/assert.js";
import type { World } from "./world.js";

const PPM = 1e-6;

/** What the clocks of one machine say, in its own microseconds. */
export class Clocks {
  readonly #world: World;
  #rate: number;
  // What the clocks said at true time `#baseUs`, when something last changed about them.
  #baseUs = 0;
  #monotonicUs: number;
  #bootUs: number;
  #wallUs: number;
  #isSuspended = false;
  #isPaused = false;

  /**
   * @param driftPpm how much faster than true time all three run, in millionths; the bound is 500
   * @param uptimeUs what the monotonic and the boot clock say at the beginning
   * @param wallUs what the wall clock says at the beginning
   */
  constructor(world: World, start: { driftPpm: number; uptimeUs: number; wallUs: number }) {
    this.#world = world;
    this.#rate = rateOf(start.driftPpm);
    this.#monotonicUs = start.uptimeUs;
    this.#bootUs = start.uptimeUs;
    this.#wallUs = start.wallUs;
    this.#baseUs = world.nowUs;
  }

  /** Stands while the machine is suspended or paused. */
  get monotonicUs(): number {
    return Math.floor(this.#monotonicUs + (this.#isStanding ? 0 : this.#elapsed));
  }

  /** Time since the machine's start, suspensions included. */
  get bootUs(): number {
    return Math.floor(this.#bootUs + (this.#isPaused ? 0 : this.#elapsed));
  }

  /** Since 1970; it may jump either way. */
  get wallUs(): number {
    return Math.floor(this.#wallUs + (this.#isPaused ? 0 : this.#elapsed));
  }

  /** The true time at which the monotonic clock will say `monotonicUs`, as it runs now; Infinity while it stands. */
  trueTimeOf(monotonicUs: number): number {
    if (this.#isStanding) return Number.POSITIVE_INFINITY;
    const leftUs = monotonicUs - this.#monotonicUs;
    const timeUs = Math.ceil(this.#baseUs + leftUs / this.#rate);
    return Math.max(this.#world.nowUs, timeUs);
  }

  /** Whether the monotonic clock stands. */
  get #isStanding(): boolean {
    return this.#isSuspended || this.#isPaused;
  }

  /** Changes the rate; what the clocks say goes on without a jump. */
  setDrift(driftPpm: number): void {
    this.#rebase();
    this.#rate = rateOf(driftPpm);
  }

  /** Moves the wall clock, forward or back. */
  jumpWall(byUs: number): void {
    this.#wallUs += byUs;
  }

  /** The machine sleeps: the monotonic clock stands, boot and wall clock go on. */
  suspend(): void {
    this.#rebase();
    this.#isSuspended = true;
  }

  /** The machine wakes. */
  resume(): void {
    this.#rebase();
    this.#isSuspended = false;
  }

  /** The virtual machine is stopped from outside: every clock of it stands. */
  pause(): void {
    this.#rebase();
    this.#isPaused = true;
  }

  /** The virtual machine goes on, and knows nothing of it. */
  unpause(): void {
    this.#rebase();
    this.#isPaused = false;
  }

  /** A new start of the machine: monotonic and boot clock begin anew, and it is neither suspended nor paused. */
  restart(): void {
    this.#rebase();
    this.#monotonicUs = 0;
    this.#bootUs = 0;
    this.#isSuspended = false;
    this.#isPaused = false;
  }

  get #elapsed(): number {
    return (this.#world.nowUs - this.#baseUs) * this.#rate;
  }

  #rebase(): void {
    const elapsed = this.#elapsed;
    if (!this.#isStanding) this.#monotonicUs += elapsed;
    if (!this.#isPaused) {
      this.#bootUs += elapsed;
      this.#wallUs += elapsed;
    }
    this.#baseUs = this.#world.nowUs;
  }
}

function rateOf(driftPpm: number): number {
  assert(Math.abs(driftPpm) < 500_000, "a clock runs at half to twice the true speed at the most");
  return 1 + driftPpm * PPM;
}
