/** what nobody in his right mind says, or says at the wrong time, changes nothing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { readEntry } from "../../src/replication/entry.js";
import { epoch, lsn, shardMs } from "../../src/words/ids.js";
import { xxhash32 } from "../../src/words/xxhash32.js";
import type { Cluster } from "./cluster-driver.js";
import { inOffice, inSync, refusalsFrom, reported, saidBy } from "./told.js";

/** A cluster with a log of some entries. */
function withLog(): Cluster {
  const cluster = inOffice();
  cluster.run(500, 1);
  return cluster;
}

test("R-7: an entry of no events, or that begins before its predecessor ends, is none, though its checksum is right", () => {
  const { bytes } = withLog().replica("a").state.tail.at(-1) ?? assert.fail("there are entries");
  const changed = (change: (view: DataView) => void): Uint8Array => {
    const copy = bytes.slice();
    const view = new DataView(copy.buffer);
    change(view);
    view.setUint32(60, 0, true);
    view.setUint32(60, xxhash32(view, 0, copy.length, view.getUint32(52, true)), true);
    return copy;
  };
  assert.ok(readEntry(changed(() => undefined)) !== null);
  assert.equal(readEntry(changed((view) => view.setUint32(16, 0, true))), null);
  assert.equal(readEntry(changed((view) => view.setFloat64(40, view.getFloat64(8, true), true))), null);
});

test("R-9: office of one that the configuration does not name is refused, and so is what such a one would feed", () => {
  const cluster = withLog();
  const { state } = cluster.replica("b");
  const { configuration, stream } = state;
  assert.ok(configuration !== null);
  const refusals = refusalsFrom(cluster, "b");
  cluster.tell("b", "c", configuration.epoch, { kind: "office", stream: 9, configuration });
  cluster.tell("b", "c", configuration.epoch, { kind: "begin", stream, after: state.base, stamp: shardMs(0) });
  cluster.turn("b");
  assert.deepEqual(refusals, ["no-part", "gap"]);
  assert.equal(state.stream, stream, "it still follows the primary");
});

test("R-7: where a stream is to begin, and a tail that is asked for, must be in the own log", () => {
  const cluster = withLog();
  const { state } = cluster.replica("b");
  const { stream, tail, configuration } = state;
  const end = tail.at(-1)?.position;
  assert.ok(end !== undefined && configuration !== null);
  const elsewhere = { ...end, lsn: lsn(end.lsn + 5) };
  const refusals = refusalsFrom(cluster, "b");
  cluster.member("b").inputs = []; // What the primary has just sent would come first.
  cluster.tell("b", "a", configuration.epoch, { kind: "begin", stream, after: elsewhere, stamp: shardMs(0) });
  cluster.tell("b", "a", configuration.epoch, { kind: "fetch", stream, after: elsewhere });
  cluster.turn("b");
  assert.deepEqual(refusals, ["gap", "gap"]);
  assert.deepEqual(state.tail.at(-1)?.position, end);
});

test("R-13: a member takes no snapshot: it may be the last to have what that would throw away", () => {
  const cluster = withLog();
  const { state } = cluster.replica("b");
  const { stream, configuration, base } = state;
  assert.ok(configuration !== null);
  const refusals = refusalsFrom(cluster, "b");
  const log = cluster.log("b");
  const snapshot = { kind: "pages", stream, number: 0, position: base, pages: [], isLast: false } as const;
  cluster.tell("b", "a", configuration.epoch, snapshot);
  cluster.turn("b");
  cluster.sync("b");
  assert.deepEqual(refusals, ["gap"]);
  assert.deepEqual(cluster.log("b").slice(0, log.length), log);
});

test("R-9: another configuration of the very epoch that is known means a control plane that was restored", () => {
  const cluster = withLog();
  const configuration = { ...cluster.control.configuration, nonce: "other" };
  const { epoch: known } = configuration;
  cluster.member("b").inputs.push({ kind: "read", configuration, knownEpoch: known });
  cluster.member("b").inputs.push({ kind: "read", configuration, knownEpoch: known });
  cluster.turn("b");
  assert.ok(cluster.replica("b").state.isControlPlaneOlder);
  assert.equal(reported(cluster, "b").filter((kind) => kind === "control-plane-older").length, 1, "told once");
});

test("R-9: who hears from another that the control plane is older takes no office, and says so to who asks", () => {
  const cluster = withLog();
  cluster.member("c").inputs.push({ kind: "control-plane-is-older" });
  cluster.turn("c");
  const here = saidBy(cluster, "c", "here");
  cluster.tell("c", "b", cluster.control.configuration.epoch, { kind: "ask" });
  cluster.turn("c");
  assert.deepEqual(
    here.map(({ isControlPlaneOlder }) => isControlPlaneOlder),
    [true],
  );
  cluster.crash("a");
  cluster.run(20_000);
  assert.equal(cluster.primary, undefined);
  assert.ok(cluster.replica("b").state.isControlPlaneOlder, "it has asked c");
});

