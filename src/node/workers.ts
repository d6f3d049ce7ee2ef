/**
 * The worker threads of a node as one thing: all have recovered, all listen, one has failed, all have ended.
 *
 *     started ─▶ recovered (all) ─▶ "listen" ─▶ listening (all) ─▶ "drain" ─▶ ended (all)
 *        └───────────┴── one failed, or ended unasked: `failed`; the node then drains the others and exits ──▲
 *
 * No thread is ever terminated: uWebSockets.js aborts the process if a thread ends while its app is open, so each
 * worker closes its own app when it is told to drain.
 */
import { setTimeout as after } from "node:timers/promises";
import { unreachable } from "../words/assert.js";
import type { Configuration } from "../words/configuration.js";
import type { ControlRequest, Report } from "../replication/outputs.js";
import type { FromWorker, ToWorker, WorkerFailure, WorkerOptions, WorkerStatus } from "../worker/options.js";
import { Gate } from "./gate.js";
import { NodeFault } from "./node-fault.js";
import { StatusRounds } from "./status-rounds.js";
import { type WorkerEnd, WorkerThread } from "./worker-thread.js";

/** What all workers together found in their stores. */
export interface Recovery {
  readonly claims: number;
  readonly sessions: number;
}

/** How far recovery is, summed over workers. The unit is the store's: pages and batches. */
export interface Progress {
  readonly done: number;
  readonly total: number;
}

/** How long a status round waits for a worker that is busy, in milliseconds. */
const STATUS_WITHIN_MS = 1_000;

/** Whom workers of a cluster speak with. */
export interface WorkersCluster {
  ask(shard: number, request: ControlRequest, told: (message: ToWorker) => void): void;
  saw(configuration: Configuration): void;
  report(shard: number, replica: string, report: Report): void;
  warn(facts: Readonly<Record<string, string>>, message: string): void;
}

/** All worker threads of one node. */
export class Workers {
  readonly #threads: readonly WorkerThread[];
  readonly #recovered = new Gate<Recovery>();
  readonly #listening = new Gate<void>();
  readonly #failed = new Gate<NodeFault>();
  readonly #ended = new Gate<void>();
  readonly #progress: Progress[];
  readonly #recoveries = new Map<number, Recovery>();
  readonly #rounds: StatusRounds;
  readonly #statusJson: () => Promise<string>;
  readonly #cluster: WorkersCluster | null;
  #listeningCount = 0;
  #isStopping = false;
  #hasFailed = false;

  /**
   * Starts a thread for each of `options`.
   * @param of what a worker is told that asks for the status of the whole node, and who asks the control plane for it
   */
  constructor(
    options: readonly WorkerOptions[],
    of: { readonly statusJson: () => Promise<string>; readonly cluster: WorkersCluster | null },
  ) {
    this.#statusJson = of.statusJson;
    this.#cluster = of.cluster;
    this.#progress = options.map(() => ({ done: 0, total: 0 }));
    this.#rounds = new StatusRounds(options.length, STATUS_WITHIN_MS, (id) => this.#tellAll({ kind: "status?", id }));
    const said = (index: number, message: FromWorker): void => this.#hear(index, message);
    const ended = (end: WorkerEnd): void => this.#end(end);
    this.#threads = options.map((one) => new WorkerThread(one, { said, ended }));
  }

  /** Settled when every worker has recovered. @throws NodeFault of the first that can't */
  get recovered(): Promise<Recovery> {
    return this.#recovered.promise;
  }

  /** The first failure; never settled if there is none. */
  get failed(): Promise<NodeFault> {
    return this.#failed.promise;
  }

  /** How far recovery is. */
  progress(): Progress {
    const sum = (read: (one: Progress) => number): number =>
      this.#progress.reduce((total, one) => total + read(one), 0);
    return { done: sum((one) => one.done), total: sum((one) => one.total) };
  }

  /** Opens all ports. @throws NodeFault of the first worker that can't */
  async listen(): Promise<void> {
    this.#tellAll({ kind: "listen" });
    await this.#listening.promise;
  }

