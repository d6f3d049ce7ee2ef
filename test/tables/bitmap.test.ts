/** The bitmap against a plain Set, and its search across empty words. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Bitmap } from "../../src/tables/bitmap.js";
import { operationsOfRun, Random, seedOfRun } from "./random.js";

test("A bitmap answers as a plain set does, for sizes from 1 up", (t) => {
  const seed = seedOfRun();
  t.diagnostic(`SEED=${String(seed)}`);
  const random = new Random(seed);
  const sizes = [1, 4, 31, 32, 33, 64, 1_023, 1_024, 1_025, 70_000];
  for (const size of sizes) {
    const bitmap = new Bitmap(size);
    const model = new Set<number>();
    for (let operation = 0; operation < operationsOfRun() / sizes.length; operation += 1) {
      const index = random.below(size);
      if (random.below(2) === 0) {
        assert.equal(bitmap.set(index), !model.has(index));
        model.add(index);
      } else {
        assert.equal(bitmap.clear(index), model.delete(index));
      }
      assert.equal(bitmap.has(index), model.has(index));
      if (operation % 4_096 !== 0) continue;
      const from = random.below(size);
      const end = from + random.below(size * 2 - from + 1);
      const expected = [...model].filter((each) => each >= from && each < end).reduce((a, b) => Math.min(a, b), size);
      assert.equal(bitmap.next(from, end), expected === size ? -1 : expected, `size ${String(size)}`);
    }
  }
});

test("The next index is found across any number of empty words, and not at or after the end", () => {
  const bitmap = new Bitmap(1_000_000);
  assert.equal(bitmap.next(0, 1_000_000), -1);
  bitmap.set(999_999);
  assert.equal(bitmap.next(0, 1_000_000), 999_999);
  assert.equal(bitmap.next(999_999, 1_000_000), 999_999);
  assert.equal(bitmap.next(0, 999_999), -1);
  assert.equal(bitmap.next(7, 7), -1);
  bitmap.set(0);
  assert.equal(bitmap.next(0, 1), 0);
  assert.equal(bitmap.next(1, 5_000_000), 999_999);
});

test("An index outside the bitmap is refused", () => {
  const bitmap = new Bitmap(32);
  assert.throws(() => bitmap.set(32), /outside its table/);
  assert.throws(() => bitmap.clear(32), /outside its table/);
  assert.throws(() => bitmap.has(32), /outside its table/);
  assert.throws(() => bitmap.next(-1, 3), /outside its table/);
  assert.throws(() => new Bitmap(-1), /a bitmap has/);
});
