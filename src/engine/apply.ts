/**
 * Applies one event to the tables: a plain assignment that decides nothing. Primary, backup and replay all come
 * through here, with the same bytes. An event's claim part and client part are skipped where a restored checkpoint page
 * has seen its LSN. Hot path: `make micro`.
 */
import { assert } from "../words/assert.js";
import {
  ASKED,
  CLAIM_BOUND,
  CLAIM_LOOSE,
  CLAIM_MODE_MASK,
  EVENT_ABANDONED,
  EVENT_BEGAN,
  EVENT_CANCELLED,
  EVENT_DELAY_ENDED,
  EVENT_ENQUEUED,
  EVENT_ERA_BEGAN,
  EVENT_EXPIRED,
  EVENT_FORCED,
  EVENT_GRANTED,
  EVENT_GRANTED_WAITER,
  EVENT_RELEASED,
  EVENT_RENEWED,
  EVENT_REVOKED,
  EVENT_SESSION_ENDED,
  EVENT_TIMED_OUT,
  EVENT_TIME,
} from "../words/event-kinds.js";
import { type ClaimRow, claimRow, type ClientRow, clientRow, lsn as asLsn, type ResourceRow } from "../words/ids.js";
import {
  KIND_ABANDONED,
  KIND_CANCELLED,
  KIND_DONE,
  KIND_GRANTED,
  KIND_RELEASED,
  KIND_RENEWED,
  KIND_TIMED_OUT,
} from "../words/kinds.js";
import { MODE_SHARED } from "../words/mode.js";
import type { Bytes } from "../tables/byte-buffer.js";
import {
  EVENT_LONG_SIZE,
  EVENT_SHORT_SIZE,
  eventClient,
  eventExtraSize,
  eventFlags,
  eventKind,
  eventNameSize,
  eventRequestHash,
  eventRequestId,
  eventRow,
  eventSeenCount,
  eventToken,
} from "../tables/events.js";
import { addOutcome, applyBegan, applySessionEnded, dropSeen, freeIfIdle } from "./apply-clients.js";
import { CLAIM_DELAYS, CLAIM_FORCED, CLAIM_HOLDS, CLAIM_REVOKED, CLAIM_WAITS } from "./claims.js";
import type { State } from "./state.js";

/**
 * Applies the event at `at`, which has this LSN. `resource` is the row of its resource if the caller has just looked it
 * up, else 0.
 */
export function apply(state: State, events: Bytes, at: number, lsn: number, resource: ResourceRow): void {
  const { view, bytes } = events;
  state.head = asLsn(lsn);
  const kind = eventKind(view, at);
  switch (kind) {
    case EVENT_BEGAN:
      return applyBegan(state, view, bytes, at, lsn);
    case EVENT_GRANTED:
      return applyGranted(state, events, at, lsn, resource);
    case EVENT_ENQUEUED:
      return applyEnqueued(state, events, at, lsn, resource);
    case EVENT_GRANTED_WAITER:
      return applyGrantedWaiter(state, view, at, lsn);
    case EVENT_RELEASED:
      return applyEnded(state, view, at, lsn, KIND_RELEASED);
    case EVENT_EXPIRED:
    case EVENT_FORCED:
      return applyRunOut(state, view, at, lsn);
    case EVENT_RENEWED:
      return applyRenewed(state, view, at, lsn);
    case EVENT_CANCELLED:
      return applyCancelled(state, view, at, lsn);
    case EVENT_TIMED_OUT:
      return applyEnded(state, view, at, lsn, KIND_TIMED_OUT);
    case EVENT_ABANDONED:
      return applyEnded(state, view, at, lsn, KIND_ABANDONED);
    case EVENT_REVOKED:
      return applyRevoked(state, view, at, lsn);
    case EVENT_DELAY_ENDED:
      return applyEnded(state, view, at, lsn, 0);
    case EVENT_SESSION_ENDED:
      return applySessionEnded(state, view, at, lsn);
    case EVENT_TIME:
    case EVENT_ERA_BEGAN:
      return;
    default:
      throw new Error(`R-4: event ${lsn} is of kind ${kind}, which this version does not know`);
  }
}

