/**
 * How a worker ends in order (SIGTERM). What its clients sent before still reaches the other workers and is executed
 * there, however late it comes: a worker answers and closes only when all have said that nothing more will come.
 *
 *     refuse new work ─▶ end HTTP calls ─▶ "all is sent" ─▶ (from every peer) ─▶ commit, answer
 *                                      ─▶ "all is answered" ─▶ (from every peer) ─▶ sockets are read empty ─▶ close
 *
 * The words between workers travel behind the requests and answers, in the same order, so that no clock is needed. For
 * a worker that is gone nobody waits, and for one that hangs not for ever.
 */
import type { Forwarding } from "./forwarding.js";
import type { Front } from "./front.js";
import type { Listener } from "./listen.js";
import type { WorkerLog } from "./worker-log.js";
import type { TurnLoop } from "./turn.js";

/** What one worker says to the others on its way out. */
const WORD_SENT = 1;
const WORD_ANSWERED = 2;

/** Of the time that the whole drain has: until when each of its parts has to be done. */
const CALLS_END_AT = 0.3;
const ALL_SENT_AT = 0.5;
const ALL_ANSWERED_AT = 0.7;
const ALL_READ_AT = 0.8;
const LOOK_EVERY_MS = 2;

/** What is drained. */
export interface DrainParts {
  readonly front: Front;
  readonly loop: TurnLoop;
  readonly logs: readonly WorkerLog[];
  readonly forwarding: Forwarding;
  readonly listener: Listener | undefined;
  /** Runs a turn now. */
  readonly runNow: () => void;
}

/** The words that the other workers have said, and the wait for them. */
export class Drain {
  readonly #others: readonly number[];
  readonly #said = new Map<number, Set<number>>();

  /** @param others the other workers of the node; those of other nodes stay. */
  constructor(others: readonly number[]) {
    this.#others = others;
  }

  /** Another worker has said a word. */
  hear(worker: number, word: number): void {
    const said = this.#said.get(word) ?? new Set<number>();
    this.#said.set(word, said.add(worker));
  }

  /** Another worker has closed its line, or has died: it will say nothing more. */
  isGone(worker: number): void {
    for (const word of [WORD_SENT, WORD_ANSWERED]) this.hear(worker, word);
  }

  /**
   * Refuses new work, lets all that is under way be executed, committed and answered.
   * @param withinMs for all of it and the close that follows.
   * @param endCalls ends HTTP calls, within the milliseconds that it is told.
   */
  async run(parts: DrainParts, withinMs: number, endCalls: (withinMs: number) => Promise<void>): Promise<void> {
    const { front, forwarding, listener, runNow } = parts;
    const began = performance.now();
    const leftMs = (share: number): number => Math.max(0, began + withinMs * share - performance.now());
    front.isDraining = true;
    listener?.refuseNew();
    await endCalls(leftMs(CALLS_END_AT)); // Their cancels and releases are still sent on.
    runNow();
    forwarding.say(WORD_SENT, this.#others);
    await waitFor(() => this.#haveAllSaid(WORD_SENT), leftMs(ALL_SENT_AT));
    await waitFor(() => isCommitted(parts), leftMs(ALL_ANSWERED_AT));
    listener?.tellGoing();
    runNow();
    forwarding.say(WORD_ANSWERED, this.#others);
    await waitFor(() => this.#haveAllSaid(WORD_ANSWERED), leftMs(ALL_ANSWERED_AT));
    runNow();
    await waitFor(() => listener === undefined || listener.unsentBytes === 0, leftMs(ALL_READ_AT));
  }

  #haveAllSaid(word: number): boolean {
    return (this.#said.get(word)?.size ?? 0) >= this.#others.length;
  }
}

/** Runs what is left; answers whether all of it is on disk and its answers have left. */
function isCommitted({ logs, loop, runNow }: DrainParts): boolean {
  if (logs.some(({ store }) => store.fault !== null)) return true; // What is not on disk now never will be.
  runNow();
  return !loop.isBehind && loop.hasRoom && logs.every(({ store }) => store.idle);
}

async function waitFor(holds: () => boolean, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!holds() && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
}
