/** A node with one worker, in this thread, with its data in a directory that goes with it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type NodeData, openNodeData } from "../node/node-data.js";
import { type NodeFacts, nodeStatus } from "../node/node-status.js";
import { claimPorts, hostAndPort, toldHost } from "../node/ports.js";
import { readSettings, settingsReference } from "../node/settings.js";
import type { Settings } from "../node/settings-schema.js";
import { packageVersion } from "../node/version.js";
import { planWorkers } from "../node/worker-plan.js";
import { outOfRange } from "../words/assert.js";
import { HttpApi } from "../worker/http/http-api.js";
import type { FromWorker, WorkerOptions } from "../worker/options.js";
import { ShardWorker } from "../worker/worker.js";

/** Less is reserved, so it starts sooner. */
const SMALL: Readonly<Record<string, string>> = { "limits.claims_per_node_max": "4096", "log.ring": "4MiB" };
/** What this node is; nobody may ask for anything else. */
const FIXED: Readonly<Record<string, string>> = {
  "listen.host": "127.0.0.1",
  "listen.main": "0",
  "listen.worker_base": "0",
  "node.workers": "1",
  "node.stores": "1",
};
const DRAIN_WITHIN_MS = 2_000;
/** What tells that something has happened. */
const COUNTS = ["claims", "holders", "waiters", "sessions"] as const;

/** Gives back one thing that a node has. */
type GiveBack = () => unknown;

/** A node that serves. */
export interface InProcessNode {
  /** `127.0.0.1:PORT`. */
  readonly address: string;
  /** Lets the worker do what is due. @returns whether a claim or session has come, gone or been granted by it */
  runTurn(): boolean;
  /** Answers what there is, ends, and removes the directory. @throws Error if the worker had failed */
  stop(): Promise<void>;
}

/**
 * Starts a node, and waits until it is ready.
 * @param asked settings by name
 * @param readClock its clock, in monotonic milliseconds
 * @throws Error `settings-refused`; NodeFault or StoreFault if it can't start: nothing is left of it then
 */
export async function startInProcessNode(
  asked: Readonly<Record<string, string>>,
  readClock: () => number,
): Promise<InProcessNode> {
  const had: GiveBack[] = [];
  try {
    return await start(had, asked, readClock);
  } catch (error) {
    await giveBack(had);
    throw error;
  }
}

async function start(
  had: GiveBack[],
  asked: Readonly<Record<string, string>>,
  readClock: () => number,
): Promise<InProcessNode> {
  const directory = temporaryDirectory(had);
  const settings = settingsIn(directory, asked);
  const data = openNodeData(settings);
  had.push(() => data.directory.close());
  const ports = await claimPorts(settings);
  had.push(() => ports.release());
  const version = packageVersion();
  const host = toldHost(settings.listen);
  const plan = planWorkers({ settings, data, ports, version, host, cluster: null });
  const options = plan[0] ?? outOfRange(0);
  const address = hostAndPort(settings.listen.host, ports.main);
  let failure: string | undefined;
  const worker: ShardWorker = await ShardWorker.start(options, {
    readClock,
    tell: (message: FromWorker) => {
      if (message.kind === "failed") failure ??= `${message.code}: ${message.message}`;
    },
    askStatus: (answer) =>
      answer(
        JSON.stringify(
          nodeStatus(factsOf(options, data, address), { uptimeMs: readClock(), cluster: null }, [worker.status()]),
        ),
      ),
  });
  let http: HttpApi | undefined;
  had.push(() => worker.drain(DRAIN_WITHIN_MS, async (withinMs) => http?.drain(withinMs)));
  worker.listen((app, front, ring) => {
    http = new HttpApi(front, options, ring);
    http.route(app);
  });
  const stop = async (): Promise<void> => {
    await giveBack(had);
    if (failure !== undefined) throw new Error(`the server had failed: ${failure}`);
  };
  const runTurn = (): boolean => {
    const before = worker.status();
    worker.runTurn();
    const after = worker.status();
    return COUNTS.some((count) => before[count] !== after[count]);
  };
  return { address, runTurn, stop };
}

/** In the order in which a node does: what came last goes first. */
async function giveBack(had: GiveBack[]): Promise<void> {
  for (const one of had.splice(0).reverse()) await one();
}

function temporaryDirectory(had: GiveBack[]): string {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-testing-"));
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  process.once("exit", remove); // A test that forgot to stop it leaves nothing, either.
  had.push(() => {
    process.off("exit", remove);
    remove();
  });
  return directory;
}

/** Nothing of the machine's own settings may reach a test, so the file that is read is an empty one. */
function settingsIn(directory: string, asked: Readonly<Record<string, string>>): Settings {
  const configPath = join(directory, "holdfast.toml");
  writeFileSync(configPath, "");
  const all = { "node.name": "test", ...SMALL, ...asked, ...FIXED, "node.data_dir": join(directory, "data") };
  const flags: Record<string, string> = {};
  for (const [name, value] of Object.entries(all)) {
    flags[settingsReference().find((row) => row.name === name)?.flag ?? name] = value;
  }
  const result = readSettings({ flags, environment: {}, configPath });
  if (result.kind === "refused") throw new Error(`settings-refused: ${result.message}`);
  return result.settings;
}

function factsOf(options: WorkerOptions, { directory }: NodeData, address: string): NodeFacts {
  const { version, node, clusterId, shards, addresses } = options;
  return {
    version,
    node,
    clusterId,
    dataDir: directory.path,
    pid: process.pid,
    startedAt: new Date(performance.timeOrigin).toISOString(),
    address,
    workerAddresses: addresses,
    shards,
    stores: directory.stores,
    recovered: { claims: 0, sessions: 0, milliseconds: 0 },
  };
}
