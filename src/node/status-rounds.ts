/**
 * Asks all workers for their counts and puts the answers together. Whoever asks while a round is under way gets its
 * result, so that many dashboards cost no more than one.
 */
import type { WorkerStatus } from "../worker/options.js";
import { Gate } from "./gate.js";

interface Round {
  readonly id: number;
  readonly statuses: Map<number, WorkerStatus>;
  readonly gate: Gate<readonly WorkerStatus[]>;
  readonly timer: NodeJS.Timeout;
}

/** Rounds of questions, one at a time. */
export class StatusRounds {
  readonly #workers: number;
  readonly #withinMs: number;
  readonly #ask: (id: number) => void;
  #round: Round | null = null;
  #lastId = 0;

  /** @param ask sends the question `id` to every worker. */
  constructor(workers: number, withinMs: number, ask: (id: number) => void) {
    this.#workers = workers;
    this.#withinMs = withinMs;
    this.#ask = ask;
  }

  /** What the workers answer within the time, by index. */
  collect(): Promise<readonly WorkerStatus[]> {
    if (this.#round !== null) return this.#round.gate.promise;
    this.#lastId += 1;
    const timer = setTimeout(() => this.#close(), this.#withinMs);
    this.#round = { id: this.#lastId, statuses: new Map(), gate: new Gate(), timer };
    const { promise } = this.#round.gate;
    this.#ask(this.#lastId);
    return promise;
  }

  /** One worker's answer; one that comes after its round is dropped. */
  take(id: number, status: WorkerStatus): void {
    if (this.#round?.id !== id) return;
    this.#round.statuses.set(status.worker, status);
    if (this.#round.statuses.size === this.#workers) this.#close();
  }

  #close(): void {
    const round = this.#round;
    if (round === null) return;
    this.#round = null;
    clearTimeout(round.timer);
    round.gate.open([...round.statuses.values()].sort((one, other) => one.worker - other.worker));
  }
}
