/** The control plane in a real etcd: what is written, what is not known to be written, and what a watch makes up for. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type ClusterFacts, ControlFault, type NodeRecord, type Seen } from "../../src/control/control-plane.js";
import { EtcdControlPlane } from "../../src/control/etcd.js";
import { EtcdConnection } from "../../src/control/etcd-connection.js";
import { endOfPrefix } from "../../src/control/etcd-values.js";
import { EtcdWatch } from "../../src/control/etcd-watch.js";
import type { Configuration } from "../../src/words/configuration.js";
import { epoch, shardIndex } from "../../src/words/ids.js";
import { type Etcd, etcdMissing, startEtcd } from "./etcd-process.js";

const FACTS: ClusterFacts = { clusterId: "c1", shards: 64, stores: 2, workers: 2, firstEra: 0, grownFrom: "" };
const PATIENCE = { callMs: 400, totalMs: 1_000, pauseMs: 20 };
const WATCH_PATIENCE = { askMs: 100, silentMs: 1_000, pauseMs: 20 };
const UNTIL_MS = 30_000;

function first(shard: number): Configuration {
  return {
    shard: shardIndex(shard),
    epoch: epoch(1),
    era: 0,
    primary: "n1/s1",
    inSync: ["n1/s1", "n2/s2"],
    replicas: ["n1/s1", "n2/s2", "n3/s3"],
    nonce: randomBytes(16).toString("hex"),
  };
}

function nextAfter(configuration: Configuration): Configuration {
  const nonce = randomBytes(16).toString("hex");
  return { ...configuration, epoch: epoch(configuration.epoch + 1), nonce };
}

function record(node: string): NodeRecord {
  const stores = [`${node}-store`];
  return { node, name: node, place: 0, main: "h:1", clients: ["h:2"], peers: ["h:3"], stores, software: "0.1.0" };
}

async function until(what: string, holds: () => boolean): Promise<void> {
  const endMs = performance.now() + UNTIL_MS;
  while (!holds()) {
    assert.ok(performance.now() < endMs, `waited in vain for ${what}`);
    await delay(5);
  }
}

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof ControlFault && error.code === code;
}

describe("the control plane in etcd", { skip: etcdMissing }, () => {
  const planes: EtcdControlPlane[] = [];
  let etcd: Etcd;
  let clusters = 0;

  before(async () => {
    etcd = await startEtcd();
  });
  after(async () => {
    for (const plane of planes) plane.close();
    await etcd.stop();
  });

  function open(cluster: string, controlPlaneId: string | null = null, endpoints = etcd.endpoints): EtcdControlPlane {
    const patience = { patience: PATIENCE, watchPatience: WATCH_PATIENCE };
    const plane = new EtcdControlPlane({ endpoints, cluster, controlPlaneId, ...patience });
    planes.push(plane);
    return plane;
  }

  /** A cluster of its own for each test. */
  async function make(): Promise<{ readonly cluster: string; readonly plane: EtcdControlPlane; readonly id: string }> {
    const cluster = `cluster-${++clusters}`;
    const plane = open(cluster);
    const { controlPlaneId } = await plane.establish(FACTS);
    return { cluster, plane, id: controlPlaneId };
  }

  test("a cluster is made once, and whoever comes later is told the facts that stand", async () => {
    const cluster = "made-once";
    const [one, other] = [open(cluster), open(cluster)];
    assert.equal(await one.facts(), null);
    const [mine, theirs] = await Promise.all([
      one.establish(FACTS),
      other.establish({ ...FACTS, clusterId: "c2", shards: 128 }),
    ]);
    assert.deepEqual(mine, theirs);
    assert.deepEqual(await open(cluster).facts(), mine);
  });

  test("a configuration is written only over the one that was expected, by epoch and nonce (R-9)", async () => {
    const { plane } = await make();
    const one = first(7);
    assert.equal(await plane.read(shardIndex(7)), null);
    assert.equal(await plane.compareAndSwap({ epoch: epoch(0), nonce: "none" }, one), "not-written");
    assert.equal(await plane.compareAndSwap(null, one), "written");
    assert.equal(await plane.compareAndSwap(null, first(7)), "not-written");
    assert.equal(await plane.compareAndSwap({ ...one, nonce: "another" }, nextAfter(one)), "not-written");
    const two = nextAfter(one);
    assert.equal(await plane.compareAndSwap(one, two), "written");
    assert.equal(await plane.compareAndSwap(one, two), "not-written", "the same request again is written once");
    assert.deepEqual(await plane.read(shardIndex(7)), two);
    const twelve = first(12);
    await plane.compareAndSwap(null, twelve);
    assert.deepEqual(await plane.readAll(), [two, twelve]);
  });

  test("an epoch that begins as another does is another", async () => {
    const { plane } = await make();
    const eleven = { ...first(0), epoch: epoch(11), nonce: "ab" };
    await plane.compareAndSwap(null, eleven);
    assert.equal(
      await plane.compareAndSwap({ epoch: epoch(1), nonce: "ab" }, { ...eleven, epoch: epoch(2) }),
      "not-written",
    );
    assert.equal(await plane.compareAndSwap({ ...eleven, nonce: "a" }, nextAfter(eleven)), "not-written");
    assert.equal(await plane.compareAndSwap(eleven, nextAfter(eleven)), "written");
  });

  test("of many who change one configuration at once, one has written it", async () => {
    const { cluster, plane, id } = await make();
    const one = first(1);
    await plane.compareAndSwap(null, one);
    const rivals = Array.from({ length: 8 }, () => ({ rival: open(cluster, id), next: nextAfter(one) }));
    const outcomes = await Promise.all(rivals.map(({ rival, next }) => rival.compareAndSwap(one, next)));
    const winners = rivals.filter((_, index) => outcomes[index] === "written");
    assert.equal(winners.length, 1);
    assert.equal((await plane.read(shardIndex(1)))?.nonce, winners[0]?.next.nonce);
  });

  test("while etcd is frozen a change ends as not written, and reading tells later what became of it (R-13)", async () => {
    const { plane } = await make();
    const one = first(2);
    await plane.compareAndSwap(null, one);
    const [member] = etcd.members;
    const two = nextAfter(one);
    member?.freeze();
    try {
      const beganMs = performance.now();
      assert.equal(await plane.compareAndSwap(one, two), "not-written");
      assert.ok(performance.now() - beganMs < 10_000, "the deadline was kept");
      await assert.rejects(plane.read(shardIndex(2)), hasCode("control-plane-unreachable"));
    } finally {
      member?.thaw();
    }
    const read = await plane.read(shardIndex(2));
    const isTold = read?.nonce === one.nonce || read?.nonce === two.nonce;
    assert.ok(isTold, "it is one of the two that are possible");
  });

  test("a watch tells all there is and then each change, in order", async () => {
    const { cluster, plane, id } = await make();
    const one = first(3);
    await plane.compareAndSwap(null, one);
    await plane.announce(record("n1"));
    const seen: Seen[] = [];
    const stop = open(cluster, id).watch((what) => seen.push(what));
    await until("what is there", () => seen.some(({ kind }) => kind === "in-touch"));
    const two = nextAfter(one);
    await plane.compareAndSwap(one, two);
    await plane.setDraining("n1", true);
    await plane.remove("n1");
    await until("the removal", () => seen.some((what) => what.kind === "draining" && !what.isDraining));
    stop();
    await plane.compareAndSwap(two, nextAfter(two));
    assert.deepEqual(seen, [
      { kind: "configuration", configuration: one },
      { kind: "node", record: record("n1") },
      { kind: "in-touch" },
      { kind: "configuration", configuration: two },
      { kind: "draining", node: "n1", isDraining: true },
      { kind: "node-removed", node: "n1" },
      { kind: "draining", node: "n1", isDraining: false },
    ]);
  });

  test("a watch that was broken by a restart of etcd, and by a compaction, makes up for what it missed", async () => {
    const { plane } = await make();
    const one = first(4);
    await plane.compareAndSwap(null, one);
    await plane.announce(record("n1"));
    const seen: Seen[] = [];
    plane.watch((what) => seen.push(what));
    await until("what is there", () => seen.some(({ kind }) => kind === "in-touch"));
    const [member] = etcd.members;
    await member?.kill();
    await until("the break", () => seen.some(({ kind }) => kind === "out-of-touch"));
    await member?.restart();
    await plane.remove("n1");
    const two = nextAfter(one);
    await plane.compareAndSwap(one, two);
    await etcd.compact();
    const sees = (nonce: string): boolean =>
      seen.some((what) => what.kind === "configuration" && what.configuration.nonce === nonce);
    await until("what was missed", () => sees(two.nonce) && seen.some(({ kind }) => kind === "node-removed"));
    const three = nextAfter(two);
    await plane.compareAndSwap(two, three);
    await until("what came after", () => sees(three.nonce));
    // The compaction may break it once more, where it came back in time to ask for what is compacted.
    const touches = seen.map(({ kind }) => kind).filter((kind) => kind === "in-touch" || kind === "out-of-touch");
    assert.equal(touches.at(-1), "in-touch");
  });

  test("a watch that would begin before what etcd has compacted reads everything anew", async () => {
    const { cluster, plane } = await make();
    const one = first(4);
    await plane.compareAndSwap(null, one);
    await etcd.compact();
    const connection = new EtcdConnection(etcd.endpoints, PATIENCE);
    const prefix = `/holdfast/${cluster}/`;
    const began: string[] = [];
    const breaks: string[] = [];
    const changes: string[] = [];
    const watch = new EtcdWatch({
      connection,
      key: Buffer.from(prefix),
      rangeEnd: endOfPrefix(prefix),
      patience: WATCH_PATIENCE,
      readEverything: async () => {
        const revision = began.length === 0 ? "1" : (await connection.once({})).revision;
        began.push(revision);
        return { revision, found: [] };
      },
      onEverything: () => {},
      onChange: ({ value }) => changes.push(value.toString()),
      onBreak: (why) => breaks.push(why),
    });
    await until("the second beginning", () => began.length === 2);
    const two = nextAfter(one);
    await plane.compareAndSwap(one, two);
    await until("the change", () => changes.some((value) => value.includes(two.nonce)));
    assert.match(breaks.join(), /compacted/);
    watch.stop();
    await watch.ended;
    connection.close();
  });

  test("a watch notices that etcd is frozen though its connection stands, and goes on when it thaws", async () => {
    const { plane } = await make();
    const seen: Seen[] = [];
    plane.watch((what) => seen.push(what));
    await until("the watch", () => seen.some(({ kind }) => kind === "in-touch"));
    const [member] = etcd.members;
    member?.freeze();
    try {
      await until("the silence", () => seen.some(({ kind }) => kind === "out-of-touch"));
    } finally {
      member?.thaw();
    }
    await until("the end of it", () => seen.filter(({ kind }) => kind === "in-touch").length === 2);
  });

  test("nodes are known with their addresses, and a node that drains is known as such", async () => {
    const { plane } = await make();
    await plane.announce(record("n2"));
    await plane.announce(record("n1"));
    await plane.announce({ ...record("n1"), main: "h:9" });
    await plane.setDraining("n2", true);
    assert.deepEqual(await plane.nodes(), {
      records: [{ ...record("n1"), main: "h:9" }, record("n2")],
      draining: ["n2"],
    });
    await plane.setDraining("n2", false);
    assert.deepEqual((await plane.nodes()).draining, []);
  });

  test("goals and the operator's promotion reach those who watch", async () => {
    const { plane } = await make();
    const goals = Array.from({ length: 250 }, (_, shard) => ({
      shard: shardIndex(shard),
      primary: "n2/s2",
      replicas: ["n1/s1", "n2/s2"],
    }));
    await plane.setGoals(goals);
    assert.deepEqual(await plane.goals(), goals);
    const seen: Seen[] = [];
    plane.watch((what) => seen.push(what));
    await until("the goals", () => seen.some(({ kind }) => kind === "in-touch"));
    const promotion = { shard: shardIndex(3), replica: "n3/s3", epoch: epoch(7) };
    await plane.promote(promotion);
    await until("the promotion", () => seen.some(({ kind }) => kind === "promotion"));
    assert.equal(seen.filter(({ kind }) => kind === "goal").length, 250);
    assert.deepEqual(seen.at(-1), { kind: "promotion", promotion });
  });

  test("an etcd that was made anew is neither believed nor written to (Growth)", async () => {
    const { cluster, plane, id } = await make();
    const one = first(5);
    await plane.compareAndSwap(null, one);
    await etcd.put(`/holdfast/${cluster}/id`, "0".repeat(32)); // As if everything had been made a second time.
    await assert.rejects(plane.read(shardIndex(5)), hasCode("control-plane-is-another"));
    await assert.rejects(plane.readAll(), hasCode("control-plane-is-another"));
    assert.equal(await plane.compareAndSwap(one, nextAfter(one)), "not-written");
    await assert.rejects(plane.announce(record("n1")), hasCode("control-plane-is-another"));
    await assert.rejects(open(cluster, id).establish(FACTS), hasCode("control-plane-is-another"));
    await assert.rejects(open("no-such-cluster", id).facts(), hasCode("control-plane-is-another"));
    const [etcdId = "", ownId = ""] = id.split("/");
    await etcd.put(`/holdfast/${cluster}/id`, ownId);
    assert.deepEqual(await plane.read(shardIndex(5)), one);
    await assert.rejects(open(cluster, `${etcdId}0/${ownId}`).read(shardIndex(5)), hasCode("control-plane-is-another"));
  });

  test("a value that is damaged or of a newer version is refused, and the watch goes on with the others", async () => {
    const { cluster, plane } = await make();
    const one = first(6);
    await plane.compareAndSwap(null, one);
    const key = (shard: number): string => `/holdfast/${cluster}/configurations/${shard}`;
    const valueOf = (shard: number, changes: object): string =>
      `1 ${one.nonce}\n${JSON.stringify({ version: 1, ...one, shard, ...changes })}`;
    const spoiled = [
      "no JSON",
      valueOf(8, { version: 2 }),
      valueOf(9, {}),
      valueOf(8, { inSync: [] }),
      valueOf(8, { primary: "n9/s9" }),
      valueOf(8, { inSync: ["n1/s1", "n9/s9"] }),
      valueOf(8, { epoch: 2 }),
      valueOf(8, { nonce: 5 }),
    ];
    const seen: Seen[] = [];
    plane.watch((what) => seen.push(what));
    await until("the watch", () => seen.some(({ kind }) => kind === "in-touch"));
    for (const value of spoiled) {
      await etcd.put(key(8), value);
      await assert.rejects(plane.read(shardIndex(8)), hasCode("control-plane-unreadable"), value);
    }
    await etcd.put(key(8), valueOf(8, {}));
    assert.deepEqual(await plane.read(shardIndex(8)), { ...one, shard: shardIndex(8) });
    await until("the good one", () =>
      seen.some((what) => what.kind === "configuration" && what.configuration.shard === 8),
    );
    assert.equal(seen.filter(({ kind }) => kind === "unreadable").length, spoiled.length);
    assert.equal(seen.filter(({ kind }) => kind === "out-of-touch").length, 0);
  });

  test("an endpoint where nobody listens costs one try, and others are asked", async () => {
    const { cluster, id } = await make();
    const plane = open(cluster, id, ["127.0.0.1:1", ...etcd.endpoints]);
    assert.equal(await plane.read(shardIndex(1)), null);
    assert.equal(await plane.compareAndSwap(null, first(1)), "written");
  });
});

