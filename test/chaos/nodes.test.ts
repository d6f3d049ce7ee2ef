/** That the cluster of a chaos run blames no node for what was done to it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { etcdMissing } from "../control/etcd-process.js";
import { ChaosCluster } from "./nodes.js";

test("a node that is ended while it starts is gone then, and has not ended by itself", {
  skip: etcdMissing,
}, async () => {
  const cluster = await ChaosCluster.start({ nodes: 1, shards: 2, flags: [] });
  try {
    await cluster.end("node-0", "kill");
    const starting = cluster.startNode("node-0");
    let isStarting = true;
    void starting.then(() => (isStarting = false));
    await cluster.end("node-0", "stop");
    assert.ok(!isStarting, "its end waits for its start");
    assert.deepEqual(cluster.deaths, []);
  } finally {
    await cluster.stop();
  }
});