/** Makes the claim of an event that brings one: who, where, in which mode, with what. It is in no list yet. */
function beginClaim(state: State, events: Bytes, at: number, resource: ResourceRow): ClaimRow {
  const { view, bytes } = events;
  const { claims, clients, resources } = state;
  const row = claimRow(eventRow(view, at));
  const nameAt = at + EVENT_LONG_SIZE + eventSeenCount(view, at) * 8;
  const nameEnd = nameAt + eventNameSize(view, at);
  let place = resource;
  if (place === 0) {
    const hash = resources.hash(events, nameAt, nameEnd);
    place = resources.find(hash, events, nameAt, nameEnd);
    if (place === 0) place = resources.add(hash, events, nameAt, nameEnd);
    assert(place !== 0, "system.md §3: there are as many rows of resources as of claims");
  }
  const client = clientRow(eventClient(view, at));
  claims.begin(row, place, client, eventFlags(view, at) & (CLAIM_MODE_MASK | CLAIM_LOOSE | CLAIM_BOUND));
  claims.setTtlMs(row, view.getUint32(at + 40, true));
  const requestId = eventRequestId(view, at);
  if (requestId !== 0) claims.setRequest(row, requestId, eventRequestHash(view, at));
  const lockDelay = view.getUint32(at + 44, true);
  if (lockDelay !== 0) claims.setLockDelayMs(row, lockDelay);
  const permits = view.getUint32(at + 48, true);
  if (permits !== 0) claims.setPermits(row, permits);
  resources.setPermits(place, permits);
  const extra = eventExtraSize(view, at);
  if (extra !== 0) claims.setMetadata(row, clients.names.put(bytes, nameEnd, nameEnd + extra));
  linkClient(state, row, client);
  claims.touch(row);
  return row;
}

/** Only a session's claims are linked: nobody asks for all claims of somebody without one. */
export function linkClient(state: State, row: ClaimRow, client: ClientRow): void {
  const { claims, clients } = state;
  clients.setClaims(client, clients.claims(client) + 1);
  if (claims.requestId(row) === 0) return;
  clients.setFirstClaim(client, claims.linkToClient(row, clients.firstClaim(client)));
}

/** Takes a claim out of all lists and frees its row, and its resource and client if nothing is left of them. */
function endClaim(state: State, row: ClaimRow): void {
  const { claims, clients, resources } = state;
  const resource = claims.resource(row);
  const client = claims.client(row);
  if (claims.state(row) === CLAIM_WAITS) clients.setWaits(client, clients.waits(client) - 1);
  claims.leave(row);
  if (claims.requestId(row) !== 0) {
    clients.setFirstClaim(client, claims.unlinkFromClient(row, clients.firstClaim(client)));
  }
  const metadata = claims.metadata(row);
  if (metadata !== 0) {
    clients.names.free(metadata);
    claims.setMetadata(row, 0);
  }
  claims.end(row);
  claims.touch(row);
  clients.setClaims(client, clients.claims(client) - 1);
  if (state.inStep) freeIfIdle(state, client);
  resources.freeIfIdle(resource);
}

function applyGranted(state: State, events: Bytes, at: number, lsn: number, resource: ResourceRow): void {
  const { view } = events;
  const { claims } = state;
  const row = eventRow(view, at);
  if (!claims.has(row, lsn)) {
    const claim = beginClaim(state, events, at, resource);
    claims.setLsn(claim, lsn);
    claims.setSince(claim, view.getFloat64(at + 24, true));
    claims.enter(claim, CLAIM_HOLDS);
    hold(state, claim, view, at);
  }
  applyAsked(state, view, at, KIND_GRANTED, lsn);
}

