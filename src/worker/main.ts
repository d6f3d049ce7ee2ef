/** The entry of a worker thread: listens to its node and starts the worker. */
import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../words/assert.js";
import { StoreFault } from "../log/store-fault.js";
import { HttpApi } from "./http/http-api.js";
import type { FromWorker, ToWorker, WorkerOptions } from "./options.js";
import { ShardWorker } from "./worker.js";

const port = parentPort;
assert(port !== null, "worker/main.ts is started as a thread by node/");
const given: unknown = workerData;
assert(isWorkerOptions(given), "worker/main.ts is given the options of a worker by node/");
const options: WorkerOptions = given;
const questions = new Map<number, (json: string) => void>();
let questionCount = 0;
let http: HttpApi | undefined;

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
      worker.listen((app, front) => {
        http = new HttpApi(front, options);
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
    case "drain":
      await http?.drain();
      await worker.drain();
      tell({ kind: "drained" });
      port?.close();
      return;
  }
}

const worker = await start();
port.on("message", (message: ToWorker) => {
  if (worker !== undefined) void hear(worker, message);
  else if (message.kind === "drain") port.close();
});
