/** coming back, snapshots, and compare-and-swaps whose outcome is unknown. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { confirmedRound, neededPeers } from "../../src/replication/commit.js";
import { lsn } from "../../src/words/ids.js";
import { inOffice, inSync, saidBy } from "./told.js";

test("R-13: one that comes back catches up, keeps up for 10 s, and is added", () => {
  const cluster = inOffice();
  cluster.run(500, 1);
  cluster.crash("b");
  cluster.run(3_000, 1);
  assert.equal(inSync(cluster), "ac");
  cluster.heal();
  cluster.run(9_000, 1);
  assert.equal(inSync(cluster), "ac");
  cluster.run(3_000, 1);
  assert.equal(inSync(cluster), "abc");
  assert.deepEqual(cluster.log("b").slice(0, 200), cluster.log("a").slice(0, 200));
});

test("R-13: a learner is needed for commits before the set with it is asked for", () => {
  const cluster = inOffice({ learnerSteadyMs: 60_000 }, { inSync: ["a", "b"] });
  cluster.isControlUp = false;
  cluster.control.asked = [];
  cluster.run(500, 1);
  const { state } = cluster.replica("a");
  assert.deepEqual(
    neededPeers(state).map(({ name }) => name),
    ["b", "c"],
  );
  // It has stored nothing of this: so it is not committed.
  cluster.turn("a", 1);
  const end = state.tail.at(-1)?.position.lsn ?? 0;
  for (let count = 0; count < 4; count++) {
    for (const name of ["a", "b", "c"]) cluster.turn(name);
    for (const name of ["a", "b"]) cluster.sync(name);
    while (cluster.deliver("a", "b") || cluster.deliver("b", "a") || cluster.deliver("a", "c")) continue;
    while (cluster.deliver("c", "a")) continue;
  }
  assert.ok(state.committed < end, "it waits for the learner");
  cluster.crash("c");
  cluster.run(200, 1);
  assert.ok(state.committed > end, "no set with it was asked for, so it need not wait any longer");
});

test("R-13: while a set with the learner may be in force, it is needed however silent it is", () => {
  const cluster = inOffice({ learnerSteadyMs: 1_500 }, { inSync: ["a", "b"] });
  cluster.isControlUp = false;
  cluster.control.asked = [];
  cluster.run(2_000, 1);
  const { state } = cluster.replica("a");
  assert.deepEqual(state.pending?.next.inSync, ["a", "b", "c"]);
  const before = state.committed;
  cluster.crash("c");
  cluster.run(4_000, 1);
  assert.ok(state.committed <= before + 2);
  assert.ok(confirmedRound(state) < cluster.member("a").round);
  cluster.isControlUp = true;
  cluster.run(4_000, 1);
  assert.equal(inSync(cluster), "ab");
  assert.ok(state.committed > before + 50);
});

test("R-13: a failed comparison leaves the outcome unknown; reading the old epoch does, too", () => {
  const cluster = inOffice();
  cluster.isControlUp = false;
  cluster.crash("b");
  cluster.run(2_000, 1);
  const { state } = cluster.replica("a");
  const { pending } = state;
  assert.ok(pending !== null && !pending.next.inSync.includes("b"));
  const { committed } = state;
  const { inputs } = cluster.member("a");
  inputs.push({ kind: "not-written" });
  inputs.push({ kind: "read", configuration: pending.expected, knownEpoch: pending.expected.epoch });
  cluster.run(200, 1);
  assert.equal(state.pending?.next.nonce, pending.next.nonce, "the same request, under the same nonce");
  assert.equal(state.committed, committed, "b is still needed");
  // It was applied all the same, and read at last.
  cluster.control.configuration = pending.next;
  inputs.length = 0;
  cluster.member("a").inputs.push({ kind: "read", configuration: pending.next, knownEpoch: pending.expected.epoch });
  cluster.run(500, 1);
  assert.equal(state.pending, null);
  assert.ok(cluster.replica("a").isServing && state.committed > committed);
});

test("R-13: the same request is asked again until its outcome is known", () => {
  const cluster = inOffice();
  cluster.isControlUp = false;
  cluster.crash("b");
  cluster.run(5_000, 1);
  const swaps = cluster.control.asked.flatMap(({ request }) => (request.kind === "compare-and-swap" ? [request] : []));
  assert.ok(swaps.length > 4);
  assert.equal(new Set(swaps.map(({ next, expected }) => `${expected.epoch} ${next.nonce}`)).size, 1);
});

test("R-13: an epoch with another's nonce says that the own change was not made", () => {
  const cluster = inOffice();
  cluster.isControlUp = false;
  cluster.isolate("a");
  cluster.run(4_500);
  const { state } = cluster.replica("a");
  const mine = state.pending;
  assert.ok(mine !== null, "it asks to go on alone");
  cluster.runUntil(() => {
    cluster.control.asked = cluster.control.asked.filter(({ by }) => by !== "a");
    while (cluster.control.asked.length > 0) cluster.controlActs(true);
    return cluster.primary !== "a" && cluster.primary !== undefined;
  });
  const { configuration } = cluster.control;
  cluster.member("a").inputs.push({ kind: "read", configuration, knownEpoch: mine.expected.epoch });
  cluster.turn("a");
  assert.equal(state.pending, null);
  assert.equal(state.role, "learner");
  assert.ok(!cluster.replica("a").isServing);
});

test("R-13: a learner that the log does not reach gets a snapshot of committed state, then the log from there", () => {
  const cluster = inOffice({ tailKeptBytes: 0, learnerSteadyMs: 1_000 });
  cluster.run(500, 1);
  cluster.crash("b");
  cluster.run(5_000, 1);
  cluster.member("a").disk.dropUpTo(lsn(50));
  cluster.run(500);
  const pages = saidBy(cluster, "a", "pages");
  cluster.heal();
  cluster.run(5_000, 1);
  assert.ok(pages.length >= 2 && pages.at(-1)?.isLast === true);
  assert.ok(cluster.member("b").disk.durable.base.lsn >= 50);
  assert.equal(inSync(cluster), "abc");
  const end = cluster.log("a").slice(-10, -5);
  assert.ok(end.every((entry) => cluster.log("b").includes(entry)));
});

test("R-13: a learner that lacks more than is in memory is fed from the log", () => {
  const cluster = inOffice({ tailKeptBytes: 0, learnerSteadyMs: 1_000 });
  cluster.run(500, 1);
  cluster.crash("b");
  cluster.run(5_000, 1);
  const pages = saidBy(cluster, "a", "pages");
  cluster.heal();
  cluster.run(10_000);
  assert.deepEqual(pages, []);
  assert.equal(inSync(cluster), "abc");
  assert.deepEqual(cluster.log("b"), cluster.log("a"));
});

test("R-7, INV-3: one that is fed from the log keeps everything that both have", () => {
  const cluster = inOffice({ tailKeptBytes: 0, learnerSteadyMs: 1_000 });
  cluster.run(500, 1);
  cluster.crash("b");
  const had = cluster.log("b");
  const { disk } = cluster.member("b");
  const found = disk.found();
  const [first] = found.entries;
  assert.ok(first !== undefined);
  // It stored everything, and heard of nearly no commit.
  disk.found = () => ({ ...found, committed: first.position.lsn });
  cluster.run(5_000, 1);
  const begins = saidBy(cluster, "a", "begin");
  cluster.heal();
  cluster.run(1_000);
  assert.deepEqual(
    begins.map(({ after }) => after.lsn),
    [had.length],
  );
});
