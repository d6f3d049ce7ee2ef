// Who has which shard: every shard once, evenly, and never moved between stores by another number of workers.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Spread, type SpreadOptions, spread } from "../../src/placement/spread.js";
import { BrokenInvariant } from "../../src/words/assert.js";

const options: fc.Arbitrary<SpreadOptions> = fc.record({
  shards: fc.integer({ min: 1, max: 300 }),
  stores: fc.integer({ min: 1, max: 40 }),
  workers: fc.integer({ min: 1, max: 40 }),
});

function sizes(lists: readonly (readonly number[])[]): number[] {
  return lists.map((list) => list.length);
}

function assertEven(counts: readonly number[]): void {
  assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, `uneven: ${counts.join(", ")}`);
}

test("64 shards of two stores on two workers", () => {
  const two = spread({ shards: 64, stores: 2, workers: 2 });
  assert.deepEqual([...two.storeOfShard.slice(0, 4)], [0, 1, 0, 1]);
  assert.deepEqual([...two.workerOfStore], [0, 1]);
  assert.deepEqual([...two.workerOfShard.slice(0, 4)], [0, 1, 0, 1]);
  assert.deepEqual(two.shardsOfStore[1]?.slice(0, 3), [1, 3, 5]);
});

test("neighbouring stores are on one worker", () => {
  assert.deepEqual([...spread({ shards: 64, stores: 8, workers: 3 }).workerOfStore], [0, 0, 0, 1, 1, 1, 2, 2]);
  assert.deepEqual(spread({ shards: 64, stores: 2, workers: 5 }).storesOfWorker, [[0], [], [1], [], []]);
});

test("every shard is in one store, every store on one worker, and both are even", () => {
  fc.assert(
    fc.property(options, (given) => {
      const made = spread(given);
      assertEven(sizes(made.shardsOfStore));
      assertEven(sizes(made.storesOfWorker));
      assert.deepEqual(
        made.shardsOfStore.flat().sort((left, right) => left - right),
        Array.from({ length: given.shards }, (_, shard) => shard),
      );
      assert.deepEqual(
        made.storesOfWorker.flat(),
        Array.from({ length: given.stores }, (_, store) => store),
      );
      assertTwoViewsAgree(made);
    }),
  );
});

function assertTwoViewsAgree(made: Spread): void {
  for (const [store, shards] of made.shardsOfStore.entries()) {
    for (const shard of shards) {
      assert.equal(made.storeOfShard[shard], store);
      assert.equal(made.workerOfShard[shard], made.workerOfStore[store]);
    }
  }
  for (const [worker, stores] of made.storesOfWorker.entries()) {
    for (const store of stores) assert.equal(made.workerOfStore[store], worker);
  }
}

test("another number of workers leaves every shard in its store", () => {
  fc.assert(
    fc.property(options, fc.integer({ min: 1, max: 40 }), (given, workers) => {
      assert.deepEqual(spread({ ...given, workers }).storeOfShard, spread(given).storeOfShard);
    }),
  );
});

test("a node without shards, stores or workers is our bug", () => {
  const one = { shards: 1, stores: 1, workers: 1 };
  for (const key of ["shards", "stores", "workers"]) {
    assert.throws(() => spread({ ...one, [key]: 0 }), BrokenInvariant);
    assert.throws(() => spread({ ...one, [key]: 1.5 }), BrokenInvariant);
  }
});
