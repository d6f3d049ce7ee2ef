/**
 * The resources that somebody holds or waits for, by name: one row each, one column for each field. A resource with no
 * claim has no row. Claims hang in three lists of their resource: holders, waiters in FIFO order, and lock-delays.
 * Hot path: `make micro`. Columns that an uncontended lock does not need stay untouched and so cost no memory.
 */
import { assert, outOfRange } from "../words/assert.js";
import { type ResourceRow, resourceRow } from "../words/ids.js";
import { HashIndex } from "../tables/hash-index.js";
import type { KeyedHash } from "../tables/keyed-hash.js";
import { Names } from "../tables/names.js";
import { RowPool } from "../tables/row-pool.js";
import { reserveWords } from "../tables/memory.js";

export class Resources {
  readonly #pool: RowPool;
  readonly #index: HashIndex;
  readonly #hash: KeyedHash;
  readonly #names: Names;
  // Eight words a row: name, permits, first holder, holders, first waiter, last waiter, waiters, first delay.
  readonly #words: Uint32Array;

  constructor(capacity: number, hash: KeyedHash) {
    const size = capacity + 1;
    this.#pool = new RowPool(capacity);
    this.#index = new HashIndex(capacity);
    this.#hash = hash;
    this.#names = new Names({ bytesMax: Math.min(2 ** 34, capacity * 1040 + 2 ** 20) });
    this.#words = reserveWords(size * 8);
  }

  /** Resources that somebody holds, waits for or delays. */
  get size(): number {
    return this.#pool.live;
  }
  /** Hash of a name, for `find` and `add`. */
  hash(bytes: Uint8Array, start: number, end: number): number {
    return this.#hash.hash(bytes, start, end);
  }

  /** The row of a name; 0 if nobody holds it or waits for it. */
  find(hash: number, bytes: Uint8Array, start: number, end: number): ResourceRow {
    for (let row = this.#index.first(hash); row !== 0; row = this.#index.next(row)) {
      if (this.#names.equals(this.#name(row), bytes, start, end)) return resourceRow(row);
    }
    return resourceRow(0);
  }

  /** A new row for a name that has none, with no claims; 0 when the table is full. */
  add(hash: number, bytes: Uint8Array, start: number, end: number): ResourceRow {
    const row = this.#pool.take();
    if (row === 0) return resourceRow(0);
    const name = this.#names.put(bytes, start, end);
    assert(name !== 0, "the arena of names has room for every row of its table");
    const at = row * 8;
    this.#words.fill(0, at + 1, at + 8);
    this.#words[at] = name;
    this.#index.insert(row, hash);
    return resourceRow(row);
  }

  /** Frees the row if no claim is left. */
  freeIfIdle(row: ResourceRow): void {
    if (this.firstHolder(row) !== 0 || this.firstWaiter(row) !== 0 || this.firstDelay(row) !== 0) return;
    this.#index.remove(row);
    this.#names.free(this.#name(row));
    this.#pool.give(row);
  }

  #name(row: number): number {
    return this.#words[row * 8] ?? outOfRange(row);
  }
  /** N of the permit use; 0 is exclusive/shared use. */
  permits(row: number): number {
    return this.#words[row * 8 + 1] ?? outOfRange(row);
  }
  setPermits(row: number, value: number): void {
    this.#words[row * 8 + 1] = value;
  }
  firstHolder(row: number): number {
    return this.#words[row * 8 + 2] ?? outOfRange(row);
  }
  setFirstHolder(row: number, value: number): void {
    this.#words[row * 8 + 2] = value;
  }
  holders(row: number): number {
    return this.#words[row * 8 + 3] ?? outOfRange(row);
  }
  setHolders(row: number, value: number): void {
    this.#words[row * 8 + 3] = value;
  }
  firstWaiter(row: number): number {
    return this.#words[row * 8 + 4] ?? outOfRange(row);
  }
  setFirstWaiter(row: number, value: number): void {
    this.#words[row * 8 + 4] = value;
  }
  lastWaiter(row: number): number {
    return this.#words[row * 8 + 5] ?? outOfRange(row);
  }
  setLastWaiter(row: number, value: number): void {
    this.#words[row * 8 + 5] = value;
  }
  waiters(row: number): number {
    return this.#words[row * 8 + 6] ?? outOfRange(row);
  }
  setWaiters(row: number, value: number): void {
    this.#words[row * 8 + 6] = value;
  }
  firstDelay(row: number): number {
    return this.#words[row * 8 + 7] ?? outOfRange(row);
  }
  setFirstDelay(row: number, value: number): void {
    this.#words[row * 8 + 7] = value;
  }
  nameSize(row: ResourceRow): number {
    return this.#names.size(this.#name(row));
  }
  copyName(row: ResourceRow, target: Uint8Array, at: number): number {
    return this.#names.copyTo(this.#name(row), target, at);
  }
}
