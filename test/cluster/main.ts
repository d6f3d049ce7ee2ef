/**
 * `make cluster`: etcd and three nodes on loopback, to play with; `make cluster-demo`: the same for a minute, with load and
 * the kill of a node, and what the clients saw. Everything is gone at the end.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { etcdMissing, startEtcd } from "../control/etcd-process.js";
import { showFailOver } from "./demo.js";

/** Not out of the tests' own file for it: that one would begin to report tests here. */
const COMMAND = fileURLToPath(new URL("../../src/cli/main.js", import.meta.url));
const NODES = 3;
/** PORT=7400 is the first node's; the others follow by tens, and their ports for each other a hundred higher. */
const BASE = Number(process.env["PORT"] ?? "7400");

interface Node {
  readonly name: string;
  readonly port: number;
  readonly child: ChildProcess;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function start(index: number, parts: { readonly directory: string; readonly etcd: readonly string[] }): Node {
  const [name, port] = [`node-${index + 1}`, BASE + 10 * index];
  const dataDir = join(parts.directory, name);
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const flags = [
    ["--name", name],
    ["--data-dir", dataDir],
    ["--workers", "1"],
    ["--stores", "1"],
    ["--listen-main", String(port)],
    ["--listen-worker-base", String(port + 1)],
    ["--listen-peer-base", String(port + 100)],
    ["--cluster-etcd", parts.etcd.join(",")],
    ["--cluster-key", "only-for-trying-out"],
    ["--logging-level", "warn"],
    ["--limits-claims-per-node-max", "1048576"],
  ];
  const child = spawn(process.execPath, [COMMAND, "serve", "--json", ...flags.flat()], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  return { name, port, child };
}

/** @throws Error if the node ends before it is ready */
async function ready({ name, child }: Node): Promise<void> {
  const { stdout } = child;
  if (stdout === null) throw new Error(`${name} has no output`);
  const line = once(createInterface(stdout), "line");
  const end = once(child, "close").then(() => Promise.reject(new Error(`${name} ended before it was ready`)));
  await Promise.race([line, end]);
}

async function main(isDemo: boolean): Promise<void> {
  if (etcdMissing !== false) throw new Error(etcdMissing);
  const directory = mkdtempSync(join(tmpdir(), "holdfast-cluster-"));
  const etcd = await startEtcd();
  const nodes = Array.from({ length: NODES }, (_, index) => start(index, { directory, etcd: etcd.endpoints }));
  const ended = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => ended.abort());
  try {
    await Promise.all(nodes.map(ready));
    const url = `holdfast://${nodes.map(({ port }) => `127.0.0.1:${port}`).join(",")}`;
    say(`etcd ${etcd.endpoints.join(", ")}, process ${etcd.members.map(({ pid }) => pid).join(", ")}`);
    for (const { name, port, child } of nodes) say(`${name} at 127.0.0.1:${port}, process ${child.pid ?? 0}`);
    if (isDemo) await showFailOver({ url, kill: () => nodes[1]?.child.kill("SIGKILL"), say, signal: ended.signal });
    else await wait(url, nodes, ended.signal);
  } finally {
    for (const { child } of nodes) child.kill("SIGKILL");
    await etcd.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function wait(url: string, nodes: readonly Node[], signal: AbortSignal): Promise<void> {
  say("");
  say(`export HOLDFAST_URL=${url}`);
  say("holdfast status                      who has which shard, and what is wrong");
  say("holdfast lock demo:1 -- sleep 60     holds a lock; meanwhile:");
  say(`kill -9 ${nodes[1]?.child.pid ?? 0}                        node-2 dies: the lock stays held`);
  say("holdfast node drain node-3           moves everything off a node");
  say("Ctrl-C here ends all of it, and its data is gone.");
  await delay(2 ** 31 - 1, null, { signal }).catch(() => undefined);
}

try {
  await main(process.argv.includes("demo"));
  process.exit(0);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
