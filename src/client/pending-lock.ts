/**
 * An acquire under way: a promise of a lock that can also say why it waits. Giving up returns at once; what the server
 * grants anyway is released behind the caller's back.
 */
import type { Driver } from "./driver.js";
import {
  AbandonedError,
  BusyError,
  CancelledError,
  LockLostError,
  RefusedError,
  ServerProtocolError,
  TimedOutError,
} from "./errors.js";
import { Lock } from "./lock.js";
import type { LockMode } from "./options.js";
import type { QueuePosition } from "./results.js";
import type { AcquireCall, Outcome } from "./session-words.js";

/** A promise of a lock. */
export interface PendingLock extends Promise<Lock> {
  /** Its place in the queue; undefined if it does not wait (any more). */
  position(): Promise<QueuePosition | undefined>;
}

/** How the caller wants it. */
export interface PendingOptions {
  readonly mode: LockMode;
  readonly signal: AbortSignal | undefined;
}

/** Asks for a lock. `asked` may throw: the promise rejects with that. */
export function acquireLock(driver: Driver, asked: () => AcquireCall, options: PendingOptions): PendingLock {
  let call = 0;
  const granted = async (): Promise<Lock> => {
    options.signal?.throwIfAborted();
    const wanted = asked();
    call = driver.session.acquire(wanted, driver.clock.recent());
    const outcome = await untilAborted(driver, call, options.signal);
    if (outcome.kind !== "granted") throw acquireError(driver, wanted, outcome);
    const { claim, token } = outcome;
    return new Lock({ driver, claim, resource: wanted.resource, token, mode: options.mode });
  };
  return Object.assign(granted(), { position: async () => positionOf(driver, call) });
}

/** The outcome of the call, unless the signal aborts before it. @throws the signal's reason */
async function untilAborted(driver: Driver, call: number, signal: AbortSignal | undefined): Promise<Outcome> {
  const outcome = driver.outcome(call);
  if (signal === undefined) return outcome;
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<"aborted">((resolve) => {
    onAbort = () => {
      driver.abandon(call);
      resolve("aborted");
    };
    signal.addEventListener("abort", onAbort, { once: true });
  });
  const first = await Promise.race([outcome, aborted]);
  if (onAbort !== undefined) signal.removeEventListener("abort", onAbort);
  if (first === "aborted" || signal.aborted) driver.abandon(call);
  signal.throwIfAborted();
  return outcome;
}

async function positionOf(driver: Driver, acquireCall: number): Promise<QueuePosition | undefined> {
  const call = driver.session.position(acquireCall, driver.clock.recent());
  if (call === 0) return undefined;
  const outcome = await driver.outcome(call);
  if (outcome.kind === "no-answer") throw driver.noAnswer(outcome.inDoubt);
  if (outcome.kind !== "answered" || outcome.answer.kind === "not-waiting") return undefined;
  const { answer } = outcome;
  if (answer.kind === "fault") throw new RefusedError(answer.code, answer.message);
  if (answer.kind !== "position") throw new ServerProtocolError(`protocol: a position was answered ${answer.kind}`);
  return { position: answer.position, waitedMs: answer.waitedMs, holders: answer.holders };
}

function acquireError(driver: Driver, asked: AcquireCall, outcome: Exclude<Outcome, { kind: "granted" }>): Error {
  const { resource } = asked;
  if (outcome.kind === "no-answer") return driver.noAnswer(outcome.inDoubt, asked.ttlMs);
  if (outcome.kind === "lost") return driver.whyEnded() ?? new LockLostError(resource, outcome.why);
  const { answer } = outcome;
  if (answer.kind === "busy") return new BusyError(resource, answer);
  if (answer.kind === "timed-out") return new TimedOutError(resource, answer.seen);
  if (answer.kind === "cancelled") return new CancelledError(resource);
  if (answer.kind === "abandoned") return new AbandonedError(resource);
  if (answer.kind === "fault") return new RefusedError(answer.code, answer.message);
  return new ServerProtocolError(`protocol: an acquire was answered ${answer.kind}`);
}
