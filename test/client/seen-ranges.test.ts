/**
 * Seen ids against a plain set of them.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SeenRanges } from "../../src/client/seen-ranges.js";

function idsOf(ranges: SeenRanges): number[] {
  const ids: number[] = [];
  for (let id = 1; id <= ranges.through(); id += 1) ids.push(id);
  const told = ranges.told(Number.POSITIVE_INFINITY);
  for (let at = 0; at + 1 < told.length; at += 2) {
    for (let id = told[at] ?? 0; id <= (told[at + 1] ?? 0); id += 1) ids.push(id);
  }
  return ids;
}

test("ids added in any order are the ids told (R-18)", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 60 })), (ids) => {
      const ranges = new SeenRanges();
      for (const id of ids) ranges.add(id, id);
      assert.deepEqual(
        idsOf(ranges),
        [...ids].sort((one, other) => one - other),
      );
    }),
  );
});

test("rebuilding tells all ids but those without an answer (R-18)", () => {
  const ranges = new SeenRanges();
  ranges.rebuild([3, 4, 8], 10);
  assert.deepEqual(idsOf(ranges), [1, 2, 5, 6, 7, 9, 10]);
});

test("with more ranges than a group tells, each is told in turn and the newest always", () => {
  const ranges = new SeenRanges();
  for (let id = 2; id <= 200; id += 2) ranges.add(id, id);
  const told = new Set<number>();
  for (let group = 0; group < 20; group += 1) {
    const pairs = ranges.told(16);
    assert.ok(pairs.length <= 32);
    assert.equal(pairs.at(-1), 200);
    for (const id of pairs) told.add(id);
  }
  assert.equal(told.size, 100);
});