/** Arms a holder's lease, and checks that it does not hold beside somebody whom its mode excludes. */
function hold(state: State, row: ClaimRow, view: DataView, at: number): void {
  const { claims, resources } = state;
  const flags = claims.flags(row);
  if ((flags & CLAIM_BOUND) === 0) claims.wheel.arm(row, view.getFloat64(at + 56, true));
  if (!state.inStep) return;
  const resource = claims.resource(row);
  const holders = resources.holders(resource);
  const permits = resources.permits(resource);
  assert(permits === 0 || holders <= permits, "INV-1: more holders than permits");
  if (holders === 1 || permits !== 0) return;
  const other = claims.next(row);
  assert(
    (flags & 3) === MODE_SHARED && (claims.flags(other) & 3) === MODE_SHARED,
    "INV-1: two holders exclude each other",
  );
}

function applyEnqueued(state: State, events: Bytes, at: number, lsn: number, resource: ResourceRow): void {
  const { view } = events;
  const { claims, clients } = state;
  const row = eventRow(view, at);
  const client = clientRow(eventClient(view, at));
  if (!claims.has(row, lsn)) {
    const claim = beginClaim(state, events, at, resource);
    claims.setLsn(claim, lsn);
    claims.setSince(claim, view.getFloat64(at + 24, true));
    claims.enter(claim, CLAIM_WAITS);
    clients.setWaits(client, clients.waits(client) + 1);
    claims.wheel.arm(claim, view.getFloat64(at + 56, true));
  }
  if (clients.has(client, lsn)) return;
  const seen = eventSeenCount(view, at);
  if (seen !== 0) dropSeen(state, client, view, at + EVENT_LONG_SIZE, seen);
  const requestId = eventRequestId(view, at);
  if (requestId > clients.lastRequestId(client)) clients.setLastRequestId(client, requestId);
  clients.touch(client);
}

function applyGrantedWaiter(state: State, view: DataView, at: number, lsn: number): void {
  const { claims, clients } = state;
  const row = claimRow(eventRow(view, at));
  if (!claims.has(row, lsn)) {
    const client = claims.client(row);
    if (claims.wheel.isArmed(row)) claims.wheel.cancel(row);
    claims.leave(row);
    clients.setWaits(client, clients.waits(client) - 1);
    claims.setLsn(row, lsn);
    claims.setSince(row, view.getFloat64(at + 24, true));
    claims.enter(row, CLAIM_HOLDS);
    hold(state, row, view, at);
    claims.touch(row);
  }
  applyAsked(state, view, at, KIND_GRANTED, lsn);
}

/** The client part of an event that a request asked for: its outcome, and what the client has seen since. */
function applyAsked(state: State, view: DataView, at: number, kind: number, value: number): void {
  if ((eventFlags(view, at) & ASKED) === 0) return;
  const { clients, outcomes } = state;
  const client = clientRow(eventClient(view, at));
  if (clients.has(client, state.head)) return; // The head is the LSN of this event.
  const seen = eventSeenCount(view, at);
  if (seen !== 0) dropSeen(state, client, view, at + fixedSize(view, at), seen);
  const outcome = addOutcome(state, client, eventRequestId(view, at), eventRequestHash(view, at), kind);
  if (outcome !== 0) outcomes.setValue(outcome, value);
  clients.touch(client);
}

function fixedSize(view: DataView, at: number): number {
  const kind = eventKind(view, at);
  return kind === EVENT_RELEASED || kind === EVENT_TIMED_OUT || kind === EVENT_ABANDONED || kind === EVENT_DELAY_ENDED
    ? EVENT_SHORT_SIZE
    : EVENT_LONG_SIZE;
}

/** Released, timed out, abandoned, or the end of a lock-delay: the claim is gone. */
function applyEnded(state: State, view: DataView, at: number, lsn: number, kind: number): void {
  const row = claimRow(eventRow(view, at));
  applyAsked(state, view, at, kind, 0);
  if (!state.claims.has(row, lsn)) endClaim(state, row);
}

