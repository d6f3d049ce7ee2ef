/** A node that is about to stop: what its replicas are told, how many at a time, and when it is done. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Leaving } from "../../src/node/leaving.js";
import type { Input } from "../../src/replication/inputs.js";
import type { Configuration } from "../../src/words/configuration.js";
import { epoch, shardIndex } from "../../src/words/ids.js";

const ALL: readonly string[] = ["n1/a", "n2/b", "n3/c"];

function standing(shard: number, change: Partial<Configuration> = {}): Configuration {
  const first = { epoch: epoch(1), era: 0, primary: "n1/a", inSync: ALL, replicas: ALL, nonce: "x" };
  return { shard: shardIndex(shard), ...first, ...change };
}

function leavingOf(configurations: Configuration[], draining = ""): { leaving: Leaving; told: [number, Input][] } {
  const told: [number, Input][] = [];
  const leaving = new Leaving({
    node: "n1",
    configurations: () => configurations,
    isDraining: (node) => node === draining,
    tell: (shard, input) => told.push([shard, input]),
  });
  return { leaving, told };
}

test("offices go to members first, then the node leaves the sets; what is told is told again after a while", () => {
  const shards = [standing(0)];
  const { leaving, told } = leavingOf(shards);
  assert.equal(leaving.look(0), 1);
  leaving.look(100);
  leaving.look(300);
  assert.deepEqual(told, [
    [0, { kind: "hand-over", to: "n2/b" }],
    [0, { kind: "hand-over", to: "n3/c" }], // The first has not taken it.
  ]);
  shards[0] = standing(0, { epoch: epoch(2), primary: "n3/c" });
  leaving.look(310);
  assert.deepEqual(told.at(-1), [0, { kind: "leave" }]);
  shards[0] = standing(0, { epoch: epoch(3), primary: "n3/c", inSync: ["n2/b", "n3/c"] });
  assert.equal(leaving.look(320), 0);
  assert.equal(told.length, 3);
});

test("offices are spread over the others, and a node that is drained gets one only where nobody else is", () => {
  const shards = [
    standing(0),
    standing(1, { inSync: ["n1/a", "n2/b"] }),
    standing(2, { primary: "n3/c", inSync: ["n3/c"] }),
  ];
  const { leaving, told } = leavingOf(shards, "n2");
  leaving.look(0);
  assert.deepEqual(told, [
    [0, { kind: "hand-over", to: "n3/c" }],
    [1, { kind: "hand-over", to: "n2/b" }],
  ]);
});

test("a shard of which it has the only copy keeps no node from stopping", () => {
  const { leaving, told } = leavingOf([standing(0, { inSync: ["n1/a"] })]);
  assert.equal(leaving.look(0), 0);
  assert.deepEqual(told, []);
});

test("only so many offices are on their way at a time: each is without a primary for as long", () => {
  const shards = Array.from({ length: 100 }, (_, shard) => standing(shard));
  const { leaving, told } = leavingOf(shards);
  leaving.look(0);
  assert.equal(told.length, 16);
  shards[0] = standing(0, { epoch: epoch(2), primary: "n2/b" });
  leaving.look(10);
  assert.deepEqual(
    told.slice(16).map(([shard, { kind }]) => [shard, kind]),
    [
      [16, "hand-over"],
      [0, "leave"],
    ],
  );
});
