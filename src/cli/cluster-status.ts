/** What `holdfast status` says of a cluster: every node is asked, and what is wrong is said in words, with what to do. */
import { z } from "zod";
import { callApi } from "./api.js";
import type { ClusterOfNode, ShardConfiguration } from "./cluster-access.js";
import { CommandFailure } from "./failure.js";
import type { Output } from "./output.js";

/** A learner this far behind is named: fewer events are under way all the time. */
const LAG_NAMED = 10_000;
const ASK_WITHIN_MS = 2_000;

const replicaSchema = z.object({
  shard: z.number(),
  role: z.string(),
  epoch: z.number(),
  isServing: z.boolean(),
  end: z.number(),
  committed: z.number(),
  peers: z.array(z.object({ replica: z.string(), feeding: z.string(), lag: z.number() })),
});
const nodeSchema = z.looseObject({ workers: z.array(z.looseObject({ replicas: z.array(replicaSchema) })) });
type Replica = z.output<typeof replicaSchema>;

/** One shard, as status shows it. Nodes by name. */
export interface ShardLine {
  readonly shard: number;
  readonly epoch: number;
  readonly primary: string;
  readonly isServing: boolean;
  readonly inSync: readonly string[];
  readonly learners: readonly string[];
}

/** The whole cluster. */
export interface ClusterReport {
  readonly nodes: readonly {
    readonly name: string;
    readonly node: string;
    readonly address: string;
    readonly isUp: boolean;
    readonly isDraining: boolean;
    readonly primaries: number;
    readonly replicas: number;
  }[];
  readonly shards: readonly ShardLine[];
  /** Sentences; none: all is well. */
  readonly wrong: readonly string[];
}

/** Asks every node. `key`: the API key, or "". */
export async function reportOf(cluster: ClusterOfNode, key: string): Promise<ClusterReport> {
  const answers = await Promise.all(cluster.nodes.map(({ main }) => replicasAt(main, key)));
  const up = new Set(cluster.nodes.filter((_, index) => answers[index] !== null).map(({ node }) => node));
  const told = answers.flatMap((replicas) => replicas ?? []);
  const name = (replica: string): string => {
    const [node = ""] = replica.split("/");
    return cluster.nodes.find((known) => known.node === node)?.name ?? node;
  };
  const shards = cluster.configurations.map((configuration) => lineOf(configuration, told, name));
  const nodes = cluster.nodes.map((record) => ({
    name: record.name,
    node: record.node,
    address: record.main,
    isUp: up.has(record.node),
    isDraining: cluster.draining.includes(record.node),
    primaries: cluster.configurations.filter(({ primary }) => isOn(record.node, primary)).length,
    replicas: cluster.configurations.filter(({ replicas }) => replicas.some((one) => isOn(record.node, one))).length,
  }));
  nodes.sort((one, other) => (one.name < other.name ? -1 : 1));
  return {
    nodes,
    shards: shards.sort((one, other) => one.shard - other.shard),
    wrong: wrongIn(cluster, nodes, shards),
  };
}

/** For people. */
export function showReport(output: Output, { nodes, shards, wrong }: ClusterReport): void {
  output.table(
    ["NODE", "ADDRESS", "STATE", "PRIMARIES", "REPLICAS"],
    nodes.map((node) => [
      node.name,
      node.address,
      `${node.isUp ? "up" : "DOES NOT ANSWER"}${node.isDraining ? ", drained" : ""}`,
      String(node.primaries),
      String(node.replicas),
    ]),
    null,
  );
  output.table(
    ["SHARD", "EPOCH", "PRIMARY", "IN SYNC", "LEARNERS"],
    shards.map(({ shard, epoch, primary, isServing, inSync, learners }) => [
      String(shard),
      String(epoch),
      `${primary}${isServing ? "" : " (not in office)"}`,
      inSync.join(" "),
      learners.join(" "),
    ]),
    null,
  );
  output.data(wrong.length === 0 ? "all is well" : wrong.map((sentence) => `! ${sentence}`).join("\n"), null);
}

