/**
 * Finds rows by hash. Linear hashing (Litwin, 1980): the table grows and shrinks by a bucket or two at a time, so
 * no operation ever waits for a rebuild. Hot path (native-bench/micro-tables.ts).
 *
 *     heads    by bucket: its first row. Buckets 0 to bucketCount - 1 are in use and buckets come into use from the
 *              lowest up, so the column can be reserved at its limit like any other
 *     links    by row, two cells side by side (one cache line): the next row of the bucket | the hash
 *
 *     0 ........ split | split ........ half | half ........ half + split = bucketCount
 *     low bits + 1     | low bits            | low bits + 1                     (half: a power of two)
 *
 * A bucket is the low bits of the hash: one more of them where it has been split. It grows at one row for each bucket
 * and shrinks at half a row, so an acquire and release in turn split and merge nothing.
 */
import { assert, outOfRange } from "../words/assert.js";
import { reserveWords } from "./memory.js";

const BUCKETS_MIN = 8;

/** An index from hashes to rows. Rows with equal hashes are told apart by the caller, who has their keys. */
export class HashIndex {
  readonly #heads: Uint32Array;
  readonly #links: Uint32Array;
  #bucketCount = BUCKETS_MIN;
  #mask = BUCKETS_MIN * 2 - 1; // The low bits of a bucket that has been split.
  #size = 0;

  /** @param rowCapacity rows are 1 to this, at most 2^30; memory is used as they are inserted. */
  constructor(rowCapacity: number) {
    assert(rowCapacity >= 0 && rowCapacity <= 2 ** 30, "an index has at most 2^30 rows");
    this.#heads = reserveWords(Math.max(rowCapacity, BUCKETS_MIN) + 1);
    this.#links = reserveWords((rowCapacity + 1) * 2);
  }

  /** How many rows are in the index. */
  get size(): number {
    return this.#size;
  }

  /** How many buckets are in use, for tests and figures. */
  get bucketCount(): number {
    return this.#bucketCount;
  }

  /** The first row with this hash (32 bits, signed or not), or 0. */
  first(hash: number): number {
    const bucket = this.#bucketOf(hash);
    return this.#match(this.#heads[bucket] ?? outOfRange(bucket), hash);
  }

  /** The next row after `row` with the same hash, or 0. */
  next(row: number): number {
    const hash = this.#links[row * 2 + 1] ?? outOfRange(row);
    return this.#match(this.#links[row * 2] ?? outOfRange(row), hash);
  }

  /** Puts `row` in under `hash` (32 bits, signed or not). The row must not be in. */
  insert(row: number, hash: number): void {
    assert(row > 0, "row 0 is no row");
    const bucket = this.#bucketOf(hash);
    this.#links[row * 2] = this.#heads[bucket] ?? outOfRange(bucket);
    this.#links[row * 2 + 1] = hash;
    this.#heads[bucket] = row;
    this.#size += 1;
    if (this.#size > this.#bucketCount) this.#split();
  }

  /** Takes `row` out. @throws BrokenInvariant if it is not in. */
  remove(row: number): void {
    const bucket = this.#bucketOf(this.#links[row * 2 + 1] ?? outOfRange(row));
    const next = this.#links[row * 2] ?? outOfRange(row);
    let at = this.#heads[bucket] ?? outOfRange(bucket);
    if (at === row) {
      this.#heads[bucket] = next;
    } else {
      let before = at;
      while (at !== row) {
        assert(at !== 0, "a row that is removed from an index is in it");
        before = at;
        at = this.#links[at * 2] ?? outOfRange(at);
      }
      this.#links[before * 2] = next;
    }
    this.#size -= 1;
    // Two for each row, else it would keep half as many buckets as there ever were rows.
    if (this.#size * 2 < this.#bucketCount && this.#bucketCount > BUCKETS_MIN) this.#merge();
    if (this.#size * 2 < this.#bucketCount && this.#bucketCount > BUCKETS_MIN) this.#merge();
  }

  #bucketOf(hash: number): number {
    const bucket = hash & this.#mask;
    return bucket < this.#bucketCount ? bucket : bucket & (this.#mask >>> 1);
  }

  /** The first row from `from` on in its bucket whose hash is this one, or 0. */
  #match(from: number, hash: number): number {
    const wanted = hash | 0;
    let row = from;
    while (row !== 0 && ((this.#links[row * 2 + 1] ?? outOfRange(row)) | 0) !== wanted) {
      row = this.#links[row * 2] ?? outOfRange(row);
    }
    return row;
  }

  /** Brings the next bucket into use: it takes its rows out of the one with the same low bits. */
  #split(): void {
    if (this.#bucketCount > this.#mask) this.#mask = this.#mask * 2 + 1; // All have been split: a new round.
    const made = this.#bucketCount;
    const source = made & (this.#mask >>> 1);
    this.#bucketCount += 1;

    let row = this.#heads[source] ?? outOfRange(source);
    let kept = 0;
    let moved = 0;
    while (row !== 0) {
      const next = this.#links[row * 2] ?? outOfRange(row);
      if (((this.#links[row * 2 + 1] ?? outOfRange(row)) & this.#mask) === made) {
        this.#links[row * 2] = moved;
        moved = row;
      } else {
        this.#links[row * 2] = kept;
        kept = row;
      }
      row = next;
    }
    this.#heads[source] = kept;
    this.#heads[made] = moved;
  }

  /** Takes the last bucket out of use: its rows go back to the one with the same low bits. */
  #merge(): void {
    const gone = this.#bucketCount - 1;
    if (gone <= this.#mask >>> 1) this.#mask >>>= 1;
    const target = gone & (this.#mask >>> 1);
    this.#bucketCount = gone;

    const first = this.#heads[gone] ?? outOfRange(gone);
    if (first === 0) return;
    let last = first;
    for (let row = first; row !== 0; row = this.#links[row * 2] ?? outOfRange(row)) last = row;
    this.#links[last * 2] = this.#heads[target] ?? outOfRange(target);
    this.#heads[target] = first;
    this.#heads[gone] = 0;
  }
}
