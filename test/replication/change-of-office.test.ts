/** Hand-over, the operator's promotion, and replicas that differ. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { inOffice, inSync, reported, saidBy } from "./told.js";

test("hand-over: office goes to another at once, and nobody leaves the set", () => {
  const cluster = inOffice();
  cluster.run(500, 1);
  cluster.member("a").inputs.push({ kind: "hand-over", to: "c" });
  cluster.run(600, 1);
  assert.equal(cluster.primary, "c");
  assert.equal(inSync(cluster), "abc");
  assert.equal(cluster.replica("a").state.role, "backup");
});

test("hand-over: once told, the old primary answers nothing and sends no heartbeat", () => {
  const cluster = inOffice();
  cluster.run(500, 1);
  const { round } = cluster.member("a");
  cluster.isControlUp = false;
  cluster.control.asked = [];
  cluster.member("a").inputs.push({ kind: "hand-over", to: "c" });
  cluster.turn("a");
  const said = saidBy(cluster, "a", "entries");
  assert.ok(!cluster.replica("a").mayAnswer(cluster.replica("a").state.committed, round - 5));
  cluster.run(1_500);
  assert.deepEqual(said, []);
});

test("hand-over: if the other does not take office, the old primary comes back by a larger epoch of its own", () => {
  const cluster = inOffice();
  cluster.run(500, 1);
  const { epoch } = cluster.control.configuration;
  cluster.member("a").inputs.push({ kind: "hand-over", to: "c" });
  cluster.turn("a");
  cluster.crash("c");
  cluster.crash("b");
  cluster.runUntil(() => cluster.primary === "a", 15_000);
  assert.ok(cluster.control.configuration.epoch > epoch);
});

test("R-15: nothing is promoted by itself; the operator's word begins an era without claims, after the wait", () => {
  const cluster = inOffice({}, { inSync: ["a", "b"] });
  cluster.run(200, 1);
  cluster.crash("c");
  cluster.run(500, 1);
  for (const name of ["a", "b"]) cluster.crash(name);
  cluster.start("c");
  cluster.run(20_000);
  assert.equal(cluster.primary, undefined);
  cluster.member("c").inputs.push({ kind: "promote", waitMs: 30_000 });
  cluster.run(29_000);
  assert.equal(cluster.primary, undefined);
  cluster.run(2_000, 1);
  assert.equal(cluster.primary, "c");
  assert.equal(cluster.control.configuration.era, 1);
  assert.ok((cluster.replica("c").state.tail.at(-1)?.position.lsn ?? 0) > 2 ** 40, "tokens grow across eras");
  // What the lost ones had of the older era is thrown away when they come back.
  cluster.heal();
  cluster.run(30_000, 1);
  assert.equal(inSync(cluster), "abc");
  const end = cluster.log("c").slice(-9, -5);
  for (const name of ["a", "b"]) assert.ok(end.every((entry) => cluster.log(name).includes(entry)));
});

test("R-20: a replica whose digest differs is taken out, reported with both digests, and given everything anew", () => {
  const cluster = inOffice({ digestEveryEvents: 20, learnerSteadyMs: 1_000 });
  cluster.run(500, 1);
  cluster.member("b").spoiltDigest = "wrong";
  const pages = saidBy(cluster, "a", "pages");
  cluster.runUntil(() => {
    cluster.run(50, 1);
    return inSync(cluster) === "ac";
  });
  const differs = cluster.member("a").reports.find((report) => report.kind === "digests-differ");
  assert.ok(differs?.kind === "digests-differ" && differs.replica === "b");
  assert.ok(differs.digests.length === 2 && differs.digests[1] === "wrong");
  cluster.member("b").spoiltDigest = null;
  cluster.run(5_000, 1);
  assert.ok(pages.length > 0);
  assert.equal(inSync(cluster), "abc");
  assert.ok(reported(cluster, "b").includes("throws-part-away"));
});

test("R-20: replicas that agree go on agreeing", () => {
  const cluster = inOffice({ digestEveryEvents: 10 });
  const said = saidBy(cluster, "b", "digest");
  cluster.run(5_000, 1);
  assert.ok(said.length >= 8);
  assert.ok(!reported(cluster, "a").includes("digests-differ"));
});
