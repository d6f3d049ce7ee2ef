/**
 * Random operations on the tables together, as the engine uses them: names in an arena, rows from a pool, an index over
 * the names, a deadline for each row. Beside them stand a plain Map and a sorted list, and both must say the same after
 * each operation, and as a whole after each growth. From four rows up, so that every edge is met often.
 */
import assert from "node:assert/strict";
import { HashIndex } from "../../src/tables/hash-index.js";
import { Names } from "../../src/tables/names.js";
import { RowPool } from "../../src/tables/row-pool.js";
import { TimerWheel } from "../../src/tables/timer-wheel.js";
import { Random } from "./random.js";

/** Up to so many rows all are compared at each growth by a bucket; above, at each doubling. */
const ALL_COMPARED_MAX = 256;
const HOUR_MS = 3_600_000;
const CAPACITIES: readonly number[] = [4, 8, 16, 64, 256, 1_024, 16_384];

const encoder = new TextEncoder();

/** The tables of one kind of resource, found by name. */
class NamedRows {
  readonly #names: Names;
  readonly #refs: Map<number, number> = new Map<number, number>(); // The engine has a column for it.
  readonly index: HashIndex;
  readonly pool: RowPool;
  readonly #hashMask: number;

  /** @param hashMask few bits make long chains */
  constructor(capacity: number, hashMask: number) {
    this.#names = new Names({ bytesMax: 2 ** 24 });
    this.index = new HashIndex(capacity);
    this.pool = new RowPool(capacity);
    this.#hashMask = hashMask;
  }

  /** The row of a name; 0: none. */
  find(name: string): number {
    const bytes = encoder.encode(name);
    for (let row = this.index.first(this.#hash(bytes)); row !== 0; row = this.index.next(row)) {
      if (this.#names.equals(this.#refs.get(row) ?? 0, bytes, 0, bytes.length)) return row;
    }
    return 0;
  }

  /** A row for a name that has none; 0: all are in use. */
  add(name: string): number {
    const row = this.pool.take();
    if (row === 0) return 0;
    const bytes = encoder.encode(name);
    this.#refs.set(row, this.#names.put(bytes, 0, bytes.length));
    this.index.insert(row, this.#hash(bytes));
    return row;
  }

  remove(row: number): void {
    this.index.remove(row);
    this.#names.free(this.#refs.get(row) ?? 0);
    this.#refs.delete(row);
    this.pool.give(row);
  }

  #hash(bytes: Uint8Array): number {
    let hash = 0x811c9dc5;
    for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193); // FNV-1a: any hash will do for an index.
    return hash & this.#hashMask;
  }
}

/** Deadlines, the latest first. */
class SortedList {
  readonly #deadlines: Map<number, number> = new Map<number, number>();
  readonly #sorted: { readonly row: number; readonly deadline: number }[] = [];

  get size(): number {
    return this.#deadlines.size;
  }

  has(row: number): boolean {
    return this.#deadlines.has(row);
  }

  set(row: number, deadline: number): void {
    this.delete(row);
    this.#deadlines.set(row, deadline);
    this.#sorted.splice(this.#placeOf(deadline), 0, { row, deadline });
  }

