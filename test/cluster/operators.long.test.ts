/**
 * What operators do to a cluster of four real nodes while callers take and give locks: every command may be tried before,
 * given again and broken off, and no caller notices. One after the other on one cluster, because a start is what takes long.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { z } from "zod";
import { etcdMissing } from "../control/etcd-process.js";
import { run, runCommand, until } from "../node/server-process.js";
import { Load } from "./load.js";
import { RealCluster } from "./real-cluster.js";

const skip = etcdMissing;
const recordSchema = z.object({ node: z.string(), name: z.string() });
const configurationSchema = z.object({
  shard: z.number(),
  epoch: z.number(),
  primary: z.string(),
  inSync: z.array(z.string()),
  replicas: z.array(z.string()),
});
/** What a node says of its cluster. */
const statusSchema = z.object({
  cluster: z.object({
    nodes: z.array(recordSchema),
    draining: z.array(z.string()),
    configurations: z.array(configurationSchema),
  }),
});
const reportSchema = z.object({
  report: z.object({
    nodes: z.array(z.object({ name: z.string(), isUp: z.boolean(), primaries: z.number(), replicas: z.number() })),
    shards: z.array(z.object({ isServing: z.boolean(), inSync: z.array(z.string()), learners: z.array(z.string()) })),
    wrong: z.array(z.string()),
  }),
});

interface NodeSeen {
  readonly name: string;
  readonly isDraining: boolean;
  readonly primaries: number;
  readonly replicas: number;
}

interface ShardSeen {
  readonly shard: number;
  readonly epoch: number;
  readonly primary: string;
  readonly inSync: readonly string[];
  readonly learners: readonly string[];
}

let running: { readonly cluster: RealCluster; readonly load: Load } | undefined;

before(async () => {
  if (skip !== false) return;
  const cluster = await RealCluster.start({ nodes: 4, flags: ["--workers", "1", "--stores", "1"] });
  running = { cluster, load: await Load.start(cluster.url) };
  await spread();
});

after(async () => {
  await running?.cluster.stop();
});

function parts(): NonNullable<typeof running> {
  assert.ok(running !== undefined, "the cluster runs");
  return running;
}

/** Gives a command, which has to succeed, and looks that no caller has noticed it. */
async function give(...args: readonly string[]): Promise<string> {
  const { cluster, load } = parts();
  const { exitCode, stdout, stderr } = await runCommand(["--url", cluster.url, ...args]);
  assert.equal(exitCode, 0, `holdfast ${args.join(" ")}: ${stderr}`);
  await load.look();
  return `${stdout}${stderr}`;
}

/** Gives a command that is refused; answers what it says. */
async function refused(...args: readonly string[]): Promise<string> {
  const { exitCode, stderr } = await runCommand(["--url", parts().cluster.url, ...args]);
  assert.notEqual(exitCode, 0, `holdfast ${args.join(" ")} is refused`);
  return stderr;
}

/** As the first node knows the cluster; nodes by name. */
async function seen(): Promise<{ readonly nodes: readonly NodeSeen[]; readonly shards: readonly ShardSeen[] }> {
  const response = await fetch(`http://${parts().cluster.node(0).address}/v1/status`);
  const { cluster } = statusSchema.parse(await response.json());
  const { configurations, draining } = cluster;
  const isOn = (node: string, replica: string): boolean => replica.startsWith(`${node}/`);
  const name = (replica: string): string => cluster.nodes.find(({ node }) => isOn(node, replica))?.name ?? replica;
  const nodes = cluster.nodes.map((record) => ({
    name: record.name,
    isDraining: draining.includes(record.node),
    primaries: configurations.filter(({ primary }) => isOn(record.node, primary)).length,
    replicas: configurations.filter(({ replicas }) => replicas.some((one) => isOn(record.node, one))).length,
  }));
  const shards = configurations.map(({ shard, epoch, primary, inSync, replicas }) => ({
    shard,
    epoch,
    primary: name(primary),
    inSync: inSync.map(name).sort(),
    learners: replicas.filter((one) => !inSync.includes(one)).map(name),
  }));
  return { nodes: nodes.sort((one, other) => (one.name < other.name ? -1 : 1)), shards };
}

/** The cluster begins with three nodes; the fourth gets its share if it was not quick enough. */
async function spread(): Promise<void> {
  await until("all four nodes", async () => (await seen()).nodes.length === 4);
  await give("shards", "rebalance");
}

async function nodeNamed(name: string): Promise<NodeSeen> {
  const found = (await seen()).nodes.find((node) => node.name === name);
  assert.ok(found !== undefined, `${name} is known`);
  return found;
}

async function shardOf(index: number): Promise<ShardSeen> {
  const found = (await seen()).shards.find(({ shard }) => shard === index);
  assert.ok(found !== undefined, `there is a shard ${index}`);
  return found;
}

