/**
 * One run of chaos: a cluster and its clients, faults by seed, healing, and the judges: the checker of histories, what the
 * clients still held, the guarded files, the logs of the nodes against each other.
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hrtime } from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { checkHistory, describe } from "../histories/check.js";
import { readHistoryFile } from "../histories/read-history.js";
import { freshDirectory, until } from "../node/server-process.js";
import { Random } from "../tables/random.js";
import { type ClientTask, type FromClient, fromClient, type ToClient } from "./client-words.js";
import { compareLogs } from "./compare-logs.js";
import { doFaults } from "./faults.js";
import { type FileStory, GuardedFile } from "./guarded-file.js";
import { ChaosCluster } from "./nodes.js";
import { type Fault, planOf } from "./plan.js";

/** What to run. */
export interface ChaosOptions {
  readonly seed: number;
  readonly durationMs: number;
  /** Processes of clients, and sessions of each. */
  readonly clients: number;
  readonly sessions: number;
  readonly shards: number;
  readonly flags: readonly string[];
  /** Hears how it goes. */
  readonly say: (line: string) => void;
}

/** What came of it. */
export interface ChaosResult {
  readonly seed: number;
  readonly seconds: number;
  readonly answers: number;
  readonly answersPerSecond: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly offices: number;
  /** What callers saw instead of an outcome, by code. */
  readonly errors: Readonly<Record<string, number>>;
  readonly files: Readonly<Record<string, FileStory>>;
  readonly violations: readonly string[];
}

const CHILD = fileURLToPath(new URL("client-child.js", import.meta.url));
const PROCESSES_EACH = 1_000_000;
const LONGEST_FAULT_MS = 30_000;
/** Long enough for every claim of a client that was stopped to run out, and for a learner to come back. */
const SETTLE_MS = 3_000;

/** A client process. */
class Client {
  readonly name: string;
  readonly file: string;
  readonly #child: ChildProcess;
  readonly #files: ReadonlyMap<string, GuardedFile>;
  answers = 0;
  errors: Readonly<Record<string, number>> = {};
  wrong: readonly string[] = [];
  isReady = false;
  isFinished = false;
  isGone = false;

  constructor(task: ClientTask, files: ReadonlyMap<string, GuardedFile>) {
    this.name = task.name;
    this.file = task.file;
    this.#files = files;
    this.#child = fork(CHILD, [JSON.stringify(task)], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    this.#child.on("message", (given) => this.#hear(fromClient.parse(given)));
    this.#child.once("close", () => {
      this.isGone = true;
    });
  }

  tell(message: ToClient): void {
    this.#child.send(message);
  }
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
  async kill(): Promise<void> {
    if (this.isGone) return;
    const closed = once(this.#child, "close");
    this.#child.kill("SIGKILL");
    await closed;
  }

  #hear(message: FromClient): void {
    switch (message.kind) {
      case "ready":
        this.isReady = true;
        return;
      case "answers":
        this.answers = message.count;
        return;
      case "read":
        return this.tell({
          kind: "is",
          id: message.id,
          value: this.#files.get(message.file)?.read(message.token) ?? 0,
        });
      case "write": {
        const isAccepted = this.#files.get(message.file)?.write(message.value, message.token) ?? false;
        return this.tell({ kind: "wrote", id: message.id, isAccepted });
      }
      case "finished":
        this.errors = message.errors;
        this.wrong = message.wrong;
        this.isFinished = true;
    }
  }
}