function lineOf(
  configuration: ShardConfiguration,
  told: readonly Replica[],
  name: (replica: string) => string,
): ShardLine {
  const { shard, epoch, primary, inSync, replicas } = configuration;
  const inOffice = told.find((replica) => replica.shard === shard && replica.isServing && replica.epoch >= epoch);
  const learners = replicas
    .filter((replica) => !inSync.includes(replica))
    .map((replica) => {
      const peer = inOffice?.peers.find((one) => one.replica === replica);
      if (peer === undefined || peer.feeding === "apart") return `${name(replica)} (not connected)`;
      return peer.lag > LAG_NAMED ? `${name(replica)} (${peer.lag} events behind)` : name(replica);
    });
  return {
    shard,
    epoch,
    primary: name(primary),
    isServing: inOffice !== undefined,
    inSync: inSync.map(name),
    learners,
  };
}

function wrongIn(
  cluster: ClusterOfNode,
  nodes: ClusterReport["nodes"],
  shards: readonly ShardLine[],
): readonly string[] {
  const wrong: string[] = [];
  if (cluster.outOfTouch !== null) {
    wrong.push(
      `etcd is out of touch (${cluster.outOfTouch}): locks go on, but no failed node can be replaced until it is back. ` +
        `Look after ${cluster.etcd.join(", ")}`,
    );
  }
  for (const { name, address, isUp } of nodes) {
    if (!isUp)
      wrong.push(
        `${name} does not answer at ${address}: start it again, or give it up by: holdfast node remove ${name}`,
      );
  }
  const idle = shards.filter(({ isServing }) => !isServing).map(({ shard }) => shard);
  if (idle.length > 0) {
    wrong.push(
      `${some(idle)}: nobody is in office, so no lock of theirs is granted or released. It passes within seconds while a ` +
        `member of the in-sync set is up; if all of them are lost for good: holdfast shards promote ${idle.join(",")} ` +
        "--node <one that has an older copy>",
    );
  }
  const wanted = Math.min(cluster.replicas, nodes.filter(({ isDraining }) => !isDraining).length);
  const alone = shards.filter(({ inSync }) => inSync.length === 1 && wanted > 1).map(({ shard }) => shard);
  if (alone.length > 0) wrong.push(`${some(alone)}: one copy only; if its node is lost, so are the locks`);
  const few = shards.filter(({ inSync }) => inSync.length > 1 && inSync.length < wanted).map(({ shard }) => shard);
  if (few.length > 0) wrong.push(`${some(few)}: fewer than ${wanted} copies are in sync`);
  return [...wrong, ...sharingHosts(cluster)];
}

/** etcd is needed when a node dies, so it should not die with it. Loopback is for trying out. */
function sharingHosts({ etcd, nodes }: ClusterOfNode): readonly string[] {
  const host = (address: string): string => address.replace(/^https?:\/\//, "").replace(/:\d+\/?$/, "");
  const shared = nodes.filter(({ main }) => etcd.some((endpoint) => host(endpoint) === host(main)));
  if (shared.length === 0) return [];
  const names = shared.map(({ name }) => name).join(", ");
  return [
    `etcd shares machines with ${names}: two lost machines of three stop the cluster; give etcd machines of its own`,
  ];
}

function some(shards: readonly number[]): string {
  const shown = shards.slice(0, 8).join(", ");
  return `${shards.length === 1 ? "shard" : `${shards.length} shards:`} ${shown}${shards.length > 8 ? ", …" : ""}`;
}

function isOn(node: string, replica: string): boolean {
  return replica.startsWith(`${node}/`);
}

/** Null if the node does not answer. */
async function replicasAt(main: string, key: string): Promise<readonly Replica[] | null> {
  const url = `holdfast://${key === "" ? "" : `${encodeURIComponent(key)}@`}${main}`;
  try {
    const call = { method: "GET", path: "/v1/status", withinMs: ASK_WITHIN_MS } as const;
    return (await callApi(url, call, nodeSchema)).workers.flatMap(({ replicas }) => replicas);
  } catch (error) {
    if (error instanceof CommandFailure) return null;
    throw error;
  }
}
