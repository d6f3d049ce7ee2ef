/**
 * What comes from a server about paths and sessions: OPENED, OPEN_SHARD, KEPT, pushes, a new map. Here a client that lost
 * its connection learns what became of each request, and what belief a keep-alive extends.
 */
import type { Answer, Push, ServerMessage, SessionOpened } from "../protocol/server-messages.js";
import {
  KIND_ABANDONED,
  KIND_CANCEL,
  KIND_CANCELLED,
  KIND_DONE,
  KIND_GRANTED,
  KIND_RELEASED,
  KIND_RENEWED,
  KIND_TIMED_OUT,
} from "../words/kinds.js";
import { applyAnswer, claimOf, confirm, takeClaim } from "./session-answers.js";
import type { SessionState } from "./session-state.js";
import type { Claim, Request, ShardView } from "./session-words.js";
import type { WorkerPath } from "./worker-path.js";

type OpenShard = Extract<ServerMessage, { readonly kind: "open-shard" }>;
type Kept = Extract<ServerMessage, { readonly kind: "kept" }>;
type Outcome = SessionOpened["outcomes"][number];

/** One shard tells what it knows of the session; a session that it does not list is new there. */
export function receiveOpenShard(state: SessionState, path: WorkerPath, message: OpenShard, nowMs: number): void {
  if (path.state !== "open" || message.id !== path.openId || state.ownerOf(message.shard) !== path) return;
  const view = state.shard(message.shard);
  const known = message.sessions.find((session) => session.path === path.path);
  const doubtful = [...path.unanswered.values()].filter(
    (request) => request.shard === message.shard && request.state === "in-doubt",
  );
  if (known === undefined) becomeNew(state, path, view, doubtful);
  else becomeKnown(state, path, { view, known, doubtful }, nowMs);
  view.opened = true;
  if (view.claims.size > 0) path.keepAliveAtMs = nowMs; // Belief goes on by what is sent from here on.
}

/** Nothing is held, waits or is remembered there: what had no answer had no effect that lasts. */
function becomeNew(state: SessionState, path: WorkerPath, view: ShardView, doubtful: readonly Request[]): void {
  view.mark = 0;
  for (const claim of [...view.claims.values()])
    state.endClaim(claim, "the server does not know this session any more");
  for (const request of doubtful) {
    if (mayGoAnew(request)) {
      path.sendAnew(request);
      continue;
    }
    path.answered(request.id);
    state.settle(request, { kind: "answered", answer: noEffect(request) });
  }
}

/** A release, renew, cancel or position is about what is not there now. */
function mayGoAnew(request: Request): boolean {
  return !request.unwanted && request.claim === undefined && request.wait === undefined;
}

function noEffect(request: Request): Answer {
  return request.wait === undefined ? { kind: "not-held", id: request.id } : { kind: "not-waiting", id: request.id };
}

function becomeKnown(
  state: SessionState,
  path: WorkerPath,
  opened: { readonly view: ShardView; readonly known: SessionOpened; readonly doubtful: readonly Request[] },
  nowMs: number,
): void {
  const { view, known, doubtful } = opened;
  view.mark = Math.max(view.mark, known.mark);
  const outcomes = new Map(known.outcomes.map((outcome) => [outcome.requestId, outcome]));
  const listed = new Map(known.claims.map((claim) => [claim.requestId, claim]));
  const held = new Set(known.claims.filter((claim) => claim.token > 0).map((claim) => claim.token));
  for (const claim of [...view.claims.values()]) {
    if (!held.has(claim.token)) state.endClaim(claim, "it ended while the server could not be heard");
  }
  for (const request of doubtful) {
    const claim = listed.get(request.id);
    const outcome = outcomes.get(request.id);
    if (claim !== undefined && request.acquire !== undefined) {
      if (claim.token === 0) path.stillWaits(request);
      else learnGrant(state, request, claim.token, nowMs);
    } else if (outcome !== undefined) {
      path.answered(request.id);
      applyOutcome(state, request, outcome, nowMs);
    } else if (request.unwanted) {
      path.answered(request.id); // It had no effect, and its path is void: it never will.
    } else {
      path.sendAgain(request);
    }
  }
  releaseStrangers(state, path, view, known);
  noteRevoked(view, known);
  for (const claim of view.claims.values()) if (!claim.given && claim.state === "held") confirm(state, claim, nowMs);
}

