/**
 * A process of clients that contend for few locks and ask again and again whether they hold. Each answer "held" is a
 * belief of the history, beside what the library itself records: what it said, and what it could have said (INV-4).
 */
import { setTimeout as delay } from "node:timers/promises";
import { Holdfast, HoldfastError, type Lock, openHistoryFile } from "../../src/client/index.js";
import { Random } from "../tables/random.js";
import { readTrueMs } from "./true-time.js";
import { beliefTask, type FromClient, toClient } from "./words.js";

const ANSWER_WITHIN = "5s";
/** In TTLs. */
const HOLD_MAX = 2;
const WAIT_MAX = 8;
const ASK_EVERY_MS = 4;
/** A client that fails so often in a row was given up by the server, as one whose key somebody else used. */
const FAILURES_MAX = 3;
const FAILURE_PAUSE_MS = 20;
const NANOS_OF_MS = 1e6;

const task = beliefTask.parse(JSON.parse(process.argv[2] ?? "null"));
const random = new Random(task.seed);
const over = new AbortController();
const isOver = (): boolean => over.signal.aborted;
let grants = 0;
let losses = 0;

/** The first reading is the beginning that all histories share. */
function sharedClock(): () => number {
  let isFirst = true;
  return () => {
    if (!isFirst) return readTrueMs(task.trueClock);
    isFirst = false;
    return task.originMs;
  };
}

const recorded = openHistoryFile(task.file, {
  seed: String(task.seed),
  firstProcess: task.firstProcess,
  readMs: sharedClock(),
});
const { history } = recorded;

/** What one lock has said: from the first to the last "held", in nanoseconds of the history. */
class Said {
  readonly #lock: Lock;
  #from = -1;
  #to = -1;

  constructor(lock: Lock) {
    this.#lock = lock;
  }

  /** True time is read before the question: what is held at the answer was held then, too. */
  ask(): boolean {
    const now = history.now();
    const isHeld = task.asking === "flag" ? !this.#lock.signal.aborted : this.#lock.isHeld();
    if (!isHeld) return false;
    if (this.#from < 0) this.#from = now;
    this.#to = now;
    return true;
  }

  record(): void {
    if (this.#from < 0) return;
    const process = history.takeProcess();
    const { resource, token } = this.#lock;
    const span = { from: this.#from, to: this.#to };
    history.write({ t: "believe", process, resource, mode: "exclusive", token, ...span });
    history.giveBackProcess(process);
  }
}

const asked = new Set<Said>();

process.on("message", (given) => {
  const message = toClient.parse(given);
  if (message.kind === "finish") over.abort();
  else beBusy(message.ms);
});
process.once("disconnect", () => process.exit(1)); // Whoever started it is gone.

/** As a program that computes: no timer runs, no frame is read, and it acts on what its locks say. */
function beBusy(ms: number): void {
  const endNs = history.now() + ms * NANOS_OF_MS;
  while (history.now() < endNs) for (const said of asked) said.ask();
}

async function hold(lock: Lock, dice: Random): Promise<void> {
  const said = new Said(lock);
  asked.add(said);
  const endNs = history.now() + dice.below(HOLD_MAX * task.ttlMs) * NANOS_OF_MS;
  while (said.ask() && history.now() < endNs && !isOver()) await delay(dice.below(2 * ASK_EVERY_MS));
  asked.delete(said);
  said.record();
  if (lock.signal.aborted) losses++;
  await lock.release();
}

async function connect(): Promise<Holdfast> {
  for (;;) {
    try {
      return await Holdfast.connect({
        url: task.url,
        ttl: task.ttlMs,
        answerWithin: ANSWER_WITHIN,
        metadata: task.name,
        recordHistory: history,
      });
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
    }
  }
}

async function work(dice: Random): Promise<void> {
  let client = await connect();
  let failures = 0;
  tellReady();
  while (!isOver()) {
    const own = dice.below(3) === 0 ? { ttl: task.ttlMs } : {};
    const wait = dice.below(WAIT_MAX * task.ttlMs);
    try {
      const lock = await client.acquire(`belief:${dice.below(task.resources)}`, { wait, signal: over.signal, ...own });
      grants++;
      await hold(lock, dice);
      failures = 0;
    } catch (error) {
      if (isOver()) break;
      if (!(error instanceof HoldfastError)) throw error;
      if (error.code === "busy" || error.code === "timed-out") continue;
      failures++;
      await delay(FAILURE_PAUSE_MS);
      if (failures < FAILURES_MAX) continue;
      await client.close();
      client = await connect();
    }
  }
  await client.close();
}

let ready = 0;
function tellReady(): void {
  ready++;
  if (ready === task.sessions) tell({ kind: "ready" });
}

function tell(message: FromClient): void {
  process.send?.(message);
}

await Promise.all(Array.from({ length: task.sessions }, () => work(new Random(random.bits()))));
recorded.close();
tell({ kind: "finished", grants, losses });
process.disconnect();
