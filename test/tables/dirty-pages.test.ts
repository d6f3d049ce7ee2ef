/** Changed pages against a plain Set: each is taken once for each time that it changed since it was taken. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DirtyPages } from "../../src/tables/dirty-pages.js";
import { operationsOfRun, Random, seedOfRun } from "./random.js";

test("Pages marked and taken at random are those of a plain set, in page order", (t) => {
  const seed = seedOfRun();
  t.diagnostic(`SEED=${String(seed)}`);
  const random = new Random(seed);
  for (const pages of [1, 4, 40, 5_000]) {
    const dirty = new DirtyPages(pages);
    const model = new Set<number>();
    for (let operation = 0; operation < operationsOfRun() / 4; operation += 1) {
      const page = random.below(pages);
      if (random.below(3) < 2) {
        dirty.mark(page);
        model.add(page);
      } else {
        let expected = -1;
        for (let each = page; each < pages && expected < 0; each += 1) if (model.has(each)) expected = each;
        assert.equal(dirty.take(page), expected);
        model.delete(expected);
      }
      assert.equal(dirty.isMarked(page), model.has(page));
      assert.equal(dirty.count, model.size);
    }
  }
});

test("A walk from page to page takes each marked one once", () => {
  const dirty = new DirtyPages(100_000);
  const marked = [0, 31, 32, 1_023, 1_024, 65_536, 99_999];
  for (const page of marked) dirty.mark(page);
  const taken: number[] = [];
  for (let page = dirty.take(0); page >= 0; page = dirty.take(page + 1)) taken.push(page);
  assert.deepEqual(taken, marked);
  assert.equal(dirty.count, 0);
  assert.equal(dirty.take(0), -1);
  assert.equal(dirty.take(100_000), -1);
});

test("A page that does not exist cannot be marked", () => {
  assert.throws(() => {
    new DirtyPages(32).mark(32);
  }, /outside its table/);
});