/** A claim bound to the session that has a deadline of its own was revoked: no keep-alive prolongs it (R-3, INV-4). */
function noteRevoked(view: ShardView, known: SessionOpened): void {
  const dated = new Set(known.claims.filter(({ leftMs }) => leftMs !== undefined).map(({ token }) => token));
  for (const claim of view.claims.values()) {
    if (claim.ttlMs === 0 && claim.state === "held" && dated.has(claim.token)) claim.state = "revoked";
  }
}

/** A grant whose answer was lost: it is believed only after a message that is sent from now on. */
function learnGrant(state: SessionState, request: Request, token: number, nowMs: number): void {
  state.ownerOf(request.shard).answered(request.id);
  const ttlMs = request.acquire?.ttlMs ?? 0;
  takeClaim(state, request, claimOf(state, request, { token, ttlMs }), nowMs);
}

function applyOutcome(state: SessionState, request: Request, outcome: Outcome, nowMs: number): void {
  const id = request.id;
  switch (outcome.answerKind) {
    case KIND_GRANTED:
      state.settle(request, { kind: "lost", why: "it was granted, and ended before the answer could be heard" });
      return;
    case KIND_RENEWED:
      applyAnswer(state, request, { kind: "renewed", id, ttlMs: outcome.value, leftMs: outcome.value }, nowMs);
      return;
    case KIND_RELEASED:
      applyAnswer(state, request, { kind: "released", id }, nowMs);
      return;
    case KIND_TIMED_OUT:
      applyAnswer(state, request, { kind: "timed-out", id, seen: undefined }, nowMs);
      return;
    case KIND_CANCELLED:
      applyAnswer(state, request, { kind: "cancelled", id }, nowMs);
      return;
    case KIND_ABANDONED:
      applyAnswer(state, request, { kind: "abandoned", id }, nowMs);
      return;
    case KIND_DONE:
      applyAnswer(state, request, { kind: "done", id, count: outcome.value }, nowMs);
      return;
    default:
      state.settle(request, { kind: "lost", why: `the server remembers an outcome of kind ${outcome.answerKind}` });
  }
}

/** Claims and waits that this client does not know, or does not want, must not stay (INV-7). */
function releaseStrangers(state: SessionState, path: WorkerPath, view: ShardView, known: SessionOpened): void {
  for (const listed of known.claims) {
    if (listed.token > 0 && !view.claims.has(listed.token)) {
      state.addUnwanted(strangerOf(state, view.shard, listed));
    } else if (listed.token === 0 && !path.unanswered.has(listed.requestId)) {
      state.queueOwn(KIND_CANCEL, { shard: view.shard, resource: listed.resource }, [listed.requestId]);
    }
  }
}

function strangerOf(state: SessionState, shard: number, listed: SessionOpened["claims"][number]): Claim {
  return {
    call: state.takeCall(),
    shard,
    resource: listed.resource,
    token: listed.token,
    requestId: listed.requestId,
    ttlMs: listed.leftMs ?? 0,
    autoRenew: false,
    believedUntilMs: 0,
    renewAskedMs: 0,
    state: "held",
    given: false,
    deadlineMs: 0,
  };
}

/** One shard has heard a keep-alive of ours. */
export function receiveKept(state: SessionState, path: WorkerPath, message: Kept, nowMs: number): void {
  const keepAlive = path.keepAlives.get(message.id);
  if (keepAlive === undefined) return;
  if (message.marks.some((each) => each.path === path.path)) keepAlive.shards.add(message.shard);
  applyKept(state, path, { message, sentMs: keepAlive.sentMs, nowMs });
}

