/** epochs, fail-over, restart; and stores that have lost data. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { epoch, shardMs } from "../../src/words/ids.js";
import { inOffice, inSync, refusalsFrom, reported, saidBy } from "./told.js";

test("R-12: when the primary is silent, a backup takes office with everything that was committed", () => {
  const cluster = inOffice();
  cluster.run(1_000, 1);
  const { committed } = cluster.replica("a").state;
  const log = cluster.log("a").slice(0, committed);
  cluster.crash("a");
  cluster.runUntil(() => cluster.primary !== undefined, 4_000);
  assert.notEqual(cluster.primary, "a");
  assert.deepEqual(cluster.log(cluster.primary ?? "").slice(0, committed), log);
  assert.equal(inSync(cluster), "bc");
});

test("R-12: the largest tail is taken over, and everybody has stored it before anybody is answered", () => {
  const cluster = inOffice();
  cluster.run(500, 1);
  cluster.turn("a", 2);
  cluster.deliver("a", "c"); // Only c hears of them.
  cluster.turn("c");
  cluster.sync("c");
  cluster.disconnect("a", "b");
  cluster.crash("a");
  const tail = cluster.log("c");
  // b is first: c's turn for the control plane comes later.
  cluster.tell("b", "a", cluster.control.configuration.epoch, { kind: "hand-over" });
  cluster.runUntil(() => cluster.primary === "b");
  assert.deepEqual(cluster.log("b"), tail);
  assert.deepEqual(cluster.log("c"), tail);
});

test("R-12: a member that falls silent during a take-over is taken out, and the rest goes on", () => {
  const cluster = inOffice();
  cluster.run(500, 1);
  cluster.crash("a");
  cluster.runUntil(() => cluster.control.configuration.primary !== "a");
  const winner = cluster.control.configuration.primary;
  cluster.crash(winner === "b" ? "c" : "b");
  cluster.runUntil(() => cluster.primary === winner, 10_000);
  assert.equal(inSync(cluster), winner);
});

test("R-9: the epoch is on disk before anything of it is acknowledged", () => {
  const cluster = inOffice();
  const said = saidBy(cluster, "b", "where");
  const next = { ...cluster.control.configuration, epoch: epoch(9), primary: "c", nonce: "other" };
  cluster.tell("b", "c", 9, { kind: "office", stream: 4, configuration: next });
  cluster.turn("b");
  cluster.turn("b");
  assert.deepEqual(said, []);
  cluster.sync("b");
  cluster.turn("b");
  assert.equal(said.length, 1);
  assert.equal(cluster.member("b").disk.durable.remembered?.configuration.epoch, 9);
});

test("R-9: a smaller epoch is refused, and who has it learns the larger one", () => {
  const cluster = inOffice();
  cluster.run(200, 1);
  cluster.isolate("a");
  cluster.control.asked = [];
  cluster.runUntil(() => cluster.primary !== "a" && cluster.primary !== undefined);
  assert.equal(cluster.replica("a").state.configuration?.epoch, 2);
  const refusals = refusalsFrom(cluster, "b");
  cluster.tell("b", "a", 2, {
    kind: "begin",
    stream: 1,
    after: cluster.replica("b").state.base,
    stamp: shardMs(0),
  });
  cluster.connect("a", "b");
  cluster.run(100);
  assert.ok(refusals.includes("smaller-epoch"));
  cluster.run(500);
  assert.equal(cluster.replica("a").isServing, false);
});

test("R-9: nobody takes office by a control plane that is older than a configuration on disk", () => {
  const cluster = inOffice();
  cluster.crash("b");
  cluster.run(3_000, 1);
  const old = cluster.control.history[1];
  assert.ok(old !== undefined && cluster.control.configuration.epoch > old.epoch);
  cluster.control.configuration = old; // Restored from a copy.
  cluster.crash("a");
  cluster.run(20_000);
  assert.equal(cluster.primary, undefined);
  assert.ok(reported(cluster, "c").includes("control-plane-older"));
  assert.equal(cluster.control.configuration, old);
});

test("R-9: an answer of the control plane that is only late is not taken for an older one", () => {
  const cluster = inOffice();
  const [, first] = cluster.control.history;
  assert.ok(first !== undefined);
  cluster.crash("b");
  cluster.run(3_000, 1);
  cluster.member("c").inputs.push({ kind: "read", configuration: first, knownEpoch: first.epoch });
  cluster.run(100);
  assert.equal(cluster.replica("c").state.isControlPlaneOlder, false);
});

test("R-14: a restarted primary answers nothing before it has an epoch of its own", () => {
  const cluster = inOffice();
  cluster.run(500, 1);
  const { epoch: before } = cluster.control.configuration;
  cluster.crash("a");
  cluster.heal();
  cluster.isControlUp = false;
  cluster.run(1_500);
  assert.equal(cluster.replica("a").isServing, false);
  cluster.isControlUp = true;
  cluster.runUntil(() => cluster.primary !== undefined, 3_000);
  assert.ok(cluster.control.configuration.epoch > before);
});

test("R-14: when all restart, a member takes office, and no one who is not", () => {
  const cluster = inOffice();
  cluster.run(500, 1);
  cluster.crash("c");
  cluster.run(4_000, 1);
  assert.equal(inSync(cluster), "ab");
  for (const name of ["a", "b"]) cluster.crash(name);
  cluster.start("c");
  cluster.run(20_000);
  assert.equal(cluster.primary, undefined);
  cluster.crash("c");
  cluster.start("b");
  cluster.run(10_000);
  assert.equal(cluster.primary, "b");
});

test("R-12: a member whose log ends below what is committed has lost data and gives up its store", () => {
  const cluster = inOffice();
  cluster.run(1_000, 1);
  cluster.crash("b");
  cluster.member("b").disk.cutShort(5);
  const { disk } = cluster.member("b");
  const found = disk.found();
  // What it remembers as committed is gone with the WAL, too.
  disk.found = () => ({ ...found, committed: found.entries.at(-1)?.position.lsn ?? found.committed });
  cluster.heal();
  cluster.run(2_000, 1);
  assert.ok(reported(cluster, "b").includes("gives-up-store"));
  assert.equal(cluster.replica("b").state.role, "none");
  cluster.run(5_000, 1);
  assert.equal(inSync(cluster), "ac");
});

test("R-12: one that wins with a short log gives up, and another serves what was committed", () => {
  const cluster = inOffice();
  cluster.run(1_000, 1);
  const { committed } = cluster.replica("b").state;
  cluster.crash("a");
  const { disk } = cluster.member("a");
  disk.cutShort(8);
  const found = disk.found();
  disk.found = () => ({ ...found, committed: found.entries.at(-1)?.position.lsn ?? found.committed });
  cluster.heal(); // It is the configured primary, and takes office at once.
  cluster.run(15_000, 1);
  assert.ok(reported(cluster, "a").includes("gives-up-store"));
  assert.ok(cluster.primary !== "a" && cluster.primary !== undefined);
  assert.ok(cluster.replica(cluster.primary).state.committed > committed);
});

test("R-12: a log that ends below what its own disk knows as committed is seen at the start", () => {
  const cluster = inOffice();
  cluster.run(1_000, 1);
  cluster.crash("b");
  cluster.member("b").disk.cutShort(10);
  cluster.start("b");
  cluster.turn("b");
  assert.ok(reported(cluster, "b").includes("gives-up-store"));
});
