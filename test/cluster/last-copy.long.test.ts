/**
 * The nodes that have the newest copies are gone for good: nothing is promoted by itself, and an operator's word lets an
 * older copy go on without its locks, when no lease can be believed in any more.
 */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, test } from "node:test";
import { z } from "zod";
import { Holdfast } from "../../src/client/index.js";
import { etcdMissing } from "../control/etcd-process.js";
import { runCommand, until } from "../node/server-process.js";
import { RealCluster } from "./real-cluster.js";

const NAMES: readonly string[] = Array.from({ length: 24 }, (_, index) => `orders:${index}`);
const ALL = "0,1,2,3,4,5,6,7";
/** The largest TTL and the largest lock-delay of the settings: so long a promoted copy waits, and 5 s more. */
const TTL_MAX_MS = 5_000;
const clusters: RealCluster[] = [];
const clients: Holdfast[] = [];
after(async () => {
  for (const client of clients) await client.close();
  for (const cluster of clusters) await cluster.stop();
});

async function connect(url: string): Promise<Holdfast> {
  const client = await Holdfast.connect({ url, ttl: "5s", answerWithin: "60s" });
  clients.push(client);
  return client;
}

const statusSchema = z.object({
  cluster: z.object({ configurations: z.array(z.object({ era: z.number(), inSync: z.array(z.string()) })) }),
});

async function configurationsSeenBy(
  cluster: RealCluster,
  index: number,
): Promise<z.output<typeof statusSchema>["cluster"]["configurations"]> {
  const response = await fetch(`http://${cluster.node(index).address}/v1/status`);
  return statusSchema.parse(await response.json()).cluster.configurations;
}

test("R-15: an older copy goes on by an operator's word alone, after every lease, with larger tokens", {
  skip: etcdMissing,
}, async () => {
  const ttls = ["--limits-ttl-max", `${TTL_MAX_MS}ms`, "--limits-ttl-default", "5s", "--limits-lock-delay-max", "0ms"];
  const cluster = await RealCluster.start({ flags: ["--workers", "1", "--stores", "1", ...ttls] });
  clusters.push(cluster);
  await cluster.kill(0);
  const before = await connect(cluster.url);
  const held = await Promise.all(NAMES.map((name) => before.acquire(name)));
  const tokens = held.map(({ token }) => token);
  await cluster.kill(1);
  await cluster.kill(2);
  for (const index of [1, 2]) rmSync(cluster.directory(index), { recursive: true });
  await cluster.startNode(0);

  const promote = ["--url", cluster.url, "shards", "promote", ALL, "--node", "node-0"];
  const status = await runCommand(["--url", cluster.url, "status"]);
  assert.match(status.stdout, /nobody is in office.*holdfast shards promote 0,1,2,3,4,5,6,7 --node/);
  const tried = await runCommand([...promote, "--dry-run"]);
  assert.match(tried.stdout, /ALL their locks are lost, and what node-1, node-2 stored is thrown away/);
  const unsaid = await runCommand(promote);
  assert.notEqual(unsaid.exitCode, 0);
  assert.match(unsaid.stderr, /Turn node-1, node-2 off, and say so by --lost-nodes-are-off/);
  assert.ok((await configurationsSeenBy(cluster, 0)).every(({ era }) => era === 0));

  const beganMs = performance.now();
  for (let time = 0; time < 2; time++) {
    const { exitCode, stderr } = await runCommand([...promote, "--lost-nodes-are-off"]);
    assert.equal(exitCode, 0, stderr);
  }
  await until("every shard has a new era", async () => {
    const standing = await configurationsSeenBy(cluster, 0);
    return standing.length === 8 && standing.every(({ era }) => era === 1);
  });
  assert.ok(performance.now() - beganMs >= TTL_MAX_MS, "it waits until no lease can be believed in");
  const other = await connect(cluster.url);
  const next = await Promise.all(NAMES.map((name) => other.acquire(name)));
  for (const [index, { token }] of next.entries()) assert.ok(token > (tokens[index] ?? 0), "INV-2: tokens grow");
  assert.ok(
    held.every(({ signal }) => signal.aborted),
    "who held a lock knows that it is lost",
  );
});
