/** the log is a chain, and nothing that is committed is ever cut. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { readEntry } from "../../src/replication/entry.js";
import { lsn, shardMs } from "../../src/words/ids.js";
import { Cluster } from "./cluster-driver.js";
import { inOffice, refusalsFrom } from "./told.js";
import { writeEntry } from "./entry-writer.js";

test("R-7: an entry whose bytes were changed is no entry", () => {
  const cluster = inOffice();
  cluster.run(200, 1);
  const entry = cluster.replica("a").state.tail.at(-1);
  assert.ok(entry !== undefined && readEntry(entry.bytes) !== null);
  for (const at of [0, 9, 20, 44, 60, 90]) {
    const spoilt = entry.bytes.slice();
    spoilt[at] = (spoilt[at] ?? 0) ^ 1;
    assert.equal(readEntry(spoilt), null, `byte ${at}`);
  }
  assert.equal(readEntry(entry.bytes.subarray(0, 79)), null);
});

test("R-7: a gap is judged by the entry before, and refused; then both agree again and go on", () => {
  const cluster = inOffice();
  cluster.run(200, 1);
  const { stream, configuration } = cluster.replica("b").state;
  const end = cluster.replica("b").state.tail.at(-1)?.position;
  assert.ok(end !== undefined && configuration !== null);
  // Its LSN is the next one, but it continues another entry with the LSN of the last.
  const other = writeEntry({
    epoch: configuration.epoch,
    era: 0,
    previous: { ...end, checksum: end.checksum ^ 1 },
    committed: end.lsn,
    stamp: 1,
    mark: 99,
  });
  const entries = { kind: "entries", stream, entries: [other], committed: end.lsn, digestAt: lsn(0) } as const;
  const refusals = refusalsFrom(cluster, "b");
  const under = cluster.member("b").inputs.splice(0);
  cluster.tell("b", "a", configuration.epoch, { ...entries, stamp: other.stamp });
  cluster.member("b").inputs.push(...under);
  cluster.turn("b");
  assert.equal(refusals[0], "gap");
  const { checksum } = other.position;
  assert.ok(cluster.replica("b").state.tail.every(({ position }) => position.checksum !== checksum));
  cluster.run(1_000, 1);
  assert.deepEqual(cluster.log("b").slice(-5), cluster.log("c").slice(-5));
  assert.ok(cluster.replica("a").state.committed > end.lsn + 10);
});

test("R-7: a tail that was never committed is cut by the next primary's log", () => {
  const cluster = inOffice();
  cluster.run(200, 1);
  cluster.isolate("a");
  cluster.turn("a", 3);
  cluster.sync("a");
  const lost = cluster.log("a").slice(-3);
  cluster.crash("a");
  cluster.run(5_000, 1);
  cluster.heal();
  cluster.run(20_000, 1);
  assert.deepEqual(
    cluster.log("a").filter((entry) => lost.includes(entry)),
    [],
  );
  assert.deepEqual(cluster.log("a").slice(0, 20), cluster.log("b").slice(0, 20));
});

test("R-7, INV-3: nobody can make a member cut what it knows to be committed", () => {
  const cluster = inOffice();
  cluster.run(500, 1);
  const { stream, committed, tail, configuration } = cluster.replica("b").state;
  const early = tail[1]?.position;
  assert.ok(early !== undefined && early.lsn < committed && configuration !== null);
  const refusals = refusalsFrom(cluster, "b");
  cluster.tell("b", "a", configuration.epoch, { kind: "begin", stream, after: early, stamp: shardMs(0) });
  cluster.turn("b");
  assert.deepEqual(refusals, ["gap"]);
  assert.ok(cluster.replica("b").state.committed >= committed);
  assert.ok(cluster.member("b").reports.some(({ kind }) => kind === "refuses-cut"));
});

test("R-7: a part whose disk failed takes nothing more, and says so before anything is acknowledged", () => {
  const cluster = inOffice();
  cluster.run(200, 1);
  const refusals = refusalsFrom(cluster, "b");
  cluster.member("b").inputs.push({ kind: "store-failed" });
  cluster.turn("b");
  assert.deepEqual(refusals, ["no-part"]);
  assert.equal(cluster.replica("b").state.role, "none");
  const before = cluster.replica("a").state.committed;
  cluster.run(5_000, 1);
  assert.ok(!cluster.control.configuration.inSync.includes("b"));
  assert.ok(cluster.replica("a").state.committed > before);
});

test("R-7: a part with a hole in what is stored has ended", () => {
  const cluster = new Cluster();
  const member = cluster.member("b");
  const found = member.disk.found();
  member.disk.found = () => ({ ...found, isDamaged: true });
  cluster.heal();
  cluster.run(10_000, 1);
  assert.equal(cluster.replica("b").state.role, "none");
  assert.deepEqual([...cluster.control.configuration.inSync].sort(), ["a", "c"]);
});
