/** The pool of rows against a plain Set: no row is ever taken twice. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { RowPool } from "../../src/tables/row-pool.js";
import { operationsOfRun, Random, seedOfRun } from "./random.js";

function lowestLive(model: ReadonlySet<number>, from: number): number {
  let lowest = Number.POSITIVE_INFINITY;
  for (const row of model) if (row >= from && row < lowest) lowest = row;
  return lowest === Number.POSITIVE_INFINITY ? 0 : lowest;
}

test("Rows taken, claimed and given back at random are live exactly as a plain set says", (t) => {
  const seed = seedOfRun();
  t.diagnostic(`SEED=${String(seed)}`);
  const random = new Random(seed);
  const capacities = [4, 5, 100, 50_000];
  for (const capacity of capacities) {
    const pool = new RowPool(capacity);
    const model = new Set<number>();
    const taken: number[] = [];
    let highest = 0;
    for (let operation = 0; operation < operationsOfRun() / capacities.length; operation += 1) {
      const choice = random.below(10);
      let row = 0;
      if (choice < 4) {
        const foreseen = pool.peek();
        row = pool.take();
        assert.equal(row, foreseen, "peek names the row that is taken next");
        assert.equal(row === 0, model.size === capacity, "0 only when all rows are live");
      } else if (choice < 6) {
        row = random.below(10) === 0 ? 1 + random.below(capacity) : 1 + random.below(Math.min(capacity, highest + 3));
        if (model.has(row)) {
          assert.throws(() => {
            pool.claim(row);
          }, /claimed row is free/);
          row = 0;
        } else {
          pool.claim(row);
        }
      } else if (taken.length > 0) {
        const at = random.below(taken.length);
        const given = taken[at] ?? 0;
        const last = taken.pop() ?? 0;
        if (at < taken.length) taken[at] = last;
        pool.give(given);
        model.delete(given);
        assert.equal(pool.isLive(given), false);
      }
      if (row !== 0) {
        assert.equal(model.has(row), false, "a row is not taken twice");
        assert.equal(pool.isLive(row), true);
        model.add(row);
        taken.push(row);
        highest = Math.max(highest, row);
      }
      assert.equal(pool.live, model.size);
      assert.equal(pool.highest, highest);
      if (operation % 4_096 === 0) {
        const from = 1 + random.below(capacity);
        assert.equal(pool.nextLive(from), lowestLive(model, from));
      }
    }
  }
});

test("The row that was given back last is taken first, and fresh rows come in order", () => {
  const pool = new RowPool(4);
  assert.deepEqual([pool.take(), pool.take(), pool.take()], [1, 2, 3]);
  pool.give(1);
  pool.give(3);
  assert.deepEqual([pool.take(), pool.take(), pool.take(), pool.take()], [3, 1, 4, 0]);
});

test("A claim beyond the highest row leaves the rows that it jumped over free, the lowest first", () => {
  const pool = new RowPool(6);
  pool.claim(4);
  assert.equal(pool.highest, 4);
  assert.deepEqual([pool.take(), pool.take(), pool.take(), pool.take(), pool.take(), pool.take()], [1, 2, 3, 5, 6, 0]);
});

test("A row given back twice, never taken, or outside the pool is refused", () => {
  const pool = new RowPool(4);
  const row = pool.take();
  pool.give(row);
  assert.throws(() => {
    pool.give(row);
  }, /given back is live/);
  assert.throws(() => {
    pool.give(3);
  }, /given back is live/);
  assert.throws(() => {
    pool.give(0);
  }, /given back is live/);
  assert.throws(() => {
    pool.give(99);
  }, /outside its table/);
  assert.throws(() => {
    pool.claim(0);
  }, /one of the pool's/);
  assert.throws(() => {
    pool.claim(5);
  }, /one of the pool's/);
});
