/** who is silent, and what is done about it. R-1: shard time stands where a primary is not heard. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { shardMs } from "../../src/words/ids.js";
import type { Cluster } from "./cluster-driver.js";
import { inOffice, inSync, reported, saidBy } from "./told.js";

test("R-10: a primary without anything to say sends a heartbeat with its stamp every 300 ms", () => {
  const cluster = inOffice();
  const said = saidBy(cluster, "a", "entries");
  cluster.replica("a").step({ kind: "tick", nonce: "n", stamp: shardMs(777) });
  cluster.run(3_000);
  assert.ok(said.length >= 18 && said.length <= 22, `${said.length} to two backups`);
  assert.equal(cluster.replica("b").state.stamp, 777);
});

test("R-11: a silent backup leaves the set, and commits go on", () => {
  const cluster = inOffice();
  cluster.crash("b");
  cluster.run(1_000, 1);
  const stuck = cluster.replica("a").state.committed;
  assert.ok(stuck < 3);
  assert.equal(inSync(cluster), "abc");
  cluster.run(1_500, 1);
  assert.equal(inSync(cluster), "ac");
  assert.ok(cluster.replica("a").state.committed > stuck + 20);
});

test("R-11: one to which most are silent asks only after 2 G, and then goes on alone", () => {
  const cluster = inOffice();
  cluster.crash("b");
  cluster.crash("c");
  cluster.run(3_500, 1);
  assert.equal(inSync(cluster), "abc");
  cluster.run(2_000, 1);
  assert.equal(inSync(cluster), "a");
  assert.ok(cluster.replica("a").state.committed > 50);
});

test("R-11: minInSync keeps it from going on with fewer", () => {
  const cluster = inOffice({ minInSync: 2 });
  cluster.crash("b");
  cluster.run(3_000, 1);
  assert.equal(inSync(cluster), "ac");
  const before = cluster.replica("a").state.committed;
  cluster.crash("c");
  cluster.run(10_000, 1);
  assert.equal(inSync(cluster), "ac");
  assert.ok(cluster.replica("a").state.committed <= before + 2);
  assert.ok(reported(cluster, "a").includes("too-few-in-sync"));
});

test("R-10: a primary that hears nobody for G keeps silent for 2 G, so that another may ask", () => {
  const cluster = inOffice();
  cluster.isControlUp = false;
  const hold = (name: string): void => cluster.disconnect("a", name, "timed-out");
  hold("b");
  hold("c");
  cluster.run(2_500, 1);
  assert.ok(reported(cluster, "a").includes("resigns"));
  cluster.connect("a", "b");
  cluster.connect("a", "c");
  const said = saidBy(cluster, "a", "office");
  cluster.run(1_000);
  assert.deepEqual(said, []);
  cluster.run(4_000);
  assert.ok(said.length > 0, "its configuration stands, so it goes on");
});

test("R-10: one whose log is stalled resigns, and another takes office", () => {
  const cluster = inOffice();
  for (let passed = 0; passed < 12_000; passed += 50) {
    for (const member of cluster.members.values()) member.nowMs += 50;
    for (const name of ["a", "b", "c"]) cluster.turn(name, name === "a" ? 1 : 0);
    for (const name of ["b", "c"]) cluster.sync(name); // a's disk stands still.
    while (cluster.control.asked.length > 0) cluster.controlActs(true);
    for (const from of ["a", "b", "c"]) for (const to of ["a", "b", "c"]) while (cluster.deliver(from, to)) continue;
  }
  const resigned = cluster.member("a").reports.find((report) => report.kind === "resigns");
  assert.ok(resigned?.kind === "resigns" && resigned.why === "log-stalled");
  assert.notEqual(cluster.primary, "a");
});

function refuse(cluster: Cluster, name: string, by: string): void {
  cluster.member(name).inputs.push({ kind: "connection-refused", by });
}

test("R-10: two refused connections 100 ms apart are silence at once, after a connection that was closed", () => {
  const cluster = inOffice();
  cluster.crash("a"); // Which closes its connections.
  for (const name of ["b", "c"]) refuse(cluster, name, "a");
  cluster.run(50);
  for (const name of ["b", "c"]) assert.ok(reported(cluster, name).includes("try-again"));
  for (const name of ["b", "c"]) refuse(cluster, name, "a");
  cluster.run(50);
  assert.equal(cluster.control.configuration.primary, "a", "100 ms have not passed");
  cluster.run(50);
  for (const name of ["b", "c"]) refuse(cluster, name, "a");
  cluster.run(400);
  assert.ok(["b", "c"].includes(cluster.control.configuration.primary));
});

test("R-10: refusals say nothing where the last connection was not closed but timed out", () => {
  const cluster = inOffice();
  cluster.isolate("a");
  for (let count = 0; count < 10; count++) {
    for (const name of ["b", "c"]) refuse(cluster, name, "a");
    cluster.run(100);
  }
  assert.equal(cluster.control.configuration.primary, "a");
});

test("R-1: shard time stands while the oldest unacknowledged frame is older than L", () => {
  const cluster = inOffice();
  cluster.isControlUp = false;
  assert.ok(cluster.replica("a").mayAdvanceTime());
  cluster.isolate("b");
  cluster.run(1_400);
  assert.ok(cluster.replica("a").mayAdvanceTime());
  cluster.run(200);
  assert.ok(!cluster.replica("a").mayAdvanceTime());
  cluster.isControlUp = true;
  cluster.run(1_000);
  assert.ok(cluster.replica("a").mayAdvanceTime(), "it is out of the set");
});

test("R-1: a new primary goes on from the largest stamp stored or heard", () => {
  const cluster = inOffice();
  cluster.run(300, 1);
  cluster.replica("a").step({ kind: "tick", nonce: "n", stamp: shardMs(5_000) });
  cluster.run(1_000);
  cluster.crash("a");
  let stamp = 0;
  cluster.onTurn = (_, outputs) => {
    for (const order of outputs.actor) if (order.kind === "take-office") stamp = order.stamp;
  };
  cluster.runUntil(() => cluster.primary !== undefined);
  assert.equal(stamp, 5_000);
});

test("R-16: while no replica fails, nothing is asked of the control plane", () => {
  const cluster = inOffice();
  cluster.isControlUp = false;
  cluster.control.asked = [];
  cluster.run(60_000, 1, 100);
  assert.deepEqual(cluster.control.asked, []);
  assert.ok(cluster.replica("a").state.committed > 500);
});
