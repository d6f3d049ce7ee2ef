/** The control plane of a single node: compare-and-swap, and a new epoch with each start. */
import assert from "node:assert/strict";
import { test } from "node:test";
import SqliteDatabase from "better-sqlite3";
import { SingleNodeControl } from "../../src/control/single-node.js";
import type { Configuration } from "../../src/words/configuration.js";
import { epoch, shardIndex } from "../../src/words/ids.js";

const FIRST: Configuration = {
  shard: shardIndex(5),
  epoch: epoch(1),
  era: 3,
  primary: "n1/s0",
  inSync: ["n1/s0"],
  replicas: ["n1/s0", "n2/s7"],
  nonce: "ab",
};

function openControl(): SingleNodeControl {
  return new SingleNodeControl(new SqliteDatabase(":memory:"));
}

test("a configuration is written only over the epoch that was expected", () => {
  const control = openControl();
  assert.equal(control.read(shardIndex(5)), null);
  assert.equal(control.compareAndSwap(shardIndex(5), 0, FIRST), true);
  assert.deepEqual(control.read(shardIndex(5)), FIRST);
  assert.equal(control.compareAndSwap(shardIndex(5), 0, { ...FIRST, nonce: "cd" }), false);
  assert.equal(control.compareAndSwap(shardIndex(5), 1, { ...FIRST, epoch: epoch(2), nonce: "ef" }), true);
  assert.equal(control.read(shardIndex(5))?.nonce, "ef");
  assert.throws(() => control.compareAndSwap(shardIndex(5), 2, { ...FIRST, epoch: epoch(4) }), /R-9/);
});

test("each start takes office in every shard by a new epoch, and keeps era and replicas (R-14)", () => {
  const control = openControl();
  control.compareAndSwap(shardIndex(5), 0, FIRST);
  const offices = [0, 5].map((shard) => ({ shard: shardIndex(shard), replica: "n1/s0" }));
  assert.deepEqual(
    control.takeOffice(offices, 0).map((next) => next.epoch),
    [1, 2],
  );
  const again = control.takeOffice(offices, 0);
  assert.deepEqual(
    again.map((next) => next.epoch),
    [2, 3],
  );
  assert.deepEqual(
    again.map((next) => next.era),
    [0, 3],
  );
  assert.deepEqual(control.read(shardIndex(5)), again[1]);
  assert.deepEqual(again[1]?.replicas, FIRST.replicas);
});

test("a replica that is not in sync takes no office, and then nobody does (R-14, R-15)", () => {
  const control = openControl();
  control.compareAndSwap(shardIndex(5), 0, FIRST);
  const offices = [
    { shard: shardIndex(0), replica: "n2/s7" },
    { shard: shardIndex(5), replica: "n2/s7" },
  ];
  assert.throws(() => control.takeOffice(offices, 0), /R-14/);
  assert.equal(control.read(shardIndex(0)), null);
  assert.deepEqual(control.read(shardIndex(5)), FIRST);
});
