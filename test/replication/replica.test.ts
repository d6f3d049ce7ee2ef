/** A replica is a function of its inputs: an explorer rests on that. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { BrokenInvariant } from "../../src/words/assert.js";
import { shardMs } from "../../src/words/ids.js";
import type { Input } from "../../src/replication/inputs.js";
import { Replica } from "../../src/replication/replica.js";
import { inOffice } from "./told.js";

test("a copy of its state goes the same way, and leaves the first alone", () => {
  const cluster = inOffice();
  cluster.run(500, 1);
  const first = cluster.replica("a");
  const { settings } = cluster;
  const before = structuredClone(first.state);
  const copy = new Replica({ state: structuredClone(first.state), settings });
  const inputs: readonly Input[] = [
    { kind: "turn", round: before.round + 1, nowMs: before.nowMs + 5_000 },
    { kind: "disconnected", from: "b", how: "closed" },
    { kind: "tick", nonce: "fresh", stamp: shardMs(9) },
  ];
  for (const input of inputs) copy.step(input);
  assert.deepEqual(first.state, before);
  const said = copy.take();
  assert.ok(said.control.length > 0);
  for (const input of inputs) first.step(input);
  assert.deepEqual(first.take(), said);
  assert.deepEqual(first.state, copy.state);
});

test("R-8: a round that does not grow is our bug", () => {
  const cluster = inOffice();
  const { round, nowMs } = cluster.replica("a").state;
  assert.throws(() => {
    cluster.replica("a").step({ kind: "turn", round, nowMs });
  }, BrokenInvariant);
});
