/**
 * Hands out the row numbers of a table, so that rows can be reserved at their limit and reused. Hot path
 * (native-bench/micro-tables.ts).
 *
 *     1 ........................ highest | highest + 1 ............. capacity
 *     live, or on the free list          | never taken: free without a link, so an empty pool touches no memory
 *
 * The free list is a stack: the row that was given back last is taken first, while it is still in the cache. It is
 * linked both ways because replay and recovery take rows by number.
 */
import { assert, outOfRange } from "../words/assert.js";
import { Bitmap } from "./bitmap.js";
import { reserveWords } from "./memory.js";

export class RowPool {
  /** Rows are 1 to `capacity`; 0 is no row. */
  readonly capacity: number;
  readonly #live: Bitmap;
  readonly #next: Uint32Array; // Of a free row: the one below it in the stack, or 0.
  readonly #above: Uint32Array; // Of a free row that is not on top: the one above it.
  #top = 0;
  #highest = 0;
  #liveCount = 0;

  /** @param capacity how many rows, at most 2^31 - 2; memory is used as rows are taken. */
  constructor(capacity: number) {
    this.capacity = capacity;
    this.#live = new Bitmap(capacity + 1);
    this.#next = reserveWords(capacity + 1);
    this.#above = reserveWords(capacity + 1);
  }

  /** How many rows are taken. */
  get live(): number {
    return this.#liveCount;
  }

  /** The highest row that was ever taken, or 0. */
  get highest(): number {
    return this.#highest;
  }

  isLive(row: number): boolean {
    return this.#live.has(row);
  }

  /** The first live row from `from` up, or 0: to walk a table in row order while it changes. */
  nextLive(from: number): number {
    const row = this.#live.next(from, this.#highest + 1);
    return row < 0 ? 0 : row;
  }

  /** Takes a free row; 0 if all are live. */
  take(): number {
    let row = this.#top;
    if (row !== 0) {
      this.#top = this.#next[row] ?? outOfRange(row);
    } else {
      if (this.#highest === this.capacity) return 0;
      this.#highest += 1;
      row = this.#highest;
    }
    this.#markLive(row);
    return row;
  }

  /** The row that `take` would take now; 0 if all are live. For an event that names its row before it happens. */
  peek(): number {
    if (this.#top !== 0) return this.#top;
    return this.#highest === this.capacity ? 0 : this.#highest + 1;
  }

  /** Gives a live row back. @throws BrokenInvariant if it is free: two takers would get it. */
  give(row: number): void {
    assert(this.#live.clear(row), "a row that is given back is live");
    this.#liveCount -= 1;
    this.#push(row);
  }

  /**
   * Takes that very row, as a log or a checkpoint names it. O(1), but that each row jumped over goes onto the free list
   * once. @throws BrokenInvariant if it is live or not a row of this pool.
   */
  claim(row: number): void {
    assert(row >= 1 && row <= this.capacity, "a claimed row is one of the pool's");
    if (row > this.#highest) {
      for (let gap = row - 1; gap > this.#highest; gap -= 1) this.#push(gap); // Downwards: the lowest is taken first.
      this.#highest = row;
    } else {
      assert(!this.#live.has(row), "a claimed row is free");
      this.#unlink(row);
    }
    this.#markLive(row);
  }

  #markLive(row: number): void {
    assert(this.#live.set(row), "a row on the free list is not live");
    this.#liveCount += 1;
  }

  #push(row: number): void {
    this.#next[row] = this.#top;
    if (this.#top !== 0) this.#above[this.#top] = row;
    this.#top = row;
  }

  #unlink(row: number): void {
    const next = this.#next[row] ?? outOfRange(row);
    if (row === this.#top) {
      this.#top = next; // What stands in its `above` is stale, and nobody reads that of the top.
      return;
    }
    const above = this.#above[row] ?? outOfRange(row);
    this.#next[above] = next;
    if (next !== 0) this.#above[next] = above;
  }
}
