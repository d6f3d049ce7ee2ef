/**
 * Real etcd for tests: one member or three, with data directories of their own and any free ports. They are killed at the
 * latest when the test process ends. Whoever writes to etcd behind Holdfast's back does so by its JSON gateway.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";

const COMMAND = "/usr/bin/etcd";

/** Says why a test of etcd is skipped; false where etcd is installed. */
export const etcdMissing: string | false = existsSync(COMMAND)
  ? false
  : "etcd is missing: apt-get install etcd-server (config/debian-packages)";

const READY_WITHIN_MS = 60_000; // Shared machines stand still for half a minute at times.
const LOOK_MS = 20;
const STARTS_MAX = 5;

/** One process of etcd. */
export interface EtcdMember {
  /** `127.0.0.1:PORT`, for clients. */
  readonly endpoint: string;
  readonly pid: number;
  /** SIGSTOP: its connections stay, and nothing answers. */
  freeze(): void;
  /** SIGCONT. */
  thaw(): void;
  /** SIGKILL, and waits for its end. */
  kill(): Promise<void>;
  /** Starts it again on its data, and waits until it answers. */
  restart(): Promise<void>;
}

/** A running etcd. */
export interface Etcd {
  readonly members: readonly EtcdMember[];
  /** Of all members. */
  readonly endpoints: readonly string[];
  /** Writes behind Holdfast's back. */
  put(key: string, value: string): Promise<void>;
  /** Removes a key behind Holdfast's back. */
  remove(key: string): Promise<void>;
  /** Forgets all revisions up to now. */
  compact(): Promise<void>;
  /** SIGKILL for all, and their data is gone. */
  stop(): Promise<void>;
}

const processes = new Set<ChildProcess>();
const directories = new Set<string>();
process.on("exit", () => {
  for (const child of processes) child.kill("SIGKILL");
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

class Member implements EtcdMember {
  readonly endpoint: string;
  readonly #flags: readonly string[];
  #child: ChildProcess | null = null;
  #said = "";

  constructor(endpoint: string, flags: readonly string[]) {
    this.endpoint = endpoint;
    this.#flags = flags;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  start(): void {
    const child = spawn(COMMAND, this.#flags, { stdio: ["ignore", "ignore", "pipe"] });
    this.#child = child;
    processes.add(child);
    child.stderr.setEncoding("utf8").on("data", (text: string) => (this.#said = `${this.#said}${text}`.slice(-4_000)));
    child.once("close", () => processes.delete(child));
  }

  /** False if it has ended before it was ready. */
  async isReady(): Promise<boolean> {
    const endMs = performance.now() + READY_WITHIN_MS;
    for (;;) {
      if (this.#child?.exitCode !== null || this.#child.signalCode !== null) return false;
      try {
        const { health } = z.object({ health: z.string() }).parse(await getJson(`http://${this.endpoint}/health`));
        if (health === "true") return true;
      } catch (error) {
        assert.ok(performance.now() < endMs, `etcd is not ready: ${String(error)}\n${this.#said}`);
      }
      await delay(LOOK_MS);
    }
  }

  freeze(): void {
    this.#child?.kill("SIGSTOP");
    while (!isStopped(this.pid)); // What it had begun, it would else still answer.
  }

  thaw(): void {
    this.#child?.kill("SIGCONT");
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const closed = once(child, "close");
    child.kill("SIGKILL");
    await closed;
  }

  async restart(): Promise<void> {
    this.start();
    assert.ok(await this.isReady(), `etcd did not start again: ${this.#said}`);
  }
}

/** Whether every thread of a process stands still, or it is gone. */
function isStopped(pid: number): boolean {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    return threads.every((thread) => /\) [TtZX] /.test(readFileSync(`/proc/${pid}/task/${thread}/stat`, "utf8")));
  } catch {
    return true;
  }
}

/** Starts etcd with one member or three, and waits until it answers. */
export async function startEtcd(count: 1 | 3 = 1): Promise<Etcd> {
  for (let start = 1; start <= STARTS_MAX; start++) {
    const directory = mkdtempSync(join(tmpdir(), "holdfast-etcd-"));
    directories.add(directory);
    const members = await membersIn(directory, count);
    for (const member of members) member.start();
    const ready = await Promise.all(members.map((member) => member.isReady()));
    if (ready.every(Boolean)) return running(members, directory);
    await forget(members, directory); // Another process was quicker to take a port that was free.
  }
  throw new Error(`etcd has not started in ${STARTS_MAX} tries`);
}

async function membersIn(directory: string, count: number): Promise<readonly Member[]> {
  const ports = await freePorts(count * 2);
  const places = Array.from({ length: count }, (_, index) => ({
    name: `member-${index}`,
    client: `127.0.0.1:${ports[index * 2] ?? 0}`,
    peer: `http://127.0.0.1:${ports[index * 2 + 1] ?? 0}`,
  }));
  const cluster = places.map(({ name, peer }) => `${name}=${peer}`).join(",");
  return places.map(({ name, client, peer }) => {
    const flags = [
      ["--name", name],
      ["--data-dir", join(directory, name)],
      ["--listen-client-urls", `http://${client}`],
      ["--advertise-client-urls", `http://${client}`],
      ["--listen-peer-urls", peer],
      ["--initial-advertise-peer-urls", peer],
      ["--initial-cluster", cluster],
      ["--initial-cluster-token", directory],
      ["--heartbeat-interval", "50"],
      ["--election-timeout", "500"],
      ["--logger", "zap"],
      ["--log-level", "error"],
    ];
    return new Member(client, flags.flat());
  });
}

function running(members: readonly Member[], directory: string): Etcd {
  const endpoints = members.map(({ endpoint }) => endpoint);
  const call = (path: string, body: object): Promise<unknown> =>
    postJson(`http://${endpoints[0] ?? ""}/v3/${path}`, body);
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  return {
    members,
    endpoints,
    put: async (key, value) => {
      await call("kv/put", { key: base64(key), value: base64(value) });
    },
    remove: async (key) => {
      await call("kv/deleterange", { key: base64(key) });
    },
    compact: async () => {
      const answer = await call("kv/range", { key: base64("/") });
      const { revision } = z.object({ header: z.object({ revision: z.string() }) }).parse(answer).header;
      await call("kv/compaction", { revision, physical: true });
    },
    stop: () => forget(members, directory),
  };
}

async function forget(members: readonly Member[], directory: string): Promise<void> {
  await Promise.all(members.map((member) => member.kill()));
  rmSync(directory, { recursive: true, force: true });
  directories.delete(directory);
}

/** Ports that were free a moment ago. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return ports;
}

async function getJson(url: string): Promise<unknown> {
  return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).json();
}

async function postJson(url: string, body: object): Promise<unknown> {
  const response = await fetch(url, { method: "POST", body: JSON.stringify(body), signal: AbortSignal.timeout(5_000) });
  assert.equal(response.status, 200, `${url} answered ${response.status}: ${await response.clone().text()}`);
  return response.json();
}