  /** Counts of each worker, by index; without those that are too busy to answer within a second. */
  status(): Promise<readonly WorkerStatus[]> {
    return this.#rounds.collect();
  }

  /**
   * Refuses new work, commits, answers, closes, and waits for the threads to end.
   * @returns whether all had ended after `withinMs` milliseconds
   */
  async drain(withinMs: number): Promise<boolean> {
    this.#isStopping = true;
    this.#tellAll({ kind: "drain", withinMs });
    const patience = new AbortController();
    const ended = this.#ended.promise.then(() => true);
    const tooLong = after(withinMs, false, { signal: patience.signal }).catch(() => false);
    const hasEnded = await Promise.race([ended, tooLong]);
    patience.abort();
    return hasEnded;
  }

  /** Tells every worker. */
  tell(message: ToWorker): void {
    this.#tellAll(message);
  }

  #tellAll(message: ToWorker): void {
    for (const thread of this.#threads) thread.tell(message);
  }

  #hear(index: number, message: FromWorker): void {
    switch (message.kind) {
      case "recovering":
        this.#progress[index] = { done: message.done, total: message.total };
        return;
      case "recovered":
        this.#takeRecovery(index, { claims: message.claims, sessions: message.sessions });
        return;
      case "listening":
        this.#listeningCount += 1;
        if (this.#listeningCount === this.#threads.length) this.#listening.open();
        return;
      case "status":
        this.#rounds.take(message.id, message.status);
        return;
      case "node-status?":
        void this.#answerStatus(index, message.id);
        return;
      case "failed":
        this.#fail(failureFault(index, message));
        return;
      case "control":
        return this.#cluster?.ask(message.shard, message.request, (told) => this.#threads[index]?.tell(told));
      case "saw":
        return this.#cluster?.saw(message.configuration);
      case "report":
        return this.#cluster?.report(message.shard, message.replica, message.report);
      case "warning":
        return this.#cluster?.warn(message.facts, message.message);
      case "drained":
        return; // Its end is what counts: only then is its app gone for certain.
      default:
        unreachable(message);
    }
  }

  #takeRecovery(index: number, recovery: Recovery): void {
    this.#recoveries.set(index, recovery);
    if (this.#recoveries.size < this.#threads.length) return;
    let claims = 0;
    let sessions = 0;
    for (const one of this.#recoveries.values()) {
      claims += one.claims;
      sessions += one.sessions;
    }
    this.#recovered.open({ claims, sessions });
  }

  async #answerStatus(index: number, id: number): Promise<void> {
    const json = await this.#statusJson();
    this.#threads[index]?.tell({ kind: "node-status", id, json });
  }

  #end(end: WorkerEnd): void {
    if (end.error !== null || !this.#isStopping) this.#fail(endFault(end));
    if (this.#threads.every((thread) => thread.hasEnded)) this.#ended.open();
  }

  #fail(fault: NodeFault): void {
    if (this.#hasFailed) return; // What follows a failure is its echo.
    this.#hasFailed = true;
    this.#recovered.refuse(fault);
    this.#listening.refuse(fault);
    this.#failed.open(fault);
  }
}

const ADVICE =
  "All that was answered is on disk. This is a bug in Holdfast: please report it with this line, then restart the node.";

/** What is wrong with a store says itself what to do; all else is our bug. */
function failureFault(index: number, { code, message, stack }: WorkerFailure): NodeFault {
  const cause = new Error(message);
  cause.stack = stack ?? "";
  return new NodeFault(code, stack === undefined ? message : `worker ${index}: ${message}. ${ADVICE}`, cause, index);
}

function endFault({ index, error, exitCode }: WorkerEnd): NodeFault {
  const what = error === null ? `exit code ${exitCode}` : error.message;
  return new NodeFault("worker-ended", `worker ${index} has ended: ${what}. ${ADVICE}`, error ?? undefined, index);
}
