/**
 * The library as callers see it: one client, one session, any number of locks. Each method asks the driver and turns the
 * outcome into a value or one of the errors of errors.ts.
 */
import type { Answer } from "../protocol/server-messages.js";
import {
  KIND_ACQUIRE,
  KIND_ASK_STATUS,
  KIND_CHECK,
  KIND_FORCE_RELEASE,
  KIND_LIST,
  KIND_RELEASE,
  KIND_RENEW,
  KIND_REVOKE,
  SESSION_KEY_SIZE,
} from "../words/kinds.js";
import { MODE_EXCLUSIVE, MODE_PERMIT, MODE_SHARED } from "../words/mode.js";
import { Driver } from "./driver.js";
import { durationMs } from "./duration.js";
import { type ElectOptions, Election } from "./election.js";
import {
  BusyError,
  type HoldfastError,
  InvalidOptionError,
  NotHeldError,
  RefusedError,
  RevokedError,
  ServerProtocolError,
  TimedOutError,
} from "./errors.js";
import { HistoryRecorder } from "./history-recorder.js";
import type { Lock } from "./lock.js";
import { environmentVariable, wiresOfPlatform } from "./machine.js";
import type {
  AcquireOptions,
  ConnectOptions,
  DetachedClaim,
  DetachedOptions,
  Duration,
  ListOptions,
  LockMode,
  WatchOptions,
} from "./options.js";
import { acquireLock, type PendingLock } from "./pending-lock.js";
import type { CheckResult, ListedClaim, WatchEvent } from "./results.js";
import type { AcquireCall } from "./session-words.js";
import { DEFAULT_URL, parseServerUrl } from "./url.js";
import { watchClaims } from "./watch.js";

const DEFAULT_TTL_MS = 30_000;
const DEFAULT_ANSWER_WITHIN_MS = 10_000;
const METADATA_BYTES_MAX = 256;
const PUBLIC_ID_SIZE = 8;

/** What an administrator ends, and why. */
export interface EndOptions {
  /** Which claim; left out: every claim that holds. */
  readonly token?: number;
  /** For the audit, and for who held it. */
  readonly reason?: string;
}

/** A client of Holdfast. Make one for each process, and `close` it at the end. */
export class Holdfast {
  readonly #driver: Driver;
  readonly #metadata: string;

  private constructor(driver: Driver, metadata: string) {
    this.#driver = driver;
    this.#metadata = metadata;
  }

  /**
   * Connects to a server.
   * @throws UnavailableError if none answers in time; ConnectRefusedError; InvalidOptionError.
   */
  static async connect(options: ConnectOptions = {}): Promise<Holdfast> {
    const sessionKey = crypto.getRandomValues(new Uint8Array(SESSION_KEY_SIZE));
    const history = options.recordHistory;
    const driver = new Driver({
      openWire: await wiresOfPlatform(),
      url: parseServerUrl(options.url ?? environmentVariable("HOLDFAST_URL") ?? DEFAULT_URL),
      clientName: options.clientName ?? "holdfast-js/0.1.0",
      sessionKey,
      ttlMs: durationMs(options.ttl ?? DEFAULT_TTL_MS, "ttl"),
      answerWithinMs: durationMs(options.answerWithin ?? DEFAULT_ANSWER_WITHIN_MS, "answerWithin"),
      time: options.time,
      recorder: history === undefined ? undefined : new HistoryRecorder(history, await publicIdOf(sessionKey)),
    });
    const holdfast = new Holdfast(driver, checkedMetadata(options.metadata ?? ""));
    await driver.start();
    return holdfast;
  }

