/**
 * What the client's core keeps, and the few steps that all its parts take: ending a claim, ending a call, queueing a
 * request. Nothing here reads a clock or sends anything.
 */
import { BELIEF_SLACK, KIND_RELEASE, KIND_RENEW } from "../words/kinds.js";
import type { Claim, Outcome, Outputs, Request, ShardView } from "./session-words.js";
import { type SessionKey, WorkerPath } from "./worker-path.js";

/** What a session is made with. Times in milliseconds. */
export interface SessionOptions extends SessionKey {
  /** How long a call may lack an answer beyond its wait. */
  readonly answerWithinMs: number;
  /** How far the clocks behind "now" may disagree: belief ends earlier by as much. */
  readonly clockSpreadMs: number;
}

/** The session's requests, claims, shards and paths. */
export class SessionState {
  readonly options: SessionOptions;
  readonly workers: Map<number, WorkerPath> = new Map();
  readonly shards: Map<number, ShardView> = new Map();
  /** By the call of their acquire; ended ones are gone. */
  readonly claims: Map<number, Claim> = new Map();
  /** Calls without an outcome, by number. */
  readonly calls: Map<number, Request> = new Map();
  /** Grants that wait to be believed are calls, too, though their request has its answer. */
  readonly unbelieved: Set<Claim> = new Set();
  /** The worker of each shard. */
  owners: readonly number[] = [];
  /** Of the map that `owners` is of: nodes that have slept tell old ones. */
  mapVersion = 0;
  requestsPerFrame = 512;
  waitingGraceMs = 10_000;
  outputs: Outputs = { frames: [], settled: [], lost: [] };
  /** Somebody else uses the session's key. */
  stolen = false;
  #lastId = 0;
  #lastCall = 0;

  constructor(options: SessionOptions) {
    this.options = options;
  }

  /** The next id: they grow, and are never used twice. */
  readonly takeId = (): number => {
    this.#lastId += 1;
    return this.#lastId;
  };

  /** The number of a new call, from 1. */
  takeCall(): number {
    this.#lastCall += 1;
    return this.#lastCall;
  }

  worker(index: number): WorkerPath {
    let path = this.workers.get(index);
    if (path === undefined) {
      path = new WorkerPath(index);
      this.workers.set(index, path);
    }
    return path;
  }

  ownerOf(shard: number): WorkerPath {
    return this.worker(this.owners[shard] ?? 0);
  }

  shard(index: number): ShardView {
    let view = this.shards.get(index);
    if (view === undefined) {
      view = { shard: index, mark: 0, opened: false, claims: new Map() };
      this.shards.set(index, view);
    }
    return view;
  }

  /** The path to a worker is gone; it is opened again from `retryAtMs` on. */
  closePath(path: WorkerPath, retryAtMs: number): void {
    path.close(retryAtMs);
    for (const view of this.shards.values()) {
      if (this.ownerOf(view.shard) === path) view.opened = false;
    }
  }

  /** A request from here on; its caller, if any, waits for its outcome. */
  queue(request: Request): void {
    if (request.call !== 0) this.calls.set(request.call, request);
    this.ownerOf(request.shard).queue.push(request);
  }

  /** A request that had no effect goes again, to whoever has its shard then. */
  queueAgain(request: Request): void {
    request.state = "queued";
    request.id = 0;
    this.ownerOf(request.shard).queue.push(request);
  }

  /** The caller gets its outcome; the request may live on as the library's own. */
  settle(request: Request, outcome: Outcome): void {
    if (request.call === 0) return;
    this.outputs.settled.push({ call: request.call, outcome });
    this.calls.delete(request.call);
    request.call = 0;
  }

  /** How long the claim may still be believed in, in milliseconds; 0 or less: not held, as far as this client knows. */
  believedForMs(claim: Claim, nowMs: number): number {
    if (claim.state !== "held" && claim.state !== "revoked") return 0;
    return claim.believedUntilMs - this.options.clockSpreadMs - nowMs;
  }

  /** Moves belief to what was promised at `sentMs`, never back. */
  extendBelief(claim: Claim, sentMs: number, promisedMs: number): void {
    claim.believedUntilMs = Math.max(claim.believedUntilMs, sentMs + promisedMs * (1 - BELIEF_SLACK));
  }

  /** Gives a claim to its caller as soon as it may be believed. */
  giveIfBelieved(claim: Claim, nowMs: number): void {
    if (claim.given || this.believedForMs(claim, nowMs) <= 0) return;
    claim.given = true;
    this.unbelieved.delete(claim);
    this.outputs.settled.push({
      call: claim.call,
      outcome: { kind: "granted", claim: claim.call, token: claim.token },
    });
  }

  addClaim(claim: Claim): void {
    this.claims.set(claim.call, claim);
    this.shard(claim.shard).claims.set(claim.token, claim);
    this.ownerOf(claim.shard).claimCount += 1;
    this.unbelieved.add(claim);
  }

  /** A claim that came although nobody wants it (any more) is released. */
  addUnwanted(claim: Claim): void {
    this.addClaim(claim);
    this.unbelieved.delete(claim);
    claim.state = "leaving";
    this.queueOwn(KIND_RELEASE, claim, [claim.token]);
  }

  /** The claim is gone at the server. Who had it, or waits for it, is told. */
  endClaim(claim: Claim, why: string): void {
    this.#forget(claim, why);
    claim.state = "ended";
    if (!this.claims.delete(claim.call)) return;
    this.shard(claim.shard).claims.delete(claim.token);
    this.ownerOf(claim.shard).claimCount -= 1;
  }

  /** The client stops believing in the claim and gives it back: nobody wants it any more. */
  giveBack(claim: Claim, why: string): void {
    if (claim.state === "leaving" || claim.state === "ended") return;
    this.#forget(claim, why);
    claim.state = "leaving";
    this.queueOwn(KIND_RELEASE, claim, [claim.token]);
  }

  /** Asks the server for the claim's TTL anew, on nobody's behalf. */
  renew(claim: Claim, nowMs: number): void {
    claim.renewAskedMs = nowMs;
    this.queueOwn(KIND_RENEW, claim, [claim.token, claim.ttlMs]);
  }

  /** A request of the library's own, about a claim or, where it has no token, about a resource. */
  queueOwn(
    kind: number,
    about: Claim | { readonly shard: number; readonly resource: string },
    tail: readonly number[],
  ): void {
    this.queue({
      call: 0,
      kind,
      shard: about.shard,
      resource: about.resource,
      tail,
      state: "queued",
      id: 0,
      firstSentMs: 0,
      deadlineMs: Number.POSITIVE_INFINITY,
      notBeforeMs: 0,
      refusal: undefined,
      unwanted: false,
      acquire: undefined,
      claim: "token" in about ? about : undefined,
      wait: undefined,
    });
  }

  #forget(claim: Claim, why: string): void {
    if (claim.state === "leaving" || claim.state === "ended") return;
    if (claim.given) {
      this.outputs.lost.push({ claim: claim.call, why });
    } else {
      this.unbelieved.delete(claim);
      this.outputs.settled.push({ call: claim.call, outcome: { kind: "lost", why } });
    }
  }
}
