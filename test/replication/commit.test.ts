/** what is committed, what may be answered, and that nothing waits for what it need not wait for. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { lsn } from "../../src/words/ids.js";
import { inOffice, saidBy, turnAndDeliver } from "./told.js";

test("R-8: an entry is committed when it is on disk on every member, and not before", () => {
  const cluster = inOffice();
  turnAndDeliver(cluster, "a", "b", 1);
  cluster.deliver("a", "c");
  const a = cluster.replica("a");
  for (const name of ["b", "c"]) {
    cluster.turn(name);
    cluster.sync(name);
    cluster.turn(name);
    cluster.deliver(name, "a");
    while (cluster.deliver(name, "a")) continue;
  }
  cluster.turn("a");
  assert.equal(a.state.committed, 0, "its own disk has not stored it");
  cluster.sync("a");
  cluster.turn("a");
  assert.equal(a.state.committed, 1);
});

test("R-8: what a backup has received and not stored is not acknowledged", () => {
  const cluster = inOffice();
  const a = cluster.replica("a");
  cluster.turn("a", 1);
  cluster.sync("a");
  cluster.deliver("a", "b");
  cluster.deliver("a", "c");
  cluster.turn("c");
  cluster.sync("c");
  for (let count = 0; count < 5; count++) {
    for (const name of ["a", "b", "c"]) cluster.turn(name);
    while (cluster.deliver("b", "a") || cluster.deliver("c", "a")) continue;
  }
  assert.equal(a.state.committed, 0);
  cluster.sync("b");
  cluster.turn("b");
  cluster.deliver("b", "a");
  cluster.turn("a");
  assert.equal(a.state.committed, 1);
});

test("R-8, INV-5: an answer without an event waits until every member has acknowledged a later frame", () => {
  const cluster = inOffice();
  const a = cluster.replica("a");
  cluster.turn("a");
  const { round } = cluster.member("a");
  assert.ok(!a.mayAnswer(lsn(0), round));
  assert.ok(a.mayAnswer(lsn(0), 1), "what was read long ago is confirmed");
  cluster.run(1_000);
  assert.ok(a.mayAnswer(lsn(0), round));
});

test("R-8, INV-5: a primary that was replaced answers nothing of what it reads later", () => {
  const cluster = inOffice();
  const a = cluster.replica("a");
  cluster.isolate("a");
  cluster.run(1_000);
  const { round } = cluster.member("a");
  cluster.control.asked = [];
  cluster.runUntil(() => cluster.primary !== "a");
  assert.ok(!a.mayAnswer(lsn(0), round));
});

test("R-8: the next entries leave before the last are acknowledged", () => {
  const cluster = inOffice();
  const said = saidBy(cluster, "a", "entries");
  for (let count = 0; count < 5; count++) cluster.turn("a", 1);
  const sent = said.flatMap(({ entries }) => entries.map(({ position }) => position.lsn));
  assert.deepEqual(sent, [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]);
});

test("R-8: a backup applies what is committed, and stores what is not", () => {
  const cluster = inOffice();
  cluster.run(1_000, 1);
  const { state } = cluster.replica("b");
  assert.ok(state.applied > 10 && state.applied === state.committed);
  assert.equal(cluster.member("b").actor.applied.lsn, state.applied);
});

test("R-8: one who is slow gets only so much that is not acknowledged, and then leaves the set", () => {
  const cluster = inOffice({ unacknowledgedBytesMax: 1_000 });
  const a = cluster.replica("a");
  let most = 0;
  for (let count = 0; count < 40; count++) {
    for (const member of cluster.members.values()) member.nowMs += 50;
    cluster.turn("a", 1);
    cluster.sync("a");
    cluster.deliver("a", "b");
    cluster.deliver("a", "c");
    cluster.turn("b");
    cluster.turn("c");
    cluster.sync("c"); // b's disk stands still.
    cluster.deliver("c", "a");
    most = Math.max(most, a.state.peers[0]?.inFlightBytes ?? 0);
    while (cluster.control.asked.length > 0) cluster.controlActs(true);
  }
  assert.ok(most >= 1_000 && most <= 1_000 + 120, `${most}`);
  assert.deepEqual(cluster.control.configuration.inSync, ["a", "c"]);
  cluster.run(500, 1);
  assert.ok(a.state.committed > 30);
});