  /**
   * Takes a lock, waiting for it if asked to.
   * @throws BusyError, TimedOutError, AbandonedError, LockLostError, RefusedError, UnavailableError, InDoubtError,
   * InvalidOptionError, or the signal's reason.
   */
  acquire(resource: string, options: AcquireOptions = {}): PendingLock {
    const asked = (): AcquireCall => this.#acquireCall(resource, options);
    return acquireLock(this.#driver, asked, { mode: options.mode ?? "exclusive", signal: options.signal });
  }

  /** As acquire, but undefined where it is busy, or was until the end of the wait. */
  async tryAcquire(resource: string, options: AcquireOptions = {}): Promise<Lock | undefined> {
    try {
      return await this.acquire(resource, options);
    } catch (error) {
      if (error instanceof BusyError || error instanceof TimedOutError) return undefined;
      throw error;
    }
  }

  /** Runs `work` while holding. If the lock is lost meanwhile, `lock.signal` aborts: `work` has to obey it. */
  async withLock<Result>(
    resource: string,
    options: AcquireOptions,
    work: (lock: Lock) => Promise<Result> | Result,
  ): Promise<Result> {
    const lock = await this.acquire(resource, options);
    try {
      return await work(lock);
    } finally {
      await lock.release();
    }
  }

  /** Stands for election: of all candidates of a name, in any process, at most one leads at a time. */
  elect(name: string, options: ElectOptions = {}): Election {
    return new Election(this, name, options);
  }

  /** Takes a lock that belongs to its token, not to this client: nobody renews it, and it survives the process. */
  async acquireDetached(resource: string, options: DetachedOptions): Promise<DetachedClaim> {
    const asked = this.#acquireCall(resource, { ...options, wait: 0 });
    const tail = [resource, asked.ttlMs, 0, asked.mode, asked.permits, asked.lockDelayMs, asked.metadata];
    const answer = await this.#driver.ask({ kind: KIND_ACQUIRE, tail, repeats: false });
    if (answer.kind === "granted") return { resource, token: answer.token, ttlMs: answer.ttlMs };
    if (answer.kind === "busy") throw new BusyError(resource, answer);
    throw unexpected(answer);
  }

  /** Releases a detached claim. @throws NotHeldError if the token is not the holder's. */
  async releaseDetached(resource: string, token: number): Promise<void> {
    const answer = await this.#driver.ask({ kind: KIND_RELEASE, tail: [resource, token], repeats: false });
    if (answer.kind === "not-held") throw new NotHeldError(resource);
    if (answer.kind !== "released") throw unexpected(answer);
  }

  /** Renews a detached claim. @returns milliseconds until its deadline. @throws NotHeldError, RevokedError */
  async renewDetached(resource: string, token: number, ttl?: Duration): Promise<number> {
    const tail = ttl === undefined ? [resource, token] : [resource, token, durationMs(ttl, "ttl")];
    const answer = await this.#driver.ask({ kind: KIND_RENEW, tail, repeats: true });
    if (answer.kind === "renewed") return answer.leftMs;
    if (answer.kind === "revoked") throw new RevokedError(resource, answer.leftMs);
    if (answer.kind === "not-held") throw new NotHeldError(resource);
    throw unexpected(answer);
  }

  /** Who holds it now? Tokens are shown for this client's own claims only. */
  async check(resource: string): Promise<CheckResult> {
    const shard = this.#driver.shardOf(resource);
    const answer = this.#driver.session.holdsNear(shard)
      ? await this.#askInSession(KIND_CHECK, resource, [])
      : await this.#driver.ask({ kind: KIND_CHECK, tail: [resource], repeats: true });
    if (answer.kind !== "checked") throw unexpected(answer);
    const { holders, waiters, delayMs } = answer;
    return { resource, free: holders.length === 0 && delayMs === 0, holders, waiters, lockDelayMs: delayMs };
  }

  /** All claims whose resource begins with `prefix`, in no stated order, page by page as they are read. */
  async *list(prefix: string, options: ListOptions = {}): AsyncGenerator<ListedClaim, void, undefined> {
    let cursor: string | undefined;
    do {
      const tail = [prefix, options.pageSize ?? null, cursor ?? null];
      const answer = await this.#driver.ask({ kind: KIND_LIST, tail, repeats: true });
      if (answer.kind !== "listed") throw unexpected(answer);
      yield* answer.claims;
      cursor = answer.cursor;
    } while (cursor !== undefined);
  }

  /** What happens to a resource, or to all whose name begins as `pattern` does before its `*`. Ends by `break`. */
  watch(pattern: string, options: WatchOptions = {}): AsyncGenerator<WatchEvent, void, undefined> {
    return watchClaims(this.#driver, pattern, options);
  }

  /** Tells the holder, who can't renew any more; free when it releases or its lease ends. @returns how many claims. */
  async revoke(resource: string, options: EndOptions = {}): Promise<number> {
    return this.#end(KIND_REVOKE, resource, options);
  }

  /** Frees the resource at once, though its holder may still believe: only fencing protects. @returns how many. */
  async forceRelease(resource: string, options: EndOptions = {}): Promise<number> {
    return this.#end(KIND_FORCE_RELEASE, resource, options);
  }

  /** What the server says of itself: parsed JSON. */
  async status(): Promise<unknown> {
    const answer = await this.#driver.ask({ kind: KIND_ASK_STATUS, tail: [], repeats: true });
    if (answer.kind !== "status") throw unexpected(answer);
    try {
      const status: unknown = JSON.parse(answer.json);
      return status;
    } catch (cause) {
      throw new ServerProtocolError("protocol: the server's status is not JSON", { cause });
    }
  }

  /** Releases all that this client holds, ends its waits, and disconnects. */
  async close(): Promise<void> {
    await this.#driver.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #end(kind: number, resource: string, options: EndOptions): Promise<number> {
    const answer = await this.#askInSession(kind, resource, [options.token ?? 0, options.reason ?? ""]);
    if (answer.kind === "done") return answer.count;
    if (answer.kind === "not-held") return 0;
    throw unexpected(answer);
  }

  async #askInSession(kind: number, resource: string, tail: readonly (string | number)[]): Promise<Answer> {
    const driver = this.#driver;
    const shard = driver.shardOf(resource);
    const outcome = await driver.outcome(driver.session.ask({ kind, shard, resource, tail }, driver.clock.recent()));
    if (outcome.kind !== "answered") throw driver.noAnswer(outcome.kind !== "no-answer" || outcome.inDoubt);
    if (outcome.answer.kind === "fault") throw new RefusedError(outcome.answer.code, outcome.answer.message);
    return outcome.answer;
  }

  #acquireCall(resource: string, options: AcquireOptions): AcquireCall {
    if (options.bound === "session" && options.ttl !== undefined) {
      throw new InvalidOptionError("ttl and bound exclude each other: a claim bound to the session has its TTL");
    }
    const ttlMs = options.ttl === undefined ? 0 : durationMs(options.ttl, "ttl");
    if (options.ttl !== undefined && ttlMs === 0) throw new InvalidOptionError("ttl is 0; leave it out instead");
    const mode: LockMode = options.mode ?? "exclusive";
    return {
      resource,
      shard: this.#driver.shardOf(resource),
      ttlMs,
      waitMs: durationMs(options.wait ?? 0, "wait"),
      mode: mode === "exclusive" ? MODE_EXCLUSIVE : mode === "shared" ? MODE_SHARED : MODE_PERMIT,
      permits: typeof mode === "string" ? 0 : checkedPermits(mode.permits),
      lockDelayMs: durationMs(options.lockDelay ?? 0, "lockDelay"),
      metadata: checkedMetadata(options.metadata ?? this.#metadata),
      autoRenew: options.autoRenew ?? true,
    };
  }
}

/** How a server names the session to others (PROTOCOL §5). */
async function publicIdOf(sessionKey: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", sessionKey));
  return Array.from(digest.subarray(0, PUBLIC_ID_SIZE), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function checkedMetadata(metadata: string): string {
  const size = new TextEncoder().encode(metadata).length;
  if (size <= METADATA_BYTES_MAX) return metadata;
  throw new InvalidOptionError(`metadata has ${size} bytes; at most ${METADATA_BYTES_MAX} are allowed`);
}

function checkedPermits(permits: number): number {
  if (Number.isSafeInteger(permits) && permits > 0) return permits;
  throw new InvalidOptionError(`mode.permits is ${permits}; give a whole number from 1`);
}

function unexpected(answer: Answer): HoldfastError {
  if (answer.kind === "fault") return new RefusedError(answer.code, answer.message);
  return new ServerProtocolError(`protocol: the server answered ${answer.kind}, which answers something else`);
}
