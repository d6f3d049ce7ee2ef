/** The first configuration of each shard of a new cluster: replicas and offices spread evenly over the nodes that are there. */
import { randomBytes } from "node:crypto";
import type { ClusterFacts, NodeRecord } from "../control/control-plane.js";
import { firstPlacements } from "../placement/plan.js";
import type { Configuration } from "../words/configuration.js";
import { epoch } from "../words/ids.js";
import { replicasOf } from "./replica-names.js";

const NONCE_BYTES = 16;

/** All of them, by shard; every replica is in sync, because every log is empty. */
export function firstConfigurations(
  facts: ClusterFacts,
  nodes: readonly NodeRecord[],
  replicas: number,
): readonly Configuration[] {
  const placements = firstPlacements(facts.shards, {
    nodes: nodes.map(({ node }) => node),
    stores: facts.stores,
    replicas,
  });
  return placements.map((placement) => {
    const goal = replicasOf(placement, nodes);
    const nonce = randomBytes(NONCE_BYTES).toString("hex");
    return { ...goal, epoch: epoch(1), era: facts.firstEra, inSync: goal.replicas, nonce };
  });
}
