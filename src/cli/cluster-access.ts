/**
 * The cluster as one of its nodes sees it, and its control plane, for the commands that change who has which shard. They
 * write goals, and the primaries do the work: a command that is broken off has broken nothing, and may be given again.
 */
import { z } from "zod";
import { EtcdControlPlane } from "../control/etcd.js";
import type { ControlPlane, NodeRecord } from "../control/control-plane.js";
import { callApi } from "./api.js";
import { CommandFailure, EXIT_CODES } from "./failure.js";

const recordSchema = z.object({
  node: z.string(),
  name: z.string(),
  place: z.number(),
  main: z.string(),
  clients: z.array(z.string()),
  peers: z.array(z.string()),
  stores: z.array(z.string()),
  software: z.string(),
});
const configurationSchema = z.object({
  shard: z.number(),
  epoch: z.number(),
  primary: z.string(),
  inSync: z.array(z.string()),
  replicas: z.array(z.string()),
});

/** What a node says of its cluster. */
export interface ClusterOfNode {
  /** In etcd. */
  readonly name: string;
  readonly etcd: readonly string[];
  readonly controlPlaneId: string;
  /** Why etcd can't be heard; null if it can. */
  readonly outOfTouch: string | null;
  readonly nodes: readonly NodeRecord[];
  readonly draining: readonly string[];
  /** That each shard should have. */
  readonly replicas: number;
  readonly configurations: readonly ShardConfiguration[];
}

/** A shard's configuration as status tells it: its shard is a plain number. */
export interface ShardConfiguration {
  readonly shard: number;
  readonly epoch: number;
  readonly primary: string;
  readonly inSync: readonly string[];
  readonly replicas: readonly string[];
}

/** The part `cluster` of a node's status. */
export const clusterSchema: z.ZodType<ClusterOfNode> = z.looseObject({
  name: z.string(),
  etcd: z.array(z.string()),
  controlPlaneId: z.string(),
  outOfTouch: z.string().nullable(),
  nodes: z.array(recordSchema),
  draining: z.array(z.string()),
  replicas: z.number(),
  configurations: z.array(configurationSchema),
});

/** @throws CommandFailure `not-a-cluster`, or as {@link callApi} */
export async function clusterOf(url: string): Promise<ClusterOfNode> {
  const schema = z.looseObject({ cluster: clusterSchema.nullish() });
  const { cluster } = await callApi(url, { method: "GET", path: "/v1/status" }, schema);
  if (cluster !== null && cluster !== undefined) return cluster;
  const message = "the node is alone: it has no other to move shards to (its settings name no cluster.etcd)";
  throw new CommandFailure(EXIT_CODES.failed, "not-a-cluster", message);
}

/** Opens the cluster's control plane for as long as `act` takes. */
export async function withControlPlane<T>(
  { etcd, name, controlPlaneId }: ClusterOfNode,
  act: (plane: ControlPlane) => Promise<T>,
): Promise<T> {
  const plane = new EtcdControlPlane({ endpoints: etcd, cluster: name, controlPlaneId });
  try {
    return await act(plane);
  } finally {
    plane.close();
  }
}

/** The node of that id, name, address or beginning of an id. @throws CommandFailure if that is none, or several */
export function nodeNamed(nodes: readonly NodeRecord[], text: string): NodeRecord {
  const exact = nodes.filter(({ node, name, main }) => [node, name, main].includes(text));
  const found = exact.length > 0 ? exact : nodes.filter(({ node }) => node.startsWith(text));
  const [first] = found;
  if (first !== undefined && found.length === 1) return first;
  const names = nodes.map(({ name, node }) => `${name} (${node})`).join(", ");
  const why = found.length === 0 ? "no node is" : "several nodes are";
  throw new CommandFailure(EXIT_CODES.wrongUse, "node-unknown", `${why} called ${text}; there are ${names}`);
}