describe("the control plane in an etcd of three members", { skip: etcdMissing }, () => {
  test("one of three is lost by kill or freezes: reads go on, changes do at the second try, watches too", async () => {
    const etcd = await startEtcd(3);
    const plane = new EtcdControlPlane({
      endpoints: etcd.endpoints,
      cluster: "three",
      controlPlaneId: null,
      patience: { ...PATIENCE, totalMs: 10_000 },
      watchPatience: WATCH_PATIENCE,
    });
    try {
      await plane.establish(FACTS);
      let standing = first(0);
      assert.equal(await plane.compareAndSwap(null, standing), "written");
      const seen = new Set<string>();
      plane.watch((what) => {
        if (what.kind === "configuration") seen.add(what.configuration.nonce);
      });
      await until("the watch", () => seen.has(standing.nonce));
      for (const [index, member] of etcd.members.entries()) {
        const lose = index === 0 ? "kill" : "freeze";
        await member[lose]();
        const next = nextAfter(standing);
        const endMs = performance.now() + UNTIL_MS;
        while ((await plane.read(shardIndex(0)))?.nonce !== next.nonce) {
          assert.ok(performance.now() < endMs, `changed with a member lost by ${lose}`);
          await plane.compareAndSwap(standing, next);
        }
        standing = next;
        await until("the change", () => seen.has(next.nonce));
        if (lose === "kill") await member.restart();
        else member.thaw();
      }
    } finally {
      plane.close();
      await etcd.stop();
    }
  });
});