/** Runs it. Whatever is wrong is in the result; what throws is the net's own fault. */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const random = new Random(options.seed);
  const directory = freshDirectory();
  const cluster = await ChaosCluster.start({ nodes: 3, shards: options.shards, flags: options.flags });
  const originMs = Number(hrtime.bigint()) / 1e6;
  const files = new Map([
    ["fenced", new GuardedFile(true)],
    ["bare", new GuardedFile(false)],
  ]);
  const clients = Array.from({ length: options.clients }, (_, index) => {
    const name = `client-${index}`;
    const task: ClientTask = {
      url: cluster.url,
      name,
      seed: random.bits(),
      sessions: options.sessions,
      file: join(directory, `${name}.jsonl`),
      firstProcess: index * PROCESSES_EACH,
      originMs,
    };
    return new Client(task, files);
  });
  try {
    await until("the clients to be connected", () => clients.every(({ isReady }) => isReady));
    const beganMs = performance.now();
    const parties = { nodes: cluster.nodes, etcds: cluster.etcds, clients: clients.map(({ name }) => name) };
    const plan = planOf(random, parties, { ms: options.durationMs, longestMs: LONGEST_FAULT_MS });
    const done = await doFaults(cluster, plan, (name, signal) =>
      clients.find((one) => one.name === name)?.signal(signal),
    );
    cluster.sky.clear();
    await delay(Math.max(SETTLE_MS, options.durationMs - (performance.now() - beganMs)));
    const seconds = (performance.now() - beganMs) / 1_000;
    const late = await finish(clients);
    const answers = clients.reduce((sum, client) => sum + client.answers, 0);
    for (const name of cluster.nodes) await cluster.end(name, "stop");
    const logs = compareLogs(cluster.dataDirs);
    const seen = await judge(directory, clients, done);
    return {
      seed: options.seed,
      seconds,
      answers,
      answersPerSecond: Math.round(answers / seconds),
      faults: countsOf(done.map(({ kind }) => kind)),
      offices: logs.offices,
      errors: sumOf(clients.map(({ errors }) => errors)),
      files: Object.fromEntries([...files].map(([name, { story }]) => [name, story])),
      violations: [
        ...late,
        ...logs.differences,
        ...clients.flatMap(({ wrong }) => wrong),
        ...seen,
        ...lostUpdates(files),
        ...cluster.deaths,
      ],
    };
  } finally {
    await Promise.all(clients.map((client) => client.kill()));
    await cluster.stop();
  }
}

/** INV-9: with all healed every call of every client comes to its end. */
async function finish(clients: readonly Client[]): Promise<readonly string[]> {
  for (const client of clients) if (!client.isGone) client.tell({ kind: "finish" });
  try {
    await until("the clients to end", () => clients.every(({ isFinished, isGone }) => isFinished || isGone));
  } catch {
    // Told below, by name.
  }
  return clients.filter(({ isFinished }) => !isFinished).map(({ name }) => `INV-9: ${name} did not come to its end`);
}

function lostUpdates(files: ReadonlyMap<string, GuardedFile>): readonly string[] {
  const { value = 0, accepted = 0 } = files.get("fenced")?.story ?? {};
  return value === accepted ? [] : [`INV-2: the fenced file has ${value} after ${accepted} writes that it took`];
}

/** All histories as one, and the faults in it. */
async function judge(
  directory: string,
  clients: readonly Client[],
  faults: readonly Fault[],
): Promise<readonly string[]> {
  const file = join(directory, "all.jsonl");
  const [header, ...lines] = clients.flatMap((client, index) => {
    const [first = "", ...rest] = readFileSync(client.file, "utf8")
      .split("\n")
      .filter((line) => line !== "");
    return index === 0 ? [first, ...rest] : rest;
  });
  const told = faults.map(({ kind, target, fromMs, toMs }) =>
    JSON.stringify({ t: "fault", kind, target, from: Math.round(fromMs * 1e6), to: Math.round(toMs * 1e6) }),
  );
  writeFileSync(file, [header, ...lines, ...told].map((line) => `${line}\n`).join(""));
  return checkHistory(await readHistoryFile(file)).map(describe);
}

function countsOf(names: readonly string[]): Readonly<Record<string, number>> {
  return sumOf(names.map((name) => ({ [name]: 1 })));
}

function sumOf(records: readonly Readonly<Record<string, number>>[]): Readonly<Record<string, number>> {
  const sum: Record<string, number> = {};
  for (const record of records)
    for (const [name, count] of Object.entries(record)) sum[name] = (sum[name] ?? 0) + count;
  return sum;
}
