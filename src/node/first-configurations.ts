/** The first configuration of each shard of a new cluster: replicas and offices spread evenly over the nodes that are there. */
import { randomBytes } from "node:crypto";
import { outOfRange } from "../words/assert.js";
import type { Configuration } from "../words/configuration.js";
import { epoch, shardIndex } from "../words/ids.js";
import { spread } from "../placement/spread.js";
import type { ClusterFacts, NodeRecord } from "../control/control-plane.js";
import { replicaName } from "../worker/cluster-view.js";

const NONCE_BYTES = 16;

/** All of them, by shard; every replica is in sync, because every log is empty. */
export function firstConfigurations(
  facts: ClusterFacts,
  nodes: readonly NodeRecord[],
  replicas: number,
): readonly Configuration[] {
  const { storeOfShard } = spread(facts);
  return Array.from(storeOfShard, (store, shard) => {
    const count = Math.min(replicas, nodes.length);
    const names = Array.from({ length: count }, (_, at) => {
      const { node, stores } = nodes[(shard + at) % nodes.length] ?? outOfRange(at);
      return replicaName(node, stores[store] ?? outOfRange(store));
    });
    const [primary = ""] = names;
    const nonce = randomBytes(NONCE_BYTES).toString("hex");
    return {
      shard: shardIndex(shard),
      epoch: epoch(1),
      era: facts.firstEra,
      primary,
      inSync: names,
      replicas: names,
      nonce,
    };
  });
}
