/** The hash index against a plain Map, while it grows and shrinks from nothing and back. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { HashIndex } from "../../src/tables/hash-index.js";
import { operationsOfRun, Random, seedOfRun } from "./random.js";

/** All rows that the index finds under `hash`, in row order. */
function rowsUnder(index: HashIndex, hash: number): number[] {
  const rows: number[] = [];
  for (let row = index.first(hash); row !== 0; row = index.next(row)) rows.push(row);
  return rows.sort((a, b) => a - b);
}

class Model {
  readonly hashOf: Map<number, number> = new Map<number, number>();
  readonly rowsOf: Map<number, Set<number>> = new Map<number, Set<number>>();

  insert(row: number, hash: number): void {
    this.hashOf.set(row, hash);
    const rows = this.rowsOf.get(hash) ?? new Set<number>();
    this.rowsOf.set(hash, rows.add(row));
  }

  remove(row: number): void {
    const hash = this.hashOf.get(row) ?? 0;
    this.hashOf.delete(row);
    const rows = this.rowsOf.get(hash);
    rows?.delete(row);
    if (rows?.size === 0) this.rowsOf.delete(hash);
  }

  rows(hash: number): number[] {
    return [...(this.rowsOf.get(hash) ?? [])].sort((a, b) => a - b);
  }
}

function checkAll(index: HashIndex, model: Model): void {
  assert.equal(index.size, model.hashOf.size);
  for (const hash of model.rowsOf.keys()) assert.deepEqual(rowsUnder(index, hash), model.rows(hash));
}

const HASH_RANGES = [1, 7, 5_000, 2 ** 31, 2 ** 32];

test("Rows inserted and removed at random are found as in a plain map, at every size", (t) => {
  const seed = seedOfRun();
  t.diagnostic(`SEED=${String(seed)}`);
  const random = new Random(seed);
  const cases = [4, 9, 300, 20_000].flatMap((capacity) => HASH_RANGES.map((range) => ({ capacity, range })));
  for (const { capacity, range } of cases) {
    const rows = range < 5_000 ? Math.min(capacity, 300) : capacity; // Else the one chain makes the test quadratic.
    const index = new HashIndex(rows);
    const model = new Model();
    let checkedAt = 8;
    for (let operation = 0; operation < operationsOfRun() / cases.length; operation += 1) {
      const growing = Math.floor(operation / (rows * 2)) % 2 === 0; // Fills up, empties, and again.
      const row = 1 + random.below(rows);
      const hash = random.below(range);
      if (model.hashOf.has(row)) {
        if (!growing || random.below(8) === 0) {
          index.remove(row);
          model.remove(row);
        }
      } else if (growing || random.below(8) === 0) {
        index.insert(row, hash);
        model.insert(row, hash);
      }
      const asked = model.hashOf.get(row) ?? hash;
      assert.equal(index.size, model.hashOf.size);
      if (range >= 5_000) assert.deepEqual(rowsUnder(index, asked), model.rows(asked));
      if (index.bucketCount >= checkedAt * 2 || index.bucketCount * 2 <= checkedAt) {
        checkedAt = index.bucketCount;
        checkAll(index, model);
      }
    }
    checkAll(index, model);
  }
});

test("The index grows to a bucket for each row and shrinks again, a bucket or two at a time", () => {
  const index = new HashIndex(10_000);
  const random = new Random(1);
  let before = index.bucketCount;
  for (let row = 1; row <= 10_000; row += 1) {
    index.insert(row, random.bits());
    assert.ok(index.bucketCount - before <= 1 && index.bucketCount >= index.size);
    before = index.bucketCount;
  }
  for (let row = 1; row <= 10_000; row += 1) {
    index.remove(row);
    assert.ok(before - index.bucketCount <= 2 && index.bucketCount <= Math.max(8, index.size * 2));
    before = index.bucketCount;
  }
  assert.equal(index.size, 0);
  assert.equal(index.bucketCount, 8);
});

test("One row that comes and goes splits and merges nothing", () => {
  const index = new HashIndex(1_000);
  const random = new Random(2);
  for (let row = 1; row <= 500; row += 1) index.insert(row, random.bits());
  const before = index.bucketCount;
  index.insert(501, 77);
  const grown = index.bucketCount;
  assert.equal(grown, before + 1);
  for (let round = 0; round < 10; round += 1) {
    index.remove(501);
    assert.equal(index.bucketCount, grown);
    index.insert(501, 77);
    assert.equal(index.bucketCount, grown);
  }
});

test("Signed and unsigned forms of a hash are the same", () => {
  const index = new HashIndex(4);
  index.insert(1, -1);
  index.insert(2, 0xffffffff);
  assert.deepEqual(rowsUnder(index, -1), [1, 2]);
  assert.deepEqual(rowsUnder(index, 0xffffffff), [1, 2]);
});

test("A row that is not in cannot be removed, and rows outside the table cannot be inserted", () => {
  const index = new HashIndex(4);
  index.insert(1, 5);
  index.remove(1);
  assert.throws(() => {
    index.remove(1);
  }, /is in it/);
  assert.throws(() => {
    index.remove(2);
  }, /is in it/);
  assert.throws(() => {
    index.insert(0, 5);
  }, /row 0/);
  assert.throws(() => {
    index.remove(9);
  }, /outside its table/);
  assert.equal(index.size, 0);
});
