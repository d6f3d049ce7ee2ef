/**
 * What the shard has answered to requests that had an effect, kept until the client has seen it, so that a lost answer
 * can be given again and nothing is done twice. A list for each session, oldest first. Hot path: `make micro`.
 */
import { outOfRange } from "../words/assert.js";
import { RowPool } from "../tables/row-pool.js";
import { doublesOf, reserveWords } from "../tables/memory.js";

export class Outcomes {
  readonly #pool: RowPool;
  // One row after the other, all fields of a row side by side: a row costs one or two cache lines, not one a field.
  readonly #words: Uint32Array;
  readonly #doubles: Float64Array;

  constructor(capacity: number) {
    const size = capacity + 1;
    this.#pool = new RowPool(capacity);
    this.#words = reserveWords(size * 8);
    this.#doubles = doublesOf(this.#words);
  }

  get capacity(): number {
    return this.#pool.capacity;
  }
  get live(): number {
    return this.#pool.live;
  }
  /** A row for one more outcome, in no list; 0 when the table is full. */
  take(): number {
    return this.#pool.take();
  }
  /** Frees the row and returns the one behind it. */
  free(row: number): number {
    const next = this.next(row);
    this.setNext(row, 0);
    this.#pool.give(row);
    return next;
  }
  requestId(row: number): number {
    return this.#doubles[row * 4] ?? outOfRange(row);
  }
  setRequestId(row: number, value: number): void {
    this.#doubles[row * 4] = value;
  }
  /** What PROTOCOL.md §5 calls its value. */
  value(row: number): number {
    return this.#doubles[row * 4 + 1] ?? outOfRange(row);
  }
  setValue(row: number, value: number): void {
    this.#doubles[row * 4 + 1] = value;
  }
  requestHash(row: number): number {
    return this.#words[row * 8 + 4] ?? outOfRange(row);
  }
  setRequestHash(row: number, value: number): void {
    this.#words[row * 8 + 4] = value;
  }
  /** Kind of the answer (words/kinds.ts). */
  kind(row: number): number {
    return this.#words[row * 8 + 5] ?? outOfRange(row);
  }
  setKind(row: number, value: number): void {
    this.#words[row * 8 + 5] = value;
  }
  next(row: number): number {
    return this.#words[row * 8 + 6] ?? outOfRange(row);
  }
  setNext(row: number, value: number): void {
    this.#words[row * 8 + 6] = value;
  }
}
