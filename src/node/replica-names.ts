/** From nodes, which plans speak of, to replicas, which configurations speak of: a node has a shard in one of its stores. */
import type { NodeRecord } from "../control/control-plane.js";
import type { Placement } from "../placement/plan.js";
import { spread } from "../placement/spread.js";
import { assert, outOfRange } from "../words/assert.js";
import type { Goal } from "../words/goal.js";
import { nodeOfReplica, replicaName } from "../worker/cluster-view.js";

/** Where a plan wants a shard. Each node of the plan is among `records`. */
export function replicasOf({ shard, primary, nodes }: Placement, records: readonly NodeRecord[]): Goal {
  const nameOf = (node: string): string => {
    const record = records.find((known) => known.node === node);
    assert(record !== undefined, "a plan speaks of nodes that are registered");
    const { stores } = record;
    const { storeOfShard } = spread({ shards: shard + 1, stores: stores.length, workers: 1 });
    return replicaName(node, stores[storeOfShard[shard] ?? outOfRange(shard)] ?? outOfRange(shard));
  };
  return { shard, primary: nameOf(primary), replicas: nodes.map(nameOf) };
}

/** Where a shard is, or where a goal wants it. */
export function nodesOf({ shard, primary, replicas }: Goal): Placement {
  return { shard, primary: nodeOfReplica(primary), nodes: replicas.map(nodeOfReplica) };
}

/** The node that has a replica. */
export function nodeOf(replica: string): string {
  return nodeOfReplica(replica);
}
