/**
 * The resources that somebody holds or waits for, by name: a row each. A resource with no claim has no row. Claims hang
 * in three lists of their resource: holders, waiters in FIFO order, and lock-delays. Hot path: `make micro`.
 *
 *     row = 64 bytes, one cache line, in words of 4:
 *     0 name elsewhere | 1 permits | 2 first holder | 3 holders | 4 first waiter | 5 last waiter | 6 waiters
 *     7 first delay | 8 size of the name, if it is here | 9 to 15 the name, filled up with zeros
 */
import { assert, outOfRange } from "../words/assert.js";
import { type ResourceRow, resourceRow } from "../words/ids.js";
import { type Bytes, copyBytes } from "../tables/byte-buffer.js";
import { HashIndex } from "../tables/hash-index.js";
import type { KeyedHash } from "../tables/keyed-hash.js";
import { Names } from "../tables/names.js";
import { RowPool } from "../tables/row-pool.js";
import { reserveWords, viewOf } from "../tables/memory.js";

/** A longer name lies among the others of its kind (tables/names.ts). */
const NAME_HERE_MAX = 28;
const NAME_AT = 36;
const ROW_SIZE = 64;

export class Resources {
  readonly #pool: RowPool;
  readonly #index: HashIndex;
  readonly #hash: KeyedHash;
  readonly #names: Names;
  readonly #words: Uint32Array;
  readonly #rows: Bytes;

  constructor(capacity: number, hash: KeyedHash) {
    const size = capacity + 1;
    this.#pool = new RowPool(capacity);
    this.#index = new HashIndex(capacity);
    this.#hash = hash;
    this.#names = new Names({ bytesMax: Math.min(2 ** 34, capacity * 1040 + 2 ** 20) });
    this.#words = reserveWords(size * 16);
    this.#rows = viewOf(this.#words);
  }

  /** Resources that somebody holds, waits for or delays. */
  get size(): number {
    return this.#pool.live;
  }
  /** Hash of a name, for `find` and `add`. */
  hash(bytes: Bytes, start: number, end: number): number {
    return this.#hash.hash(bytes, start, end);
  }

  /** The row of a name; 0 if nobody holds it or waits for it. */
  find(hash: number, bytes: Bytes, start: number, end: number): ResourceRow {
    for (let row = this.#index.first(hash); row !== 0; row = this.#index.next(row)) {
      if (this.#isNamed(row, bytes, start, end)) return resourceRow(row);
    }
    return resourceRow(0);
  }

  /** A new row for a name that has none, with no claims; 0 when the table is full. */
  add(hash: number, bytes: Bytes, start: number, end: number): ResourceRow {
    const row = this.#pool.take();
    if (row === 0) return resourceRow(0);
    const words = this.#words;
    const at = row * 16;
    for (let word = at; word < at + 8; word++) words[word] = 0;
    this.#putName(row, bytes, start, end);
    this.#index.insert(row, hash);
    return resourceRow(row);
  }

  #putName(row: number, bytes: Bytes, start: number, end: number): void {
    const words = this.#words;
    const at = row * 16;
    const size = end - start;
    if (size > NAME_HERE_MAX) {
      const name = this.#names.put(bytes.bytes, start, end);
      assert(name !== 0, "the arena of names has room for every row of its table");
      words[at] = name;
      words[at + 8] = 0;
      return;
    }
    words[at + 8] = size;
    words[at + 9 + ((size - 1) >>> 2)] = 0; // The word that the name may not fill.
    copyBytes(bytes, start, end, this.#rows, row * ROW_SIZE + NAME_AT);
  }

  /** Whether a row has this name. Where it has it itself, words are compared, and at the end up to three bytes. */
  #isNamed(row: number, bytes: Bytes, start: number, end: number): boolean {
    const size = this.#words[row * 16 + 8] ?? outOfRange(row);
    if (size === 0) return this.#names.equals(this.#name(row), bytes.bytes, start, end);
    if (size !== end - start) return false;
    const theirs = bytes.view;
    const ours = this.#rows.view;
    let at = row * ROW_SIZE + NAME_AT;
    let from = start;
    for (const whole = end - 3; from < whole; from += 4, at += 4) {
      if (ours.getInt32(at) !== theirs.getInt32(from)) return false;
    }
    for (; from < end; from++, at++) if (ours.getUint8(at) !== theirs.getUint8(from)) return false;
    return true;
  }

  /** Frees the row if no claim is left. */
  freeIfIdle(row: ResourceRow): void {
    if (this.firstHolder(row) !== 0 || this.firstWaiter(row) !== 0 || this.firstDelay(row) !== 0) return;
    this.#index.remove(row);
    const name = this.#name(row);
    if (name !== 0) this.#names.free(name);
    this.#pool.give(row);
  }

  #name(row: number): number {
    return this.#words[row * 16] ?? outOfRange(row);
  }
  /** N of the permit use; 0 is exclusive/shared use. */
  permits(row: number): number {
    return this.#words[row * 16 + 1] ?? outOfRange(row);
  }
  setPermits(row: number, value: number): void {
    this.#words[row * 16 + 1] = value;
  }
  firstHolder(row: number): number {
    return this.#words[row * 16 + 2] ?? outOfRange(row);
  }
  setFirstHolder(row: number, value: number): void {
    this.#words[row * 16 + 2] = value;
  }
  holders(row: number): number {
    return this.#words[row * 16 + 3] ?? outOfRange(row);
  }
  setHolders(row: number, value: number): void {
    this.#words[row * 16 + 3] = value;
  }
  firstWaiter(row: number): number {
    return this.#words[row * 16 + 4] ?? outOfRange(row);
  }
  setFirstWaiter(row: number, value: number): void {
    this.#words[row * 16 + 4] = value;
  }
  lastWaiter(row: number): number {
    return this.#words[row * 16 + 5] ?? outOfRange(row);
  }
  setLastWaiter(row: number, value: number): void {
    this.#words[row * 16 + 5] = value;
  }
  waiters(row: number): number {
    return this.#words[row * 16 + 6] ?? outOfRange(row);
  }
  setWaiters(row: number, value: number): void {
    this.#words[row * 16 + 6] = value;
  }
  firstDelay(row: number): number {
    return this.#words[row * 16 + 7] ?? outOfRange(row);
  }
  setFirstDelay(row: number, value: number): void {
    this.#words[row * 16 + 7] = value;
  }
  nameSize(row: ResourceRow): number {
    const size = this.#words[row * 16 + 8] ?? outOfRange(row);
    return size === 0 ? this.#names.size(this.#name(row)) : size;
  }
  /** Copies the name to `target` at `at` and answers its size. */
  copyName(row: ResourceRow, target: Bytes, at: number): number {
    const size = this.#words[row * 16 + 8] ?? outOfRange(row);
    if (size === 0) return this.#names.copyTo(this.#name(row), target.bytes, at);
    const start = row * ROW_SIZE + NAME_AT;
    copyBytes(this.#rows, start, start + size, target, at);
    return size;
  }
}
