/** Three real nodes: what is held stays held and who waits keeps the place when the process of a primary is killed. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Holdfast } from "../../src/client/index.js";
import { etcdMissing } from "../control/etcd-process.js";
import { RealCluster } from "./real-cluster.js";

/** Enough that every one of the eight shards has some. */
const NAMES: readonly string[] = Array.from({ length: 32 }, (_, index) => `orders:${index}`);
const PATIENCE = "60s";

const clusters = new Set<RealCluster>();
after(async () => {
  for (const cluster of clusters) await cluster.stop();
});

async function startCluster(): Promise<RealCluster> {
  const cluster = await RealCluster.start();
  clusters.add(cluster);
  return cluster;
}

async function connect(cluster: RealCluster): Promise<Holdfast> {
  return Holdfast.connect({ url: cluster.url, answerWithin: PATIENCE, ttl: "2m" });
}

test("locks ride through kill -9 of a primary: held ones stay held, waiters keep their places, new grants go on", {
  skip: etcdMissing,
}, async () => {
  const cluster = await startCluster();
  const [holder, second, third] = await Promise.all([connect(cluster), connect(cluster), connect(cluster)]);
  const held = await Promise.all(NAMES.map((name) => holder.acquire(name)));
  const order: string[] = [];
  const waitOf = async (client: Holdfast, who: string): Promise<readonly number[]> =>
    Promise.all(
      NAMES.map(async (name) =>
        client.withLock(name, { wait: "5m" }, ({ token }) => {
          order.push(`${who} ${name}`);
          return token;
        }),
      ),
    );
  const seconds = waitOf(second, "second");
  await cluster.allWait(holder, NAMES, 1);
  const thirds = waitOf(third, "third");
  await cluster.allWait(holder, NAMES, 2);

  await cluster.kill(1);

  for (const name of NAMES) assert.equal(await third.tryAcquire(name), undefined, `INV-3: ${name} is held`);
  assert.ok(held.every(({ signal }) => !signal.aborted));
  await Promise.all(held.map(async (lock) => lock.release()));
  const tokens = await Promise.all([seconds, thirds]);
  for (const [index, name] of NAMES.entries()) {
    const [first = 0, next = 0] = tokens.map((of) => of[index]);
    assert.ok((held[index]?.token ?? 0) < first && first < next, `INV-2: tokens of ${name} grow`);
    assert.ok(order.indexOf(`second ${name}`) < order.indexOf(`third ${name}`), `INV-6: ${name} is granted in turn`);
  }
  const fresh = await Promise.all(NAMES.map((name) => third.acquire(`new-${name}`)));
  assert.equal(fresh.length, NAMES.length);
  await Promise.all([holder, second, third].map((client) => client.close()));
});
