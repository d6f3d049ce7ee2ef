/**
 * The resources that somebody holds or waits for, by name: a row each. A resource with no claim has no row. Claims hang
 * in three lists of their resource: holders, waiters in FIFO order, and lock-delays. Hot path: `make micro`.
 *
 *     row   32 bytes, in words of 4: 0 first holder | 1 size of the name, if it is here, and whether there is more
 *           2 to 7 the name, or in 2 where it is
 *     more  32 bytes, untouched for a resource that one claim holds and nobody waits for:
 *           0 permits | 1 holders | 2 first waiter | 3 last waiter | 4 waiters | 5 first delay | 0 | 0
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
const NAME_HERE_MAX = 24;
const NAME_AT = 8;
const ROW_SIZE = 32;
/** Beside the size of the name: the row of `more` counts. */
const HAS_MORE = 256;
const SIZE_MASK = HAS_MORE - 1;

const MORE_PERMITS = 0;
const MORE_HOLDERS = 1;
const MORE_FIRST_WAITER = 2;
const MORE_LAST_WAITER = 3;
const MORE_WAITERS = 4;
const MORE_FIRST_DELAY = 5;

export class Resources {
  readonly #pool: RowPool;
  readonly #index: HashIndex;
  readonly #hash: KeyedHash;
  readonly #names: Names;
  readonly #words: Uint32Array;
  readonly #rows: Bytes;
  readonly #more: Uint32Array;

  constructor(capacity: number, hash: KeyedHash) {
    const size = capacity + 1;
    this.#pool = new RowPool(capacity);
    this.#index = new HashIndex(capacity);
    this.#hash = hash;
    this.#names = new Names({ bytesMax: Math.min(2 ** 34 - 2 ** 12, capacity * 1040 + 2 ** 20) });
    this.#words = reserveWords(size * 8);
    this.#rows = viewOf(this.#words);
    this.#more = reserveWords(size * 8);
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
    this.#words[row * 8] = 0;
    this.#putName(row, bytes, start, end);
    this.#index.insert(row, hash);
    return resourceRow(row);
  }

  #putName(row: number, bytes: Bytes, start: number, end: number): void {
    const size = end - start;
    if (size > NAME_HERE_MAX) {
      const name = this.#names.put(bytes.bytes, start, end);
      assert(name !== 0, "the arena of names has room for every row of its table");
      this.#words[row * 8 + 1] = 0;
      this.#words[row * 8 + 2] = name;
      return;
    }
    this.#words[row * 8 + 1] = size;
    copyBytes(bytes, start, end, this.#rows, row * ROW_SIZE + NAME_AT);
  }

  /** Whether a row has this name. Where it has it itself, words are compared, and at the end up to three bytes. */
  #isNamed(row: number, bytes: Bytes, start: number, end: number): boolean {
    const size = this.#sizeHere(row);
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
    if (this.#sizeHere(row) === 0) this.#names.free(this.#name(row));
    this.#pool.give(row);
  }

  #name(row: number): number {
    return this.#words[row * 8 + 2] ?? outOfRange(row);
  }
  /** 0: the name lies elsewhere. */
  #sizeHere(row: number): number {
    return (this.#words[row * 8 + 1] ?? outOfRange(row)) & SIZE_MASK;
  }
  #hasMore(row: number): boolean {
    return ((this.#words[row * 8 + 1] ?? outOfRange(row)) & HAS_MORE) !== 0;
  }
  #moreOf(row: number, word: number): number {
    return this.#hasMore(row) ? (this.#more[row * 8 + word] ?? outOfRange(row)) : 0;
  }
  #setMore(row: number, word: number, value: number): void {
    if (!this.#hasMore(row)) {
      if (value === 0) return;
      this.#beginMore(row);
    }
    this.#more[row * 8 + word] = value;
  }
  #beginMore(row: number): void {
    const holders = this.holders(row);
    this.#words[row * 8 + 1] = this.#sizeHere(row) | HAS_MORE;
    this.#more.fill(0, row * 8, row * 8 + 8);
    this.#more[row * 8 + MORE_HOLDERS] = holders;
  }
  /** N of the permit use; 0 is exclusive/shared use. */
  permits(row: number): number {
    return this.#moreOf(row, MORE_PERMITS);
  }
  setPermits(row: number, value: number): void {
    this.#setMore(row, MORE_PERMITS, value);
  }
  firstHolder(row: number): number {
    return this.#words[row * 8] ?? outOfRange(row);
  }
  setFirstHolder(row: number, value: number): void {
    this.#words[row * 8] = value;
  }
  /** How many hold it. Where there is no more about the resource, that is one if somebody is the first. */
  holders(row: number): number {
    if (this.#hasMore(row)) return this.#more[row * 8 + MORE_HOLDERS] ?? outOfRange(row);
    return this.firstHolder(row) === 0 ? 0 : 1;
  }
  setHolders(row: number, value: number): void {
    if (value > 1 || this.#hasMore(row)) this.#setMore(row, MORE_HOLDERS, value);
  }
  firstWaiter(row: number): number {
    return this.#moreOf(row, MORE_FIRST_WAITER);
  }
  setFirstWaiter(row: number, value: number): void {
    this.#setMore(row, MORE_FIRST_WAITER, value);
  }
  lastWaiter(row: number): number {
    return this.#moreOf(row, MORE_LAST_WAITER);
  }
  setLastWaiter(row: number, value: number): void {
    this.#setMore(row, MORE_LAST_WAITER, value);
  }
  waiters(row: number): number {
    return this.#moreOf(row, MORE_WAITERS);
  }
  setWaiters(row: number, value: number): void {
    this.#setMore(row, MORE_WAITERS, value);
  }
  firstDelay(row: number): number {
    return this.#moreOf(row, MORE_FIRST_DELAY);
  }
  setFirstDelay(row: number, value: number): void {
    this.#setMore(row, MORE_FIRST_DELAY, value);
  }
  nameSize(row: ResourceRow): number {
    const size = this.#sizeHere(row);
    return size === 0 ? this.#names.size(this.#name(row)) : size;
  }
  /** Copies the name to `target` at `at` and answers its size. */
  copyName(row: ResourceRow, target: Bytes, at: number): number {
    const size = this.#sizeHere(row);
    if (size === 0) return this.#names.copyTo(this.#name(row), target.bytes, at);
    const start = row * ROW_SIZE + NAME_AT;
    copyBytes(this.#rows, start, start + size, target, at);
    return size;
  }
}
