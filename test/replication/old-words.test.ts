/** words of an older epoch, stream or life count for nothing, and nothing is said too early. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { confirmedRound } from "../../src/replication/commit.js";
import { epoch, lsn, shardMs } from "../../src/words/ids.js";
import { inOffice, refusalsFrom } from "./told.js";

test("R-8: an answer about an event waits for its commit, though its round is confirmed", () => {
  const cluster = inOffice();
  cluster.run(500, 1);
  const a = cluster.replica("a");
  const { committed } = a.state;
  assert.ok(a.mayAnswer(committed, 1));
  assert.ok(!a.mayAnswer(lsn(committed + 1), 1));
});

test("R-8: who learns of a larger epoch refuses its primary at once, so that no later empty frame speaks for it", () => {
  const cluster = inOffice();
  const refusals = refusalsFrom(cluster, "b");
  const configuration = { ...cluster.control.configuration, epoch: epoch(3), primary: "c", nonce: "other" };
  cluster.member("b").inputs = [{ kind: "read", configuration, knownEpoch: 2 }];
  cluster.turn("b");
  assert.deepEqual(refusals, ["smaller-epoch"]);
});

test("R-9: entries of a smaller epoch are refused, whatever else is right about them", () => {
  const cluster = inOffice();
  const { stream, committed } = cluster.replica("b").state;
  const refusals = refusalsFrom(cluster, "b");
  const entries = { kind: "entries", stream, entries: [], committed, stamp: shardMs(0), digestAt: lsn(0) } as const;
  cluster.tell("b", "a", 1, entries);
  cluster.turn("b");
  assert.deepEqual(refusals, ["smaller-epoch"]);
});

test("R-8: a new connection begins with nothing acknowledged", () => {
  const cluster = inOffice();
  cluster.run(500, 1);
  const { state } = cluster.replica("a");
  assert.ok(confirmedRound(state) > 1);
  cluster.connect("a", "b");
  cluster.turn("a");
  assert.equal(confirmedRound(state), 0);
  assert.equal(state.peers[0]?.stored, 0);
  cluster.run(500, 1);
  assert.ok(confirmedRound(state) > 1);
});

test("R-13, R-14: an epoch that an earlier life asked for gives no office, though it names this replica", () => {
  const cluster = inOffice();
  cluster.isControlUp = false;
  cluster.crash("a");
  cluster.start("a");
  cluster.connect("a", "b");
  cluster.connect("a", "c");
  const { state } = cluster.replica("a");
  const { configuration } = cluster.control;
  for (let count = 0; count < 4; count++) {
    cluster.member("a").inputs.push({ kind: "read", configuration, knownEpoch: configuration.epoch });
    cluster.run(100);
  }
  assert.ok(state.pending !== null, "it has asked in this life, too");
  const late = { ...configuration, epoch: epoch(configuration.epoch + 1), nonce: "of-an-earlier-life" };
  cluster.control.asked = [];
  cluster.member("a").inputs.push({ kind: "read", configuration: late, knownEpoch: configuration.epoch });
  cluster.turn("a");
  assert.equal(state.role, "backup");
  assert.equal(state.pending, null);
});

test("R-12: office is asked for by the configuration on disk, not by one that is not there yet", () => {
  const cluster = inOffice();
  cluster.run(300, 1);
  cluster.isControlUp = false;
  cluster.isolate("b");
  const configuration = { ...cluster.control.configuration, epoch: epoch(3), primary: "c", nonce: "other" };
  const { inputs } = cluster.member("b");
  inputs.push({ kind: "read", configuration, knownEpoch: 2 });
  cluster.control.asked = [];
  const asksFor = (ms: number): boolean => {
    for (let passed = 0; passed < ms; passed += 100) {
      cluster.member("b").nowMs += 100;
      cluster.member("b").inputs.push({ kind: "read", configuration, knownEpoch: 3 });
      cluster.turn("b"); // Its disk stands still.
    }
    return cluster.control.asked.some(({ request }) => request.kind === "compare-and-swap");
  };
  assert.ok(!asksFor(10_000));
  cluster.sync("b");
  assert.ok(asksFor(1_000));
});
