/** shard time is that of the primaries, one after the other; what a deposed one has counted alone is none of it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { shardMs } from "../../src/words/ids.js";
import { inOffice } from "./told.js";

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
