/**
 * A process of clients under chaos: sessions of the library that contend, wait, check and give up, each call and each
 * belief recorded, and two that add to a number under a lock. At the end every lock that it holds must be in the service.
 */
import { hrtime } from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import {
  type History,
  Holdfast,
  HoldfastError,
  type Lock,
  type LockMode,
  openHistoryFile,
} from "../../src/client/index.js";
import { Random } from "../tables/random.js";
import { clientTask, type FromClient, toClient } from "./client-words.js";

const TTL_MS = 5_000;
const ANSWER_WITHIN = "30s";
/** Few are contended, most are not. */
const HOT = 16;
const CALM = 2_000;
const PERMITS = 3;
const WAIT_MS_MAX = 3_000;
const HOLD_MS_MAX = 40;
const TELL_MS = 500;
/** One whose writes are refused below the largest token seen, and one that takes every write. */
type GuardedName = "fenced" | "bare";

const task = clientTask.parse(JSON.parse(process.argv[2] ?? "null"));
const random = new Random(task.seed);
const stop = new AbortController();
const errors: Record<string, number> = {};
const wrong: string[] = [];
const questions = new Map<number, (answer: number) => void>();
let asked = 0;
let answers = 0;

function tell(message: FromClient): void {
  process.send?.(message);
}

process.on("message", (given) => {
  const message = toClient.parse(given);
  switch (message.kind) {
    case "is":
      return answered(message.id, message.value);
    case "wrote":
      return answered(message.id, message.isAccepted ? 1 : 0);
    case "finish":
      stop.abort();
  }
});
process.once("disconnect", () => process.exit(1)); // Whoever started it is gone.

function answered(id: number, value: number): void {
  questions.get(id)?.(value);
  questions.delete(id);
}

/** The machine's monotonic clock, but for the first reading: the beginning that all histories of the run share. */
function sharedClock(): () => number {
  let isFirst = true;
  return () => {
    if (!isFirst) return Number(hrtime.bigint()) / 1e6;
    isFirst = false;
    return task.originMs;
  };
}

/** One call of the library; what it throws is an outcome. */
async function attempt<Result>(call: () => Promise<Result>): Promise<Result | undefined> {
  try {
    const result = await call();
    answers++;
    return result;
  } catch (error) {
    if (error instanceof HoldfastError) {
      errors[error.code] = (errors[error.code] ?? 0) + 1;
      answers++;
    } else if (!(error instanceof Error) || (error.name !== "AbortError" && error.name !== "TimeoutError")) throw error;
    return undefined;
  }
}

async function work(client: Holdfast, dice: Random): Promise<void> {
  while (!stop.signal.aborted) {
    const isHot = dice.below(3) === 0;
    const number = dice.below(isHot ? HOT : CALM);
    const resource = `chaos:${isHot ? "hot" : "calm"}-${number}`;
    if (dice.below(12) === 0) await attempt(() => client.check(resource));
    else await hold(client, dice, { resource, mode: modeOf(number, dice) });
  }
}

function modeOf(number: number, dice: Random): LockMode {
  if (number % 5 === 0) return { permits: PERMITS };
  return dice.below(4) === 0 ? "shared" : "exclusive";
}

async function hold(
  client: Holdfast,
  dice: Random,
  { resource, mode }: { readonly resource: string; readonly mode: LockMode },
): Promise<void> {
  const ownTtl = dice.below(4) === 0 ? { ttl: TTL_MS } : {};
  const patience = dice.below(8) === 0 ? { signal: AbortSignal.timeout(1 + dice.below(200)) } : {};
  const lock = await attempt(() =>
    acquire(client, resource, { mode, wait: dice.below(WAIT_MS_MAX), ...ownTtl, ...patience }),
  );
  if (lock === undefined) return;
  await delay(dice.below(HOLD_MS_MAX));
  if (stop.signal.aborted) await mustBeThere(client, lock);
  if (dice.below(6) === 0) await attempt(() => lock.renew());
  await attempt(() => lock.release());
}

async function acquire(client: Holdfast, resource: string, options: Parameters<Holdfast["acquire"]>[1]): Promise<Lock> {
  return client.acquire(resource, options);
}

/** INV-3, at the end: what this process still believes in, the service has. */
async function mustBeThere(client: Holdfast, lock: Lock): Promise<void> {
  const seen = await attempt(() => client.check(lock.resource));
  if (seen === undefined || lock.signal.aborted) return;
  if (!seen.holders.some(({ token }) => token === lock.token))
    wrong.push(`INV-3: ${lock.resource} is believed in by token ${lock.token}, and check says ${JSON.stringify(seen)}`);
}

/** Adds one, again and again, to a number that a lock guards: reads, thinks, writes. */
async function add(client: Holdfast, dice: Random, file: GuardedName): Promise<void> {
  while (!stop.signal.aborted) {
    const lock = await attempt(() => acquire(client, `file:${file}`, { wait: WAIT_MS_MAX }));
    if (lock === undefined) continue;
    const value = await ask((id) => tell({ kind: "read", id, file, token: lock.token }));
    await delay(dice.below(HOLD_MS_MAX));
    // Written without a look at the belief: a process that was stopped here writes when it goes on.
    await ask((id) => tell({ kind: "write", id, file, value: value + 1, token: lock.token }));
    await attempt(() => lock.release());
  }
}

async function ask(send: (id: number) => void): Promise<number> {
  asked++;
  const id = asked;
  return new Promise((resolve) => {
    questions.set(id, resolve);
    send(id);
  });
}

const recorded = openHistoryFile(task.file, {
  seed: String(task.seed),
  firstProcess: task.firstProcess,
  readMs: sharedClock(),
});

async function connect(recordHistory: History): Promise<Holdfast> {
  for (;;) {
    const client = await attempt(() =>
      Holdfast.connect({ url: task.url, ttl: TTL_MS, answerWithin: ANSWER_WITHIN, metadata: task.name, recordHistory }),
    );
    if (client !== undefined) return client;
  }
}

const clients = await Promise.all(Array.from({ length: task.sessions }, () => connect(recorded.history)));
tell({ kind: "ready" });
const telling = setInterval(() => {
  tell({ kind: "answers", count: answers });
}, TELL_MS);
const [first, second] = clients;
await Promise.all([
  ...clients.map((client) => work(client, new Random(random.bits()))),
  ...(first === undefined ? [] : [add(first, new Random(random.bits()), "fenced")]),
  ...(second === undefined ? [] : [add(second, new Random(random.bits()), "bare")]),
]);
await Promise.all(clients.map((client) => attempt(() => client.close())));
clearInterval(telling);
recorded.close();
tell({ kind: "answers", count: answers });
tell({ kind: "finished", errors, wrong });
process.disconnect();
