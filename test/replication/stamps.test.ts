/** shard time is that of the primaries, one after the other; what a deposed one has counted alone is none of it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { shardMs } from "../../src/words/ids.js";
import { inOffice, inSync } from "./told.js";

test("R-1: shard time that a deposed primary has counted alone is not heard by the next one, nor kept by itself", () => {
  const cluster = inOffice();
  cluster.run(300, 1);
  cluster.isolate("a");
  cluster.replica("a").step({ kind: "tick", nonce: "n", stamp: shardMs(90_000) });
  cluster.runUntil(() => ["b", "c"].some((name) => cluster.replica(name).isServing));
  cluster.heal();
  cluster.run(3_000, 1);
  for (const name of ["a", "b", "c"]) {
    const { stamp } = cluster.replica(name).state;
    assert.ok(stamp < 90_000, `${name} goes on from ${stamp}`);
  }
});

test("R-1: shard time that was heard of an office, and that its primary lost in a restart, is not kept by the others", () => {
  const cluster = inOffice();
  for (const name of ["b", "c"]) cluster.crash(name);
  cluster.runUntil(() => inSync(cluster) === "a");
  cluster.heal();
  cluster.replica("a").step({ kind: "tick", nonce: "n", stamp: shardMs(90_000) });
  cluster.runUntil(() => cluster.replica("b").state.stamp >= 90_000); // As a learner.
  cluster.crash("a");
  cluster.run(500);
  cluster.heal();
  cluster.runUntil(() => cluster.primary === "a" && inSync(cluster) === "abc");
  for (const name of ["a", "b", "c"]) {
    const { stamp } = cluster.replica(name).state;
    assert.ok(stamp < 90_000, `${name} goes on from ${stamp}`);
  }
});
