/**
 * When which count of a path was first sent, because belief in a grant from the queue starts at the frame that the
 * server says it heard last. A ring of bounded size: counts sent within a few milliseconds share one cell, that of
 * the earliest, so what is answered is never later than the truth.
 */

/** How many cells: with the resolution below they reach back over 40 s of the densest traffic. */
const CELLS = 4096;
/** Counts sent closer together than this share a cell, in milliseconds. */
const RESOLUTION_MS = 10;

/** Counts and times of one path, both growing. */
export class Sendings {
  readonly #counts: Float64Array = new Float64Array(CELLS);
  readonly #timesMs: Float64Array = new Float64Array(CELLS);
  /** How many cells were ever written; the last is at (#written - 1) % CELLS. */
  #written = 0;
  #lastMs = 0;

  /** A new path: what an older one sent means nothing here. */
  clear(): void {
    this.#written = 0;
  }

  /** `count` is about to be sent for the first time. Times are in milliseconds and must not fall. */
  sent(count: number, nowMs: number): void {
    if (this.#written > 0 && nowMs < this.#lastMs + RESOLUTION_MS) return;
    const at = this.#written % CELLS;
    this.#counts[at] = count;
    this.#timesMs[at] = nowMs;
    this.#lastMs = nowMs;
    this.#written += 1;
  }

  /** A time not after the first sending of `count`; undefined if it is not known any more, or never was. */
  firstSentMs(count: number): number | undefined {
    let low = Math.max(0, this.#written - CELLS);
    let high = this.#written;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#counts[middle % CELLS] ?? 0) <= count) low = middle + 1;
      else high = middle;
    }
    if (low === 0 || low <= this.#written - CELLS) return undefined;
    return this.#timesMs[(low - 1) % CELLS];
  }
}
