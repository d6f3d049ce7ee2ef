/**
 * Time that stands still until a test moves it, so that no slow machine and no breakpoint changes how the test ends. One
 * for a server and all its clients: none of them sees another's clock run away.
 */
import type { Readings, TimeFollower, TimeSource } from "../client/clock.js";

/** A clock that a test moves. */
export class TestTime implements TimeSource {
  readonly #followers: Set<TimeFollower> = new Set();
  #nowMs = 0;

  /** Milliseconds, as a monotonic clock counts them. */
  readonly nowMs = (): number => this.#nowMs;

  /** What the machine's clocks would say. */
  read(): Readings {
    return { monotonicMs: this.#nowMs, bootMs: this.#nowMs, wallMs: this.#nowMs };
  }

  follow(follower: TimeFollower): () => void {
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }

  /** By how much it may be moved at once, in milliseconds, for all who follow it. */
  stepMaxMs(): number {
    return Math.min(...[...this.#followers].map((follower) => follower.lookEveryMs()));
  }

  /** Moves it by so many milliseconds, and lets clients do what is due. @returns whether one has sent anything */
  move(ms: number): boolean {
    this.#nowMs += ms;
    return [...this.#followers].map((follower) => follower.moved()).includes(true);
  }
}
