/** Primaries are told what is next for their shards: when, how often, and how many at a time. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Placing } from "../../src/node/placing.js";
import type { Input } from "../../src/replication/inputs.js";
import type { Configuration } from "../../src/words/configuration.js";
import { epoch, shardIndex } from "../../src/words/ids.js";

const PACE = { againMs: 1_000, steadyMs: 2_000, copiesMax: 2 };
const ALL: readonly string[] = ["n1/a", "n2/b", "n3/c"];

function standing(shard: number, change: Partial<Configuration> = {}): Configuration {
  const first = { epoch: epoch(1), era: 0, primary: "n1/a", inSync: ALL, replicas: ALL, nonce: "x" };
  return { shard: shardIndex(shard), ...first, ...change };
}

function placingOn(node: string): { readonly placing: Placing; readonly told: [number, Input][] } {
  const told: [number, Input][] = [];
  const tell = (shard: number, input: Input): number => told.push([shard, input]);
  return { placing: new Placing({ node, pace: PACE, promotionWaitMs: 600_000, tell }), told };
}

test("office is handed over by the node that has it, when the configuration has stood for a while, and said again", () => {
  const { placing, told } = placingOn("n1");
  const other = placingOn("n2");
  for (const one of [placing, other.placing]) {
    one.configuration(standing(3), 0);
    one.goal({ shard: shardIndex(3), primary: "n2/b", replicas: ALL });
    for (const nowMs of [100, 1_900, 2_000, 2_500, 3_000]) one.look(nowMs);
  }
  const handOver = [3, { kind: "hand-over", to: "n2/b" }];
  assert.deepEqual(told, [handOver, handOver]);
  assert.deepEqual(other.told, []);
  placing.configuration(standing(3, { epoch: epoch(2), primary: "n2/b" }), 3_000);
  placing.look(9_000);
  assert.equal(told.length, 2);
});

test("only so many shards are copied at a time; one that never gets done keeps no other waiting", () => {
  const { placing, told } = placingOn("n1");
  const goalOf = [...ALL, "n4/d"];
  for (const shard of [0, 1, 2]) {
    placing.configuration(standing(shard), 0);
    placing.goal({ shard: shardIndex(shard), primary: "n1/a", replicas: goalOf });
  }
  placing.look(0);
  placing.look(500);
  assert.deepEqual(
    told.map(([shard]) => shard),
    [0, 1],
  );
  for (const shard of [0, 1]) placing.configuration(standing(shard, { epoch: epoch(2), replicas: goalOf }), 600);
  placing.look(700);
  assert.equal(told.length, 2);
  placing.look(61_000);
  assert.deepEqual(told.at(-1), [2, { kind: "replicas", replicas: goalOf }]);
});

test("a replica is promoted once, and only over the very configuration that the operator saw (R-15)", () => {
  const { placing, told } = placingOn("n4");
  const promotion = { shard: shardIndex(5), replica: "n4/d", epoch: epoch(7) };
  placing.promotion(promotion);
  placing.look(0);
  placing.configuration(standing(5, { epoch: epoch(6) }), 0);
  placing.look(1);
  assert.deepEqual(told, []);
  placing.configuration(standing(5, { epoch: epoch(7) }), 1);
  placing.look(2);
  placing.look(3);
  assert.deepEqual(told, [[5, { kind: "promote", waitMs: 600_000 }]]);
  placing.configuration(standing(5, { epoch: epoch(8) }), 4);
  placing.look(5);
  assert.equal(told.length, 1);
});
