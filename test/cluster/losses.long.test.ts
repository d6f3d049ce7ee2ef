/**
 * What a cluster outlives without losing a lock: two of three nodes, all of them at once, its etcd, and a primary that is
 * stopped and wakes up believing that it is in office. One after the other on one cluster, because a start is what takes long.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Holdfast, type Lock } from "../../src/client/index.js";
import { etcdMissing } from "../control/etcd-process.js";
import { RealCluster } from "./real-cluster.js";

/** Enough that every one of the eight shards has some. */
const NAMES: readonly string[] = Array.from({ length: 24 }, (_, index) => `orders:${index}`);
const skip = etcdMissing;

interface Running {
  readonly cluster: RealCluster;
  readonly holder: Holdfast;
  readonly other: Holdfast;
  readonly held: readonly Lock[];
}

let running: Running | undefined;
let round = 0;

before(async () => {
  if (skip !== false) return;
  const cluster = await RealCluster.start();
  const [holder, other] = await Promise.all([connect(cluster), connect(cluster)]);
  running = { cluster, holder, other, held: await Promise.all(NAMES.map((name) => holder.acquire(name))) };
});

after(async () => {
  await running?.cluster.stop();
});

async function connect(cluster: RealCluster): Promise<Holdfast> {
  return Holdfast.connect({ url: cluster.url, answerWithin: "60s", ttl: "3m" });
}

function parts(): Running {
  assert.ok(running !== undefined, "the cluster runs");
  return running;
}

/** Every shard grants, every lock of the beginning is still its holder's, and nobody else gets one (INV-1, INV-3). */
async function allIsWell(): Promise<void> {
  const { holder, other, held } = parts();
  round++;
  const fresh = await Promise.all(NAMES.map((name) => other.acquire(`${name}-round-${round}`)));
  assert.equal(fresh.length, NAMES.length);
  for (const name of NAMES) assert.equal(await other.tryAcquire(name), undefined, `${name} has one holder`);
  assert.deepEqual(
    held.filter(({ signal }) => signal.aborted).map(({ resource }) => resource),
    [],
  );
  await Promise.all(held.map(async (lock) => lock.renew()));
  const seen = await Promise.all(NAMES.map((name) => holder.check(name)));
  assert.deepEqual(
    seen.map(({ holders }) => holders[0]?.token),
    held.map(({ token }) => token),
  );
}

test("two of three nodes are lost: the last one goes on with every lock, and takes them back", { skip }, async () => {
  const { cluster } = parts();
  await cluster.kill(0);
  await allIsWell();
  await cluster.kill(2);
  await allIsWell();
  await Promise.all([cluster.startNode(0), cluster.startNode(2)]);
  await allIsWell();
});

test("all three nodes are killed at once and start again: every lock is there", { skip }, async () => {
  const { cluster } = parts();
  await Promise.all([0, 1, 2].map((index) => cluster.kill(index)));
  await Promise.all([0, 1, 2].map((index) => cluster.startNode(index)));
  await allIsWell();
});

test("etcd is away: while no replica fails, clients notice nothing (R-16)", { skip }, async () => {
  const { cluster } = parts();
  for (const member of cluster.etcd.members) await member.kill();
  await allIsWell();
  for (const member of cluster.etcd.members) await member.restart();
  await allIsWell();
});

test("a node is stopped, and wakes up when others have its offices: nobody is granted twice", { skip }, async () => {
  const { cluster } = parts();
  const { pid } = cluster.node(1);
  process.kill(pid, "SIGSTOP");
  try {
    await allIsWell(); // Every shard has had a primary meanwhile that is not the one that stands still.
  } finally {
    process.kill(pid, "SIGCONT");
  }
  await allIsWell();
});