test("status names nodes and shards, and says what is wrong, to people and to programs", { skip }, async () => {
  const { report } = reportSchema.parse(JSON.parse(await give("status", "--json")));
  assert.deepEqual(
    report.nodes.map(({ name, isUp, primaries, replicas }) => [name, isUp, primaries, replicas]),
    [0, 1, 2, 3].map((index) => [`node-${index}`, true, 2, 6]),
  );
  assert.equal(report.shards.length, 8);
  assert.ok(
    report.shards.every(({ isServing, inSync, learners }) => isServing && inSync.length + learners.length === 3),
  );
  assert.match(report.wrong.join(), /etcd shares machines with node-0/);
  assert.match(await give("status"), /node-3 +127\.0\.0\.1:\d+ +up +2 +6/);
});

test("rebalance of what is even moves nothing, tried or given", { skip }, async () => {
  assert.match(await give("shards", "rebalance", "--dry-run"), /nothing has to move/);
  assert.match(await give("shards", "rebalance"), /nothing has to move/);
});

test("a shard moves to the nodes that are named: shown first, then done, and done already", { skip }, async () => {
  const { inSync, primary, epoch } = await shardOf(1);
  const [other = ""] = inSync.filter((name) => name !== primary);
  const missing = [0, 1, 2, 3].map((index) => `node-${index}`).filter((name) => !inSync.includes(name));
  const nodes = [other, ...missing].join(",");
  const move = ["shards", "move", "1", "--nodes", nodes, "--primary", other];
  assert.match(await give(...move, "--dry-run"), /1 .*\*/);
  assert.equal((await shardOf(1)).epoch, epoch);
  await give(...move);
  const moved = await shardOf(1);
  assert.deepEqual([moved.primary, moved.learners], [other, []]);
  assert.deepEqual(moved.inSync, [other, ...missing].sort());
  assert.match(await give(...move), /nothing has to move/);
  assert.equal((await shardOf(1)).epoch, moved.epoch);
});

test("only the primary of a shard moves", { skip }, async () => {
  const { inSync, primary } = await shardOf(2);
  const [other = ""] = inSync.filter((name) => name !== primary);
  await give("shards", "move", "2", "--primary", other);
  const moved = await shardOf(2);
  assert.equal(moved.primary, other);
  assert.deepEqual(moved.inSync, inSync);
});

test("a drain that is broken off goes on by itself, and may be given again", { skip }, async () => {
  const { cluster } = parts();
  assert.match(await give("node", "drain", "node-1", "--dry-run"), /node-1/);
  assert.deepEqual((await nodeNamed("node-1")).isDraining, false);
  const broken = run(["--url", cluster.url, "node", "drain", "node-1"]);
  await until("the drain is under way", async () => (await nodeNamed("node-1")).isDraining);
  broken.child.kill("SIGKILL");
  await broken.ended;
  await give("node", "drain", "node-1");
  const drained = await nodeNamed("node-1");
  assert.deepEqual([drained.isDraining, drained.primaries, drained.replicas], [true, 0, 0]);
  assert.match(await give("node", "drain", "node-1"), /nothing has to move/);
  const { nodes } = await seen();
  assert.deepEqual(nodes.map(({ replicas }) => replicas).sort(), [0, 8, 8, 8]);
});

test("a node that was drained joins again and has its share", { skip }, async () => {
  assert.match(await give("node", "join", "node-1", "--dry-run"), /node-1/);
  assert.equal((await nodeNamed("node-1")).isDraining, true);
  await give("node", "join", "node-1");
  await give("node", "join", "node-1");
  const { nodes } = await seen();
  assert.deepEqual(
    nodes.map(({ primaries, replicas }) => [primaries, replicas]),
    [0, 1, 2, 3].map(() => [2, 6]),
  );
});

test("a promotion of what is in sync, or of what is nowhere, is refused (R-15)", { skip }, async () => {
  const { inSync } = await shardOf(0);
  const [member = ""] = inSync;
  const away = [0, 1, 2, 3].map((index) => `node-${index}`).find((name) => !inSync.includes(name)) ?? "";
  assert.match(await refused("shards", "promote", "0", "--node", member), /in sync: it takes office by itself/);
  assert.match(await refused("shards", "promote", "0", "--node", away), /has no replica of it/);
  assert.match(await refused("shards", "promote", "99", "--node", member), /no shard 99/);
  assert.match(await refused("shards", "move", "0", "--primary", "node-9"), /no node is called node-9; there are/);
});

test("a node is removed: what it has goes to others, its process ends, and its directory is refused", {
  skip,
}, async () => {
  const { cluster, load } = parts();
  const { ended } = cluster.node(3);
  await give("node", "remove", "node-3", "--dry-run");
  assert.equal((await nodeNamed("node-3")).replicas, 6);
  await give("node", "remove", "node-3");
  assert.match((await ended).stderr, /this node was removed from its cluster/);
  assert.match(await refused("node", "remove", "node-3"), /no node is called node-3/);
  const { nodes } = await seen();
  assert.deepEqual(
    nodes.map(({ name, replicas }) => [name, replicas]),
    [0, 1, 2].map((index) => [`node-${index}`, 8]),
  );
  const again = await cluster.startNode(3);
  assert.match((await again.ended).stderr, /start it with another, empty data directory/);
  const { pairs } = await load.stop();
  assert.ok(pairs > 0);
});