/** What a shard holds for the session goes on from the keep-alive's sending, if nothing happened unheard. */
export function applyKept(
  state: SessionState,
  path: WorkerPath,
  kept: { readonly message: Kept; readonly sentMs: number; readonly nowMs: number },
): void {
  const { message, sentMs, nowMs } = kept;
  for (const { path: number, mark } of message.marks) {
    if (number !== path.path) continue;
    const view = state.shard(message.shard);
    if (!view.opened) continue; // Its marks are about to be told.
    if (mark < view.mark) continue; // Told before what happened since: the next keep-alive will do.
    for (const claim of view.claims.values()) {
      if (claim.ttlMs > 0 || claim.state !== "held" || claim.token > message.lsn) continue;
      // Nothing happened unasked since the mark: not since a later grant, nor since a mark that was told.
      if (mark !== view.mark && mark > claim.token) continue;
      state.extendBelief(claim, sentMs, state.options.ttlMs);
      state.giveIfBelieved(claim, nowMs);
    }
    if (mark > view.mark && mayConcern(path, view, mark)) {
      state.closePath(path, nowMs); // Something happened that this client has not been told: ask.
      return;
    }
  }
}

/** Whether the event of that mark may have ended something of ours: not what is younger than it. */
function mayConcern(path: WorkerPath, view: ShardView, mark: number): boolean {
  for (const claim of view.claims.values()) if (claim.token < mark) return true;
  for (const request of path.unanswered.values()) if (request.shard === view.shard) return true;
  return false;
}

/** All shards have answered a keep-alive. One that holds a claim of ours and did not answer has no session of ours. */
export function receiveKeptAll(state: SessionState, path: WorkerPath, id: number, nowMs: number): boolean {
  const keepAlive = path.keepAlives.get(id);
  if (keepAlive === undefined) return false;
  path.keepAlives.delete(id);
  for (const shard of keepAlive.expected) {
    if (!keepAlive.shards.has(shard) && state.shard(shard).claims.size > 0) {
      state.closePath(path, nowMs);
      return true;
    }
  }
  return true;
}

/** What happened to the session unasked, on its open path. */
export function receivePush(state: SessionState, path: WorkerPath, push: Push, nowMs: number): void {
  if (push.kind === "claim-ended") {
    const view = state.shard(push.shard);
    view.mark = Math.max(view.mark, push.mark);
    const claim = view.claims.get(push.token);
    if (claim === undefined) return;
    if (push.cause !== "revoked") state.endClaim(claim, `it ended: ${push.cause} ${push.reason}`.trimEnd());
    else if (claim.state === "held") claim.state = "revoked";
  } else if (push.kind === "session-ended") {
    const view = state.shard(push.shard);
    view.mark = Math.max(view.mark, push.mark);
    for (const claim of [...view.claims.values()]) {
      if (claim.ttlMs === 0) state.endClaim(claim, "the server had not heard this client for the session's TTL");
    }
    state.closePath(path, nowMs); // Its waits ended, too: opening the path tells which, and they queue anew.
  }
}

/** Shards are elsewhere: what belongs to them goes there, over a path that is opened after the move. */
export function takeMap(state: SessionState, owners: readonly number[], nowMs: number): void {
  const before = state.owners;
  const paths = [...state.workers.values()];
  state.owners = owners;
  if (before.length === 0 || paths.every((path) => !isTouched(path.worker, before, owners))) return;
  for (const path of paths) path.claimCount = 0;
  for (const claim of state.claims.values()) state.ownerOf(claim.shard).claimCount += 1;
  const movedUnanswered: Request[] = [];
  const movedQueued: Request[] = [];
  for (const path of paths) {
    if (!isTouched(path.worker, before, owners)) continue;
    path.close(nowMs);
    const isLeaving = (request: Request): boolean => owners[request.shard] !== path.worker;
    for (const request of [...path.unanswered.values()].filter(isLeaving)) {
      path.answered(request.id);
      movedUnanswered.push(request);
    }
    movedQueued.push(...path.queue.filter(isLeaving));
    path.queue = path.queue.filter((request) => !isLeaving(request));
  }
  for (const view of state.shards.values()) if (owners[view.shard] !== before[view.shard]) view.opened = false;
  for (const path of paths) if (path.state === "closed") state.closePath(path, path.retryAtMs);
  for (const worker of new Set(movedUnanswered.map((request) => owners[request.shard] ?? 0))) {
    state.worker(worker).adopt(movedUnanswered.filter((request) => owners[request.shard] === worker));
  }
  for (const request of movedQueued) state.ownerOf(request.shard).queue.push(request);
}

function isTouched(worker: number, before: readonly number[], after: readonly number[]): boolean {
  return before.some((owner, shard) => owner !== after[shard] && (owner === worker || after[shard] === worker));
}
