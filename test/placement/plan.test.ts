/** Plans: even, deterministic, and with no more moves than needed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { firstPlacements, type Placement, plan } from "../../src/placement/plan.js";

const NAMES = ["n1", "n2", "n3", "n4", "n5", "n6"];

function names(count: number): readonly string[] {
  return NAMES.slice(0, count);
}

function counts(items: readonly string[], of: readonly string[]): readonly number[] {
  return of.map((name) => items.filter((item) => item === name).length);
}

/** By how much the largest is larger than the smallest. */
function unevenness(values: readonly number[]): number {
  return Math.max(...values) - Math.min(...values);
}

function assertEven(placements: readonly Placement[], nodes: readonly string[], replicas: number): void {
  const wanted = Math.min(replicas, nodes.length);
  for (const { primary, nodes: of } of placements) {
    assert.equal(new Set(of).size, wanted);
    assert.ok(of.includes(primary));
    assert.ok(of.every((node) => nodes.includes(node)));
  }
  const all = placements.flatMap(({ nodes: of }) => of);
  const offices = placements.map(({ primary }) => primary);
  assert.ok(unevenness(counts(all, nodes)) <= 1, `replicas: ${counts(all, nodes).join(" ")}`);
  assert.ok(unevenness(counts(offices, nodes)) <= 1, `offices: ${counts(offices, nodes).join(" ")}`);
}

/** Replicas that are where they were not, and shards whose primary is another. */
function moved(before: readonly Placement[], after: readonly Placement[]): { replicas: number; offices: number } {
  const pairs = before.map((old, index) => ({ old, now: after[index] ?? old }));
  const replicas = pairs.flatMap(({ old, now }) => now.nodes.filter((node) => !old.nodes.includes(node))).length;
  return { replicas, offices: pairs.filter(({ old, now }) => old.primary !== now.primary).length };
}

for (const shards of [64, 1_024]) {
  for (const count of [1, 2, 3, 5]) {
    test(`${shards} shards of a new cluster are spread evenly over ${count} nodes, offices too`, () => {
      const options = { nodes: names(count), stores: 2, replicas: 3 };
      const first = firstPlacements(shards, options);
      assert.deepEqual(
        first.map(({ shard }) => shard),
        Array.from({ length: shards }, (_, shard) => shard),
      );
      assertEven(first, options.nodes, 3);
      assert.deepEqual(plan(first, options), first, "a good plan has nothing to move");
      assert.deepEqual(firstPlacements(shards, { ...options, nodes: [...options.nodes].reverse() }), first);
    });
  }
}

test("a node's offices are in all of its stores alike, and their partners are all other nodes", () => {
  for (const [count, stores] of [
    [2, 2],
    [3, 4],
    [5, 2],
  ] as const) {
    const nodes = names(count);
    const first = firstPlacements(64, { nodes, stores, replicas: 3 });
    for (const node of nodes) {
      const own = first.filter(({ primary }) => primary === node);
      const inStores = Array.from({ length: stores }, (_, store) =>
        own.filter(({ shard }) => shard % stores === store),
      );
      assert.ok(unevenness(inStores.map(({ length }) => length)) <= 2, `${count} nodes, ${stores} stores: ${node}`);
      const partners = own.flatMap(({ nodes: of }) => of).filter((other) => other !== node);
      const others = nodes.filter((other) => other !== node);
      assert.ok(Math.min(...counts(partners, others)) >= partners.length / others.length / 2, `partners of ${node}`);
    }
  }
});

test("a node that joins gets its share, and no more than that moves", () => {
  for (const count of [1, 2, 3, 4, 5]) {
    const options = { nodes: names(count), stores: 2, replicas: 3 };
    const before = firstPlacements(64, options);
    const after = plan(before, { ...options, nodes: names(count + 1) });
    assertEven(after, names(count + 1), 3);
    const share = Math.ceil((64 * Math.min(3, count + 1)) / (count + 1));
    const { replicas, offices } = moved(before, after);
    assert.ok(replicas <= share, `${replicas} replicas move to the node of ${count + 1}`);
    assert.ok(offices <= 2 * Math.ceil(64 / (count + 1)), `${offices} offices move`);
  }
});

test("a node that may have no replicas loses all of them, and the others get them evenly", () => {
  const options = { nodes: names(5), stores: 2, replicas: 3 };
  const before = firstPlacements(1_024, options);
  const after = plan(before, { ...options, nodes: ["n1", "n2", "n4", "n5"] });
  assertEven(after, ["n1", "n2", "n4", "n5"], 3);
  const lost = before.filter(({ nodes }) => nodes.includes("n3")).length;
  assert.ok(moved(before, after).replicas <= lost + 8);
  const three = plan(after, { ...options, nodes: ["n1", "n2", "n4"] });
  assertEven(three, ["n1", "n2", "n4"], 3);
  const two = plan(three, { ...options, nodes: ["n1", "n2"] });
  assertEven(two, ["n1", "n2"], 3);
});

test("offices that have gathered on one node after fail-overs are made even without moving a replica", () => {
  const options = { nodes: names(5), stores: 2, replicas: 3 };
  const first = firstPlacements(64, options);
  const gathered = first.map((placement) => ({ ...placement, primary: placement.nodes[0] ?? "" }));
  const after = plan(gathered, options);
  assertEven(after, options.nodes, 3);
  assert.equal(moved(gathered, after).replicas, 0);
});

test("shards that have too few replicas or too many are given or lose them", () => {
  const options = { nodes: names(3), stores: 1, replicas: 2 };
  const odd = firstPlacements(30, { ...options, replicas: 3 }).map((placement, index) =>
    index % 2 === 0 ? placement : { ...placement, nodes: [placement.primary] },
  );
  assertEven(plan(odd, options), options.nodes, 2);
});
