/** The entry of a worker thread: listens to its node and starts the worker. */
import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../words/assert.js";
import { StoreFault } from "../log/store-fault.js";
import { HttpApi } from "./http/http-api.js";
import type { FromWorker, ToWorker, WorkerOptions } from "./options.js";
import { ShardWorker } from "./worker.js";

const END_WITHIN_MS = 100;

const port = parentPort;
assert(port !== null, "worker/main.ts is started as a thread by node/");
const given: unknown = workerData;
assert(isWorkerOptions(given), "worker/main.ts is given the options of a worker by node/");
const options: WorkerOptions = given;
const questions = new Map<number, (json: string) => void>();
let questionCount = 0;
let http: HttpApi | undefined;
/** The worker, once it has recovered. */
const running: { worker?: ShardWorker } = {};

/** Whether this is what node/worker-thread.ts gives: both ends are of one build, so that a look at it is enough. */
function isWorkerOptions(data: unknown): data is WorkerOptions {
  return typeof data === "object" && data !== null && "stores" in data && "limits" in data && "peers" in data;
}

function tell(message: FromWorker): void {
  port?.postMessage(message);
}

function askStatus(answer: (json: string) => void): void {
  questionCount++;
  questions.set(questionCount, answer);
  tell({ kind: "node-status?", id: questionCount });
}

/**
 * Whatever escapes from a turn, a timer or a callback of uWebSockets.js ends the node: what the tables hold by then may be
 * half of a change. Left alone, the thread would end with its app open, and the process would abort without a reason.
 */
process.on("uncaughtException", (error: unknown) => {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const what = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const failure = { code: "worker-exception", message: `an exception escaped: ${what}`, stack };
  if (running.worker === undefined) tell({ kind: "failed", ...failure });
  else running.worker.fail(failure);
});

async function start(): Promise<ShardWorker | undefined> {
  try {
    return await ShardWorker.start(options, { tell, askStatus });
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    if (error instanceof StoreFault) tell({ kind: "failed", code: error.code, message: error.message });
    else tell({ kind: "failed", code: "internal", message: text });
    return undefined;
  }
}

async function hear(worker: ShardWorker, message: ToWorker): Promise<void> {
  switch (message.kind) {
    case "listen":
      worker.listen((app, front, ring) => {
        const { index, workerOfShard } = worker;
        http = new HttpApi(front, { ...options, index, workerOfShard }, ring);
        http.route(app);
      });
      return;
    case "status?":
      tell({ kind: "status", id: message.id, status: worker.status() });
      return;
    case "node-status":
      questions.get(message.id)?.(message.json);
      questions.delete(message.id);
      return;
    case "told":
      worker.cluster?.told(message.shard, message.input);
      return;
    case "seen":
      worker.cluster?.seen(message.configuration);
      return;
    case "nodes":
      worker.cluster?.setNodes(message.nodes);
      return;
    case "drain":
      await worker.drain(message.withinMs, async (withinMs) => http?.drain(withinMs));
      tell({ kind: "drained" });
      end();
      return;
  }
}

/** Ends the thread, its app closed: by itself, or where something is left that would keep it (a timer of a request). */
function end(): void {
  port?.close();
  setTimeout(() => process.exit(0), END_WITHIN_MS).unref();
}

const worker = await start();
if (worker !== undefined) running.worker = worker;
port.on("message", (message: ToWorker) => {
  if (worker !== undefined) void hear(worker, message);
  else if (message.kind === "drain") end();
});
