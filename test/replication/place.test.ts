/** Replicas that placement names and lets go, while entries are made. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { inOffice, inSync, reported } from "./told.js";

test("a replica that is named comes in sync as a learner does, and the primary stays in office (R-13)", () => {
  const cluster = inOffice({ learnerSteadyMs: 1_000 });
  cluster.run(500, 1);
  cluster.addStore("d");
  cluster.heal();
  cluster.member("a").inputs.push({ kind: "replicas", replicas: ["a", "b", "c", "d"] });
  cluster.run(500, 1);
  assert.deepEqual(cluster.control.configuration.replicas, ["a", "b", "c", "d"]);
  assert.equal(inSync(cluster), "abc");
  cluster.run(3_000, 1);
  assert.equal(inSync(cluster), "abcd");
  assert.equal(cluster.primary, "a");
  assert.deepEqual(
    reported(cluster, "a").filter((kind) => kind === "leaves-office"),
    [],
  );
  assert.deepEqual(cluster.log("d").slice(0, 20), cluster.log("a").slice(0, 20));
});

test("a replica that is let go leaves the set, is needed no more and never takes office", () => {
  const cluster = inOffice();
  cluster.run(500, 1);
  cluster.member("a").inputs.push({ kind: "replicas", replicas: ["a", "b"] });
  cluster.run(500, 1);
  assert.deepEqual(cluster.control.configuration.replicas, ["a", "b"]);
  assert.equal(inSync(cluster), "ab");
  assert.equal(cluster.replica("c").state.role, "none");
  cluster.isolate("c");
  const { committed } = cluster.replica("a").state;
  cluster.run(500, 1);
  assert.ok(cluster.replica("a").state.committed > committed + 5);
  cluster.crash("a");
  cluster.crash("b");
  cluster.run(20_000);
  assert.equal(cluster.primary, undefined);
});

test("a replica moves: named, in sync, office handed over to it, the old primary let go", () => {
  const cluster = inOffice({ learnerSteadyMs: 1_000 });
  cluster.addStore("d");
  cluster.heal();
  cluster.member("a").inputs.push({ kind: "replicas", replicas: ["a", "b", "c", "d"] });
  cluster.runUntil(() => inSync(cluster) === "abcd");
  cluster.run(500, 1);
  cluster.member("a").inputs.push({ kind: "hand-over", to: "d" });
  cluster.runUntil(() => cluster.primary === "d");
  cluster.member("d").inputs.push({ kind: "replicas", replicas: ["b", "c", "d"] });
  cluster.run(1_000, 1);
  assert.equal(inSync(cluster), "bcd");
  assert.equal(cluster.replica("a").state.role, "none");
});

test("a wish that names a primary away, or leaves too few in sync, changes nothing", () => {
  const cluster = inOffice({ minInSync: 2 });
  cluster.run(500, 1);
  const { epoch } = cluster.control.configuration;
  for (const replicas of [["b", "c"], ["a"], ["a", "b", "c"]]) {
    cluster.member("a").inputs.push({ kind: "replicas", replicas });
    cluster.run(500, 1);
  }
  cluster.member("b").inputs.push({ kind: "replicas", replicas: ["a", "b"] });
  cluster.run(500, 1);
  assert.equal(cluster.control.configuration.epoch, epoch);
  assert.ok(reported(cluster, "a").includes("too-few-in-sync"));
});