test("R-9: who is told of a larger epoch by an answer reads the control plane before it does anything", () => {
  const cluster = withLog();
  cluster.control.asked = [];
  cluster.tell("b", "c", cluster.control.configuration.epoch + 3, { kind: "here", isControlPlaneOlder: false });
  cluster.turn("b");
  assert.deepEqual(
    cluster.control.asked.map(({ by, request }) => [by, request.kind]),
    [["b", "read"]],
  );
});

test("R-15: the operator's word moves no replica that is in sync, and none while the control plane is older", () => {
  const cluster = inOffice({}, { inSync: ["a", "b"] });
  cluster.crash("c");
  cluster.run(200, 1);
  cluster.member("b").inputs.push({ kind: "promote", waitMs: 0 });
  cluster.turn("b");
  assert.equal(cluster.replica("b").state.promoteAtMs, -1);
  for (const name of ["a", "b"]) cluster.crash(name);
  cluster.start("c");
  cluster.member("c").inputs.push({ kind: "control-plane-is-older" }, { kind: "promote", waitMs: 1_000 });
  cluster.run(20_000);
  assert.equal(cluster.primary, undefined);
  assert.equal(cluster.control.configuration.era, 0);
});

test("a wish of placement waits while another change is under way", () => {
  const cluster = withLog();
  cluster.isControlUp = false;
  cluster.control.asked = [];
  for (const gone of ["c", "b"]) {
    const replicas = ["a", "b", "c"].filter((name) => name !== gone);
    cluster.member("a").inputs.push({ kind: "replicas", replicas });
    cluster.turn("a");
  }
  assert.deepEqual(
    cluster.control.asked.flatMap(({ request }) => (request.kind === "read" ? [] : [request.next.replicas])),
    [["a", "b"]],
  );
});

test("R-20: a digest of an LSN that is not named, or of one who is not in office, is compared with nothing", () => {
  const cluster = inOffice({ digestEveryEvents: 5 });
  cluster.runUntil(() => {
    cluster.run(50, 1);
    return cluster.replica("a").state.digest !== "";
  });
  const { digestLsn } = cluster.replica("a").state;
  const { epoch: known } = cluster.control.configuration;
  const digest = { kind: "digest", lsn: lsn(digestLsn - 1), digest: "wrong" } as const;
  for (const to of ["a", "b"]) cluster.tell(to, "c", known, digest);
  cluster.member("a").inputs.push({ ...digest, digest: "late" });
  cluster.run(1_000, 1);
  assert.equal(inSync(cluster), "abc");
  for (const name of ["a", "b"]) assert.ok(!reported(cluster, name).includes("digests-differ"));
});

test("R-20: a backup that tells its digest before the primary knows its own is compared all the same", () => {
  const cluster = inOffice({ digestEveryEvents: 1_000_000, digestEveryMs: 1_000 });
  cluster.run(300, 1);
  const said: number[] = [];
  cluster.onTurn = (member, outputs) => {
    for (const order of outputs.actor) if (member.name === "a" && order.kind === "digest") said.push(order.lsn);
  };
  for (let passed = 0; said.length === 0 && passed < 5_000; passed += 50) {
    cluster.member("a").nowMs += 50;
    cluster.turn("a", 1);
    cluster.sync("a");
  }
  const [named] = said;
  assert.ok(named !== undefined);
  const digest = { kind: "digest", lsn: lsn(named), digest: "wrong" } as const;
  const { inputs } = cluster.member("a"); // Its own digest is there, and not read yet.
  const own = inputs.splice(0);
  cluster.tell("a", "b", cluster.control.configuration.epoch, digest);
  cluster.member("a").inputs.push(...own);
  cluster.turn("a");
  assert.ok(reported(cluster, "a").includes("digests-differ"));
});

test("what is meant for another replica, or another shard, is not heard", () => {
  const cluster = withLog();
  const before = structuredClone(cluster.replica("b").state);
  const next = { ...cluster.control.configuration, epoch: epoch(9), nonce: "other" };
  const message = { from: "a", epoch: next.epoch, kind: "tell", configuration: next } as const;
  const { shard } = before;
  const { inputs } = cluster.member("b");
  inputs.length = 0;
  const replica = cluster.replica("b");
  replica.step({ kind: "message", message: { ...message, shard, to: "c" } });
  assert.deepEqual(replica.state.configuration, before.configuration);
  replica.step({ kind: "message", message: { ...message, shard, to: "b" } });
  assert.equal(replica.state.configuration?.epoch, 9, "and what is meant for it is");
});

test("R-7: a part that has ended learns of configurations and takes office by none", () => {
  const cluster = withLog();
  cluster.member("b").inputs.push({ kind: "store-failed" });
  cluster.turn("b");
  const next = { ...cluster.control.configuration, epoch: epoch(9), primary: "b", nonce: "other" };
  cluster.tell("b", "c", 9, { kind: "tell", configuration: next });
  cluster.member("b").inputs.push({ kind: "promote", waitMs: 0 });
  cluster.run(5_000);
  assert.equal(cluster.replica("b").state.role, "none");
  assert.ok(cluster.replica("b").state.hasEnded);
});
