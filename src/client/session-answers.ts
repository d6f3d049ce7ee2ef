/**
 * What an answer means for the request that it answers, and for belief.
 */
import type { Answer } from "../protocol/server-messages.js";
import { KIND_RELEASE, KIND_RENEW } from "../words/kinds.js";
import type { SessionState } from "./session-state.js";
import type { Claim, Request } from "./session-words.js";
import type { WorkerPath } from "./worker-path.js";

type Granted = Extract<Answer, { readonly kind: "granted" }>;

/** Faults that say that the path is not the session's any more: nothing was executed. */
const PATH_FAULTS: ReadonlySet<string> = new Set(["path-void", "session-needs-path"]);

/**
 * Faults that refuse a request for the moment, without an effect: while its caller waits it goes again, with a new id. In
 * milliseconds, how long after; what was unread has been read by the time that this is known.
 */
const MOMENTARY_FAULTS: ReadonlyMap<string, number> = new Map([
  ["overloaded", 100],
  ["draining", 200],
  ["no-primary", 200],
  ["too-many-unread-outcomes", 0],
  ["too-many-unanswered", 20],
]);

/** Takes in one answer that came on the open path of a worker. An id that nobody waits for is passed over. */
export function receiveAnswer(state: SessionState, path: WorkerPath, answer: Answer, nowMs: number): void {
  if (answer.kind === "fault" && PATH_FAULTS.has(answer.code)) {
    state.closePath(path, nowMs); // The request becomes in-doubt with the others, and the shard will tell.
    return;
  }
  const request = path.answered(answer.id);
  if (request === undefined) return;
  const afterMs = answer.kind === "fault" ? MOMENTARY_FAULTS.get(answer.code) : undefined;
  if (afterMs === undefined || nowMs + afterMs >= request.deadlineMs || request.unwanted) {
    applyAnswer(state, request, answer, nowMs);
    return;
  }
  request.refusal = answer;
  request.notBeforeMs = nowMs + afterMs;
  state.queueAgain(request);
}

/** As receiveAnswer, for a request that has been taken out of its path. */
export function applyAnswer(state: SessionState, request: Request, answer: Answer, nowMs: number): void {
  if (answer.kind === "granted" && request.acquire !== undefined) {
    takeGrant(state, request, answer, nowMs);
    return;
  }
  applyToClaim(state, request, answer, nowMs);
  state.settle(request, { kind: "answered", answer });
}

function takeGrant(state: SessionState, request: Request, answer: Granted, nowMs: number): void {
  const claim = claimOf(state, request, answer);
  const sessionTtlMs = state.options.ttlMs;
  if (!answer.waited) {
    state.extendBelief(claim, request.firstSentMs, answer.ttlMs === 0 ? sessionTtlMs : answer.ttlMs);
  } else if (answer.heardCount > 0) {
    const sentMs = state.ownerOf(request.shard).sendings.firstSentMs(answer.heardCount);
    const promisedMs = answer.leftMs === undefined ? sessionTtlMs : answer.ageMs + answer.leftMs;
    if (sentMs !== undefined) state.extendBelief(claim, sentMs, promisedMs);
  }
  takeClaim(state, request, claim, nowMs);
}

/** The claim of a request that was granted, not yet known to anyone. ttlMs 0: bound to the session. */
export function claimOf(
  state: SessionState,
  request: Request,
  granted: { readonly token: number; readonly ttlMs: number },
): Claim {
  return {
    call: request.call === 0 ? state.takeCall() : request.call,
    shard: request.shard,
    resource: request.resource,
    token: granted.token,
    requestId: request.id,
    ttlMs: granted.ttlMs,
    autoRenew: request.acquire?.autoRenew ?? false,
    believedUntilMs: 0,
    renewAskedMs: request.firstSentMs,
    state: "held",
    given: false,
    deadlineMs: request.deadlineMs,
  };
}

/** Keeps a new claim: given if believed, confirmed by a message if not yet, given back if nobody wants it. */
export function takeClaim(state: SessionState, request: Request, claim: Claim, nowMs: number): void {
  const wanted = request.call !== 0 && !request.unwanted;
  state.calls.delete(request.call);
  request.call = 0;
  if (!wanted) {
    state.addUnwanted(claim);
    return;
  }
  state.addClaim(claim);
  state.giveIfBelieved(claim, nowMs);
  if (!claim.given) confirm(state, claim, nowMs);
}

/** Belief needs a renew or keep-alive that is sent after the grant was told. */
export function confirm(state: SessionState, claim: Claim, nowMs: number): void {
  if (claim.ttlMs > 0) state.renew(claim, nowMs);
  else state.ownerOf(claim.shard).keepAliveAtMs = nowMs;
}

function applyToClaim(state: SessionState, request: Request, answer: Answer, nowMs: number): void {
  const { claim } = request;
  if (claim === undefined) return;
  if (request.kind === KIND_RELEASE && (answer.kind === "released" || answer.kind === "not-held")) {
    state.endClaim(claim, "it was released"); // It was leaving: its caller is told by the answer alone.
    return;
  }
  if (request.kind !== KIND_RENEW) return;
  if (answer.kind === "renewed") {
    state.extendBelief(claim, request.firstSentMs, answer.ttlMs);
    state.giveIfBelieved(claim, nowMs);
  } else if (answer.kind === "revoked") {
    if (claim.state === "held") claim.state = "revoked";
  } else if (answer.kind === "not-held") {
    state.endClaim(claim, "the server says that it is not held any more");
  }
}