  delete(row: number): void {
    const deadline = this.#deadlines.get(row);
    if (deadline === undefined) return;
    this.#deadlines.delete(row);
    let at = this.#placeOf(deadline);
    while (this.#sorted[at]?.row !== row) at++;
    this.#sorted.splice(at, 1);
  }

  /** Infinite: none. */
  get earliest(): number {
    return this.#sorted.at(-1)?.deadline ?? Number.POSITIVE_INFINITY;
  }

  /** Rows that are due, which leave the list. */
  takeDue(now: number): Set<number> {
    const due = new Set<number>();
    for (let last = this.#sorted.at(-1); last !== undefined && last.deadline <= now; last = this.#sorted.at(-1)) {
      this.#sorted.pop();
      this.#deadlines.delete(last.row);
      due.add(last.row);
    }
    return due;
  }

  /** Where the first stands that is not later. */
  #placeOf(deadline: number): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#sorted[middle]?.deadline ?? 0) > deadline) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** One table of each kind with its model, at one capacity. */
class Trial {
  readonly #random: Random;
  readonly #capacity: number;
  readonly #rows: NamedRows;
  readonly #map: Map<string, number> = new Map<string, number>();
  readonly #wheel: TimerWheel;
  readonly #list: SortedList = new SortedList();
  readonly #nameOf: Map<number, string> = new Map<number, string>();
  #now: number;
  #comparedAt = 0;

  constructor(random: Random, capacity: number) {
    this.#random = random;
    this.#capacity = capacity;
    this.#rows = new NamedRows(capacity, random.pick([-1, -1, 2 ** 20 - 1, capacity <= 256 ? 7 : -1]));
    this.#now = random.pick([0, 0.7, 32_767.5, 2 ** 33]);
    this.#wheel = new TimerWheel(capacity, this.#now);
  }

  run(operations: number): void {
    for (let operation = 0; operation < operations; operation++) {
      const isGrowing = Math.floor(operation / (this.#capacity * 4)) % 2 === 0; // Fills up, empties, and again.
      this.#operate(isGrowing);
      this.#compareAfterGrowth();
    }
    this.#compareAll();
    this.#goOn(1_000 * HOUR_MS);
    this.#compareAll();
  }

  #operate(isGrowing: boolean): void {
    const random = this.#random;
    const name = `type:${random.below(this.#capacity * 2)}`;
    const row = this.#rows.find(name);
    assert.equal(row, this.#map.get(name) ?? 0, `the row of ${name}`);
    const choice = random.below(10);
    if (choice === 0) this.#goOn(random.pick([0, 0.1, 1, random.below(500), random.below(40_000)]));
    else if (row === 0 && (isGrowing || choice < 3)) this.#add(name);
    else if (row !== 0 && (!isGrowing || choice < 3)) this.#end(row);
    else if (row !== 0) this.#move(row);
  }

  #add(name: string): void {
    const row = this.#rows.add(name);
    assert.equal(row === 0, this.#map.size === this.#capacity, "a row is refused only when all are in use");
    if (row === 0) return;
    assert.ok(!this.#nameOf.has(row), "a row is not taken twice");
    this.#map.set(name, row);
    this.#nameOf.set(row, name);
    const deadline = this.#now + this.#delay();
    this.#wheel.arm(row, deadline);
    this.#list.set(row, deadline);
  }

  #move(row: number): void {
    const deadline = this.#now + this.#delay();
    this.#wheel.move(row, deadline);
    this.#list.set(row, deadline);
    assert.equal(this.#wheel.deadline(row), deadline);
  }

  #end(row: number): void {
    this.#wheel.cancel(row);
    this.#list.delete(row);
    this.#forget(row);
  }

  #forget(row: number): void {
    const name = this.#nameOf.get(row);
    assert.ok(name !== undefined);
    this.#rows.remove(row);
    this.#map.delete(name);
    this.#nameOf.delete(row);
  }

  /** Time passes, and what is due goes. */
  #goOn(milliseconds: number): void {
    assert.ok(this.#wheel.nextDueBound() <= this.#list.earliest, "the bound is never later than the next deadline");
    this.#now += milliseconds;
    const due = this.#list.takeDue(this.#now);
    for (let row = this.#wheel.takeDue(this.#now); row !== 0; row = this.#wheel.takeDue(this.#now)) {
      assert.ok(due.delete(row), `row ${row} is due at ${this.#now}, once`);
      this.#forget(row);
    }
    assert.equal(due.size, 0, "a deadline was forgotten");
  }

  #delay(): number {
    const scale = this.#random.pick([0, 1, 70, 1_000, 30_000, 40_000, 300_000, HOUR_MS]);
    return (this.#random.bits() / 2 ** 32) * scale;
  }

  #compareAfterGrowth(): void {
    const { index } = this.#rows;
    const { bucketCount } = index;
    assert.equal(index.size, this.#map.size);
    if (bucketCount === this.#comparedAt) return;
    const isFar = bucketCount >= 2 * this.#comparedAt || 2 * bucketCount <= this.#comparedAt;
    if (this.#map.size > ALL_COMPARED_MAX && !isFar) return;
    this.#comparedAt = bucketCount;
    this.#compareAll();
  }

  #compareAll(): void {
    const { pool } = this.#rows;
    assert.equal(pool.live, this.#map.size);
    assert.equal(this.#wheel.size, this.#list.size);
    for (const [name, row] of this.#map) {
      assert.equal(this.#rows.find(name), row, `the row of ${name}`);
      assert.ok(pool.isLive(row));
      assert.equal(this.#wheel.isArmed(row), this.#list.has(row));
    }
  }
}

/** Makes so many operations, the same for a seed. @throws AssertionError with the seed where a table is wrong */
export function runRandomTables(operations: number, seed: number): void {
  const random = new Random(seed);
  for (const capacity of CAPACITIES) {
    try {
      new Trial(random, capacity).run(Math.ceil(operations / CAPACITIES.length));
    } catch (error) {
      throw new Error(`SEED=${seed}, ${capacity} rows: ${String(error)}`, { cause: error });
    }
  }
}
