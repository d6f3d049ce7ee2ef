/** A rolling restart of all nodes under load: each hands over what it has before it stops, and no caller sees an error. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { z } from "zod";
import { etcdMissing } from "../control/etcd-process.js";
import { until } from "../node/server-process.js";
import { Load } from "./load.js";
import { RealCluster } from "./real-cluster.js";

const clusters: RealCluster[] = [];
after(async () => {
  for (const cluster of clusters) await cluster.stop();
});

const statusSchema = z.object({
  cluster: z.object({
    nodes: z.array(z.object({ node: z.string(), name: z.string() })),
    configurations: z.array(z.object({ primary: z.string(), inSync: z.array(z.string()) })),
  }),
});

async function clusterSeenBy(cluster: RealCluster, index: number): Promise<z.output<typeof statusSchema>["cluster"]> {
  const response = await fetch(`http://${cluster.node(index).address}/v1/status`);
  return statusSchema.parse(await response.json()).cluster;
}

test("each of three nodes is restarted in turn: offices are handed over, no lock is lost, no caller sees an error", {
  skip: etcdMissing,
}, async () => {
  const cluster = await RealCluster.start({ flags: ["--workers", "1", "--stores", "1"] });
  clusters.push(cluster);
  const load = await Load.start(cluster.url);
  for (const index of [0, 1, 2]) {
    const other = (index + 1) % 3;
    await until("every replica is in sync", async () => {
      const { configurations } = await clusterSeenBy(cluster, other);
      return configurations.length === 8 && configurations.every(({ inSync }) => inSync.length === 3);
    });
    await load.look();
    const { nodes } = await clusterSeenBy(cluster, other);
    const id = nodes.find(({ name }) => name === `node-${index}`)?.node ?? "";
    const { exitCode, stderr } = await cluster.end(index);
    assert.equal(exitCode, 0, stderr);
    // What it left was handed over: nobody waited for its silence.
    const { configurations } = await clusterSeenBy(cluster, other);
    assert.ok(configurations.every(({ inSync }) => inSync.every((replica) => !replica.startsWith(`${id}/`))));
    assert.ok((await load.look()).pairs > 0);
    await cluster.startNode(index);
  }
  await load.stop();
});
