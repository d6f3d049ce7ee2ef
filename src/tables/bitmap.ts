/**
 * A set of small integers, one bit each: live rows, changed pages and occupied slots of the timer wheel are all asked
 * "which is the next one?". Hot path (native-bench/micro-tables.ts).
 *
 *     summary  bit w: word w is not 0          a sparse set of 65,536 is searched in at most 64 steps,
 *     words    bit i: index i is in the set    not in 2,048
 */
import { assert, outOfRange } from "../words/assert.js";
import { reserveWords, signedOf } from "./memory.js";

export class Bitmap {
  /** Indexes are 0 to `size - 1`. */
  readonly size: number;
  readonly #words: Int32Array; // Signed, so that V8 keeps every word as a small integer.
  readonly #summary: Int32Array;

  /** @param size how many indexes, at most 2^31 - 1; memory is used as they are set. */
  constructor(size: number) {
    assert(size >= 0 && size < 2 ** 31, "a bitmap has from 0 to 2^31 - 1 indexes");
    const wordCount = Math.ceil(size / 32);
    this.size = size;
    this.#words = signedOf(reserveWords(wordCount));
    this.#summary = new Int32Array(Math.ceil(wordCount / 32));
  }

  has(index: number): boolean {
    return ((this.#words[index >>> 5] ?? outOfRange(index)) & (1 << (index & 31))) !== 0;
  }

  /** Puts `index` in; answers false if it was there already. */
  set(index: number): boolean {
    const at = index >>> 5;
    const word = this.#words[at] ?? outOfRange(index);
    const bit = 1 << (index & 31);
    if ((word & bit) !== 0) return false;

    this.#words[at] = word | bit;
    if (word === 0) {
      const summary = this.#summary[at >>> 5] ?? outOfRange(index);
      this.#summary[at >>> 5] = summary | (1 << (at & 31));
    }
    return true;
  }

  /** Takes `index` out; answers false if it was not there. */
  clear(index: number): boolean {
    const at = index >>> 5;
    const word = this.#words[at] ?? outOfRange(index);
    const bit = 1 << (index & 31);
    if ((word & bit) === 0) return false;

    this.#words[at] = word ^ bit;
    if (word === bit) {
      const summary = this.#summary[at >>> 5] ?? outOfRange(index);
      this.#summary[at >>> 5] = summary ^ (1 << (at & 31));
    }
    return true;
  }

  /** The first index of the set in `[from, end)`, or -1. `from` is at least 0; `end` may lie beyond the size. */
  next(from: number, end: number): number {
    const bound = Math.min(end, this.size);
    if (from >= bound) return -1;

    let at = from >>> 5;
    let word = (this.#words[at] ?? outOfRange(from)) & (-1 << (from & 31));
    if (word === 0) {
      at = this.#nextWord(at + 1, (bound + 31) >>> 5);
      if (at < 0) return -1;
      word = this.#words[at] ?? outOfRange(at);
    }
    const found = at * 32 + lowestBit(word);
    return found < bound ? found : -1;
  }

  /** The first word in `[from, end)` that is not 0, or -1. */
  #nextWord(from: number, end: number): number {
    if (from >= end) return -1;

    const summaryEnd = (end + 31) >>> 5;
    let at = from >>> 5;
    let summary = (this.#summary[at] ?? outOfRange(at)) & (-1 << (from & 31));
    while (summary === 0) {
      at += 1;
      if (at >= summaryEnd) return -1;
      summary = this.#summary[at] ?? outOfRange(at);
    }
    return at * 32 + lowestBit(summary);
  }
}

function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}
