/** A node that was alone becomes the first of a cluster: its locks stay held, and others take over what it dies with. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { z } from "zod";
import { Holdfast } from "../../src/client/index.js";
import { type Etcd, etcdMissing, startEtcd } from "../control/etcd-process.js";
import { freshDirectory, runCommand, type ServerProcess, startServer, until } from "../node/server-process.js";
import { QUICK } from "./real-cluster.js";

const SHARDS = 8;
const NAMES: readonly string[] = Array.from({ length: 24 }, (_, index) => `orders:${index}`);
const flags = ["--shards", String(SHARDS), "--workers", "1", "--stores", "1"];
const clients: Holdfast[] = [];
const etcds: Etcd[] = [];
after(async () => {
  for (const client of clients) await client.close();
  for (const etcd of etcds) await etcd.stop();
});

/** A client whose locks outlive every pause of this test. */
async function connect(url: string): Promise<Holdfast> {
  const client = await Holdfast.connect({ url, ttl: "4m", answerWithin: "60s" });
  clients.push(client);
  return client;
}

const statusSchema = z.object({
  cluster: z.object({ configurations: z.array(z.object({ inSync: z.array(z.string()) })) }),
});

async function copiesOf(server: ServerProcess): Promise<readonly number[]> {
  const answer = await (await fetch(`http://${server.address}/v1/status`)).json();
  return statusSchema.parse(answer).cluster.configurations.map(({ inSync }) => inSync.length);
}

test("a node that was alone grows into a cluster, and what it held outlives it", { skip: etcdMissing }, async () => {
  const dataDir = freshDirectory();
  const alone = await startServer({ dataDir, flags: [...flags, "--name", "first"] });
  const before = await connect(alone.url);
  const held = await Promise.all(NAMES.map((name) => before.acquire(name)));
  await alone.kill();

  const etcd = await startEtcd();
  etcds.push(etcd);
  const [, main = ""] = alone.address.split(":");
  const cluster = ["--listen-peer-base", "0", "--cluster-etcd", etcd.endpoints.join(",")];
  const member = [...flags, ...QUICK, ...cluster, "--cluster-key", "a-key-of-these-tests"];
  const first = await startServer({ dataDir, flags: [...member, "--name", "first", "--listen-main", main] });
  const [second, third] = await Promise.all(
    ["second", "third"].map((name) => startServer({ flags: [...member, "--name", name] })),
  );
  assert.ok(second !== undefined && third !== undefined);
  const url = `holdfast://${first.address},${second.address},${third.address}`;

  const { exitCode, stderr } = await runCommand(["--url", url, "shards", "rebalance"]);
  assert.equal(exitCode, 0, stderr);
  await until("three copies of each shard", async () => {
    const copies = await copiesOf(first);
    return copies.length === SHARDS && copies.every((count) => count === 3);
  });
  await first.kill();

  const other = await connect(url);
  for (const name of NAMES) assert.equal(await other.tryAcquire(name), undefined, `INV-3: ${name} is held`);
  const seen = await Promise.all(NAMES.map((name) => before.check(name)));
  assert.deepEqual(
    seen.map(({ holders }) => holders.map(({ token }) => token)),
    held.map(({ token }) => [token]),
  );
  assert.ok(held.every(({ signal }) => !signal.aborted));
  await Promise.all(held.map(async (lock) => lock.release()));
  const next = await Promise.all(NAMES.map((name) => other.acquire(name)));
  for (const [index, { token }] of next.entries()) assert.ok(token > (held[index]?.token ?? 0), "INV-2: tokens grow");
});
