/**
 * One worker thread as the node sees it: what it says, and that it has ended, once, whatever it was that ended it.
 */
import { Worker } from "node:worker_threads";
import type { FromWorker, ToWorker, WorkerOptions } from "../worker/options.js";

/** How a thread ended. */
export interface WorkerEnd {
  readonly index: number;
  /** What it threw; null if it threw nothing. */
  readonly error: Error | null;
  readonly exitCode: number;
}

/** Who is told. */
export interface WorkerListener {
  said(index: number, message: FromWorker): void;
  ended(end: WorkerEnd): void;
}

/** A running worker thread. */
export class WorkerThread {
  readonly index: number;
  readonly #thread: Worker;
  #hasEnded = false;

  /** Starts the thread. */
  constructor(data: WorkerOptions, listener: WorkerListener) {
    this.index = data.index;
    this.#thread = new Worker(new URL("../worker/main.js", import.meta.url), {
      name: `worker-${data.index}`,
      workerData: data,
      transferList: data.peers.filter((peer) => peer !== null),
    });
    let thrown: Error | null = null;
    this.#thread.on("message", (message: FromWorker) => listener.said(data.index, message));
    this.#thread.on("error", (error: unknown) => {
      thrown = error instanceof Error ? error : new Error(String(error));
    });
    this.#thread.on("exit", (exitCode) => {
      this.#hasEnded = true;
      listener.ended({ index: data.index, error: thrown, exitCode });
    });
  }

  /** Whether the thread is gone, and its app with it. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Tells the worker something; one that has ended hears nothing. */
  tell(message: ToWorker): void {
    if (!this.#hasEnded) this.#thread.postMessage(message);
  }
}
