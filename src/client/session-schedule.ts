/**
 * What is due as time passes: opening paths, keep-alives, renewals, calls without an answer, claims that can't be believed
 * any more. Called about every `tickEveryMs`; a late call makes nothing unsafe, because belief is computed at each
 * question.
 */
import type { Message } from "../protocol/client-codec.js";
import { KIND_CANCEL, KIND_KEEPALIVE, KIND_RELEASE } from "../words/kinds.js";
import type { SessionState } from "./session-state.js";
import type { Claim, Request } from "./session-words.js";
import type { WorkerPath } from "./worker-path.js";

/** Keep-alives in the TTL of a session, and in the grace of its waits. */
const KEEPALIVES_PER_TTL = 6;
const KEEPALIVES_PER_GRACE = 4;
/** A claim is renewed when this part of its TTL has passed. */
const RENEWALS_PER_TTL = 3;
/** The schedule looks this often within the shortest lease, and within these bounds in milliseconds. */
const TICKS_PER_TTL = 24;
const TICK_MIN_MS = 5;
const TICK_MAX_MS = 500;

/** How often the schedule must be looked at, in milliseconds. */
export function tickEveryMs(state: SessionState): number {
  let shortestMs = Math.min(state.options.ttlMs, state.waitingGraceMs);
  for (const claim of state.claims.values()) if (claim.ttlMs > 0) shortestMs = Math.min(shortestMs, claim.ttlMs);
  return Math.min(TICK_MAX_MS, Math.max(TICK_MIN_MS, shortestMs / TICKS_PER_TTL));
}

/** Does what is due at `nowMs`. A claim whose belief ends before the next tick is given back now. */
export function runSchedule(state: SessionState, nowMs: number, nextTickMs: number): void {
  for (const path of state.workers.values()) if (path.openingIsStuck(nowMs)) state.closePath(path, nowMs);
  for (const request of state.calls.values()) if (nowMs >= request.deadlineMs) giveUp(state, request);
  for (const claim of state.claims.values()) {
    if (!claim.given && claim.state !== "leaving" && nowMs >= claim.deadlineMs) {
      state.giveBack(claim, "the server did not confirm it in time");
    } else if (claim.given && claim.state !== "leaving" && state.believedForMs(claim, nowMs) <= nextTickMs) {
      state.giveBack(claim, "no renewal was answered in time");
    } else if (isRenewalDue(claim, nowMs)) {
      state.renew(claim, nowMs);
    }
  }
}

/** Gives up a call that has no answer: it is told whether the request may have happened, or why it was refused so far. */
function giveUp(state: SessionState, request: Request): void {
  const { id, refusal } = request;
  if (id === 0 && refusal !== undefined) state.settle(request, { kind: "answered", answer: refusal });
  else state.settle(request, { kind: "no-answer", inDoubt: id > 0 });
  dropWish(state, request);
}

/** Nobody wants the outcome any more. A release goes on by itself; a wait is cancelled; a grant will be released. */
export function dropWish(state: SessionState, request: Request): void {
  if (request.kind === KIND_RELEASE) return;
  request.unwanted = true;
  if (request.acquire === undefined || request.acquire.waitMs === 0 || request.id === 0) return;
  state.queue({
    call: 0,
    kind: KIND_CANCEL,
    shard: request.shard,
    resource: request.resource,
    tail: [],
    state: "queued",
    id: 0,
    firstSentMs: 0,
    deadlineMs: Number.POSITIVE_INFINITY,
    notBeforeMs: 0,
    refusal: undefined,
    unwanted: false,
    acquire: undefined,
    claim: undefined,
    wait: request,
  });
}

function isRenewalDue(claim: Claim, nowMs: number): boolean {
  if (!claim.autoRenew || claim.ttlMs === 0 || claim.state !== "held" || !claim.given) return false;
  return nowMs - claim.renewAskedMs >= claim.ttlMs / RENEWALS_PER_TTL;
}

/** Whether the session has anything to do with a worker. */
export function wantsPath(path: WorkerPath): boolean {
  return path.hasRequests() || path.claimCount > 0;
}

function waitsOn(path: WorkerPath): boolean {
  for (const request of path.unanswered.values()) {
    if (request.acquire !== undefined && request.acquire.waitMs > 0) return true;
  }
  return false;
}

/** How often a keep-alive is due, in milliseconds. */
export function keepAliveEveryMs(state: SessionState, waits: boolean): number {
  const ofTtlMs = state.options.ttlMs / KEEPALIVES_PER_TTL;
  return waits ? Math.min(ofTtlMs, state.waitingGraceMs / KEEPALIVES_PER_GRACE) : ofTtlMs;
}

/** The keep-alive of one path, if it is due, and sets when the next one is. */
export function writeKeepAlive(state: SessionState, path: WorkerPath, nowMs: number): Message | undefined {
  if (path.state !== "open") return undefined;
  const waits = waitsOn(path);
  if (!waits && path.claimCount === 0) {
    path.keepAliveAtMs = Number.POSITIVE_INFINITY;
    return undefined;
  }
  const everyMs = keepAliveEveryMs(state, waits);
  path.keepAliveAtMs = Math.min(path.keepAliveAtMs, nowMs + everyMs);
  if (nowMs < path.keepAliveAtMs) return undefined;
  path.keepAliveAtMs = nowMs + everyMs;
  const expected = [...state.shards.values()]
    .filter((view) => view.opened && view.claims.size > 0 && state.ownerOf(view.shard) === path)
    .map((view) => view.shard);
  const id = state.takeId();
  path.keepAlives.set(id, { sentMs: nowMs, expected, shards: new Set() });
  return [KIND_KEEPALIVE, id, path.takeCount(nowMs), [path.path]];
}
