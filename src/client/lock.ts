/**
 * A lock in the hands of its caller. Whether it is held is computed at each question, so a program that was blocked
 * or suspended is told the truth by the very first call.
 */
import type { Driver } from "./driver.js";
import { durationMs } from "./duration.js";
import { LockLostError, NotHeldError, RefusedError, RevokedError } from "./errors.js";
import type { Duration, LockMode } from "./options.js";
import type { Outcome } from "./session-words.js";

/** How a release ended: `not-held` if the claim had ended before. */
export type ReleaseResult = "released" | "not-held";

/** What a lock is made of. */
export interface LockParts {
  readonly driver: Driver;
  /** The call of its acquire. */
  readonly claim: number;
  readonly resource: string;
  readonly token: number;
  readonly mode: LockMode;
}

/** One granted claim. */
export class Lock {
  readonly resource: string;
  /** The fencing token: give it to what the lock guards. It is larger for every later grant of the resource. */
  readonly token: number;
  readonly mode: LockMode;
  readonly #parts: LockParts;
  /** Made when somebody asks for it: most locks are released without. */
  #signal: AbortController | undefined;
  #lost: LockLostError | undefined;
  #released: Promise<ReleaseResult> | undefined;

  constructor(parts: LockParts) {
    this.#parts = parts;
    this.resource = parts.resource;
    this.token = parts.token;
    this.mode = parts.mode;
    const { driver, claim } = parts;
    driver.onLoss(claim, ({ why }) => {
      this.#lose(why);
    });
    // It may have ended in the very frame that told of its grant; whether it is held is still asked at each question.
    const believedForMs = driver.session.believedForMs(claim, driver.clock.recent());
    if (believedForMs <= 0) this.#lose("it ended as it was handed over");
    else driver.recorder?.believed(parts, believedForMs);
  }

  /** Aborts, with a LockLostError, before anybody else can be granted the resource; not by a release. */
  get signal(): AbortSignal {
    this.#signal ??= new AbortController();
    if (this.#lost !== undefined) this.#signal.abort(this.#lost);
    return this.#signal.signal;
  }

  /** Whether this client may believe that it holds, right now. */
  isHeld(): boolean {
    return this.remainingMs() > 0;
  }

  /** How long it may be believed without hearing of the server again, in milliseconds; 0: not held. */
  remainingMs(): number {
    const { driver, claim } = this.#parts;
    return driver.believedForMs(claim);
  }

  /** @throws LockLostError if this client can't be sure that it holds. */
  assertHeld(): void {
    if (this.isHeld()) return;
    if (this.#lost !== undefined) throw this.#lost;
    const why = this.#released === undefined ? "its lease has run out without news" : "it was released";
    throw new LockLostError(this.resource, why);
  }

  /** Gives the lock back: `isHeld` is false from here on. Once called, it answers the same again. */
  async release(): Promise<ReleaseResult> {
    this.#released ??= this.#release();
    return this.#released;
  }

  /**
   * Prolongs a claim that has a TTL. A claim bound to the session needs it only to learn that it is held.
   * @param ttl left out: as at the acquire. A renewal never shortens.
   * @throws RevokedError, NotHeldError, LockLostError, RefusedError
   */
  async renew(ttl?: Duration): Promise<void> {
    const { driver, claim } = this.#parts;
    const ttlMs = ttl === undefined ? undefined : durationMs(ttl, "ttl");
    const call = driver.session.renew(claim, ttlMs, driver.clock.recent());
    if (call === 0) throw new LockLostError(this.resource, "it is not held any more");
    const outcome = await driver.outcome(call);
    if (outcome.kind === "answered" && outcome.answer.kind === "renewed") return;
    throw renewError(driver, this.resource, outcome);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  #lose(why: string): void {
    this.#lost ??= new LockLostError(this.resource, why);
    this.#signal?.abort(this.#lost);
  }

  async #release(): Promise<ReleaseResult> {
    const { driver, claim } = this.#parts;
    driver.forgetLoss(claim);
    driver.recorder?.beliefEnded(claim);
    const call = driver.session.release(claim, driver.clock.recent());
    if (call === 0) return "not-held";
    const outcome = await driver.outcome(call);
    if (outcome.kind === "no-answer") throw driver.noAnswer(outcome.inDoubt);
    if (outcome.kind !== "answered") return "not-held";
    if (outcome.answer.kind === "fault") throw new RefusedError(outcome.answer.code, outcome.answer.message);
    return outcome.answer.kind === "released" ? "released" : "not-held";
  }
}

function renewError(driver: Driver, resource: string, outcome: Outcome): Error {
  if (outcome.kind === "no-answer") return driver.noAnswer(outcome.inDoubt);
  if (outcome.kind !== "answered") return new LockLostError(resource, outcome.kind === "lost" ? outcome.why : "");
  const { answer } = outcome;
  if (answer.kind === "revoked") return new RevokedError(resource, answer.leftMs);
  if (answer.kind === "fault") return new RefusedError(answer.code, answer.message);
  return new NotHeldError(resource);
}