/** Expired or forced: gone, or what is left of it delays the next grant until the deadline told at +56. */
function applyRunOut(state: State, view: DataView, at: number, lsn: number): void {
  const { claims } = state;
  const row = claimRow(eventRow(view, at));
  const client = clientRow(eventClient(view, at));
  noteUnasked(state, client, lsn);
  applyOrder(state, view, at, lsn);
  if (claims.has(row, lsn)) return;
  const delayEnd = view.getFloat64(at + 56, true);
  if (delayEnd === 0) return endClaim(state, row);
  if (claims.wheel.isArmed(row)) claims.wheel.cancel(row);
  claims.leave(row);
  claims.enter(row, CLAIM_DELAYS);
  claims.wheel.arm(row, delayEnd);
  if (eventKind(view, at) === EVENT_FORCED) claims.setFlags(row, claims.flags(row) | CLAIM_FORCED);
  claims.touch(row);
}

/** Forced or revoked by a session's order: its outcome. +52: who asked; +48: how many claims it concerned. */
function applyOrder(state: State, view: DataView, at: number, lsn: number): void {
  if ((eventFlags(view, at) & ASKED) === 0) return;
  const { clients } = state;
  const asker = clientRow(view.getUint32(at + 52, true));
  if (clients.has(asker, lsn)) return;
  const count = view.getUint32(at + 48, true);
  const outcome = addOutcome(state, asker, eventRequestId(view, at), eventRequestHash(view, at), KIND_DONE);
  if (outcome !== 0) state.outcomes.setValue(outcome, count);
  clients.touch(asker);
}

/** Moves the session's mark: one of its claims ended or was revoked unasked. */
function noteUnasked(state: State, client: ClientRow, lsn: number): void {
  const { clients } = state;
  if (clients.has(client, lsn) || !clients.isSession(client)) return;
  clients.setMark(client, lsn);
  clients.touch(client);
}

function applyRenewed(state: State, view: DataView, at: number, lsn: number): void {
  const { claims } = state;
  const row = claimRow(eventRow(view, at));
  const ttlMs = view.getUint32(at + 40, true);
  applyAsked(state, view, at, KIND_RENEWED, ttlMs);
  if (claims.has(row, lsn)) return;
  const deadline = view.getFloat64(at + 56, true);
  if (deadline !== 0) claims.wheel.move(row, deadline);
  claims.setRenewCount(row, claims.renewCount(row) + 1);
  claims.touch(row);
}

/** A wait was cancelled: its own outcome, and that of the request that cancelled it. +48: hash of the wait's request. */
function applyCancelled(state: State, view: DataView, at: number, lsn: number): void {
  const { clients } = state;
  const client = clientRow(eventClient(view, at));
  const row = claimRow(eventRow(view, at));
  if (!clients.has(client, lsn)) {
    addOutcome(state, client, eventToken(view, at), view.getUint32(at + 48, true), KIND_CANCELLED);
  }
  applyAsked(state, view, at, KIND_CANCELLED, 0);
  if (!state.claims.has(row, lsn)) endClaim(state, row);
}

/** Revoked: held until the deadline told at +56, and no renewal moves it. */
function applyRevoked(state: State, view: DataView, at: number, lsn: number): void {
  const { claims } = state;
  const row = claimRow(eventRow(view, at));
  noteUnasked(state, clientRow(eventClient(view, at)), lsn);
  applyOrder(state, view, at, lsn);
  if (claims.has(row, lsn)) return;
  const deadline = view.getFloat64(at + 56, true);
  if (claims.wheel.isArmed(row)) claims.wheel.move(row, deadline);
  else claims.wheel.arm(row, deadline);
  claims.setFlags(row, (claims.flags(row) & ~CLAIM_BOUND) | CLAIM_REVOKED);
  claims.touch(row);
}
