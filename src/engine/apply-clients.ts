/**
 * What events change in the clients table: sessions begin and end, outcomes come and are seen, marks move. Plain
 * assignments that decide nothing. Hot path: `make micro`.
 */
import { assert } from "../words/assert.js";
import { CLIENT_SESSION } from "../words/event-kinds.js";
import { type ClientRow, clientRow } from "../words/ids.js";
import { bytesOf } from "../tables/byte-buffer.js";
import {
  EVENT_LONG_SIZE,
  eventExtraSize,
  eventFlags,
  eventNameSize,
  eventRow,
  eventSeenCount,
} from "../tables/events.js";
import { CLIENT_BARE, CLIENT_FREE, CLIENT_SESSION_LIVE, CLIENT_SESSION_OVER, type Clients } from "./clients.js";
import type { State } from "./state.js";

/**
 * `began`: name is the principal, extra the address behind the session's key (16 bytes; none for somebody without a
 * session); ttl at +40, public id at +52 and +64. A session that was over begins anew in its old row.
 */
export function applyBegan(state: State, view: DataView, bytes: Uint8Array, at: number, lsn: number): void {
  const { clients } = state;
  const row = clientRow(eventRow(view, at));
  if (clients.has(row, lsn)) return;
  if (clients.state(row) !== CLIENT_FREE) wipe(state, row);
  else clients.pool.claim(row);
  const nameSize = eventNameSize(view, at);
  const nameAt = at + EVENT_LONG_SIZE + eventSeenCount(view, at) * 8;
  const isSession = (eventFlags(view, at) & CLIENT_SESSION) !== 0;
  const keySize = isSession ? 16 : 0;
  const keyAt = nameAt + nameSize;
  for (let word = 0; word < 4; word++) {
    clients.setKeyWord(row, word, isSession ? view.getUint32(keyAt + word * 4, true) : 0);
  }
  clients.setPrincipal(row, clients.names.put(bytes, nameAt, keyAt));
  clients.setAddress(row, clients.names.put(bytes, keyAt + keySize, keyAt + eventExtraSize(view, at)));
  clients.setTtlMs(row, view.getUint32(at + 40, true));
  clients.setPublicId(row, 0, view.getUint32(at + 52, true));
  clients.setPublicId(row, 1, view.getUint32(at + 64, true));
  clients.setState(row, isSession ? CLIENT_SESSION_LIVE : CLIENT_BARE);
  if (isSession) clients.setMark(row, lsn);
  indexClient(state, row);
  clients.touch(row);
}

/** Enters a filled row into the index, under the same hash as paths.ts has for it. */
export function indexClient(state: State, row: ClientRow): void {
  const { clients, hash } = state;
  if (clients.state(row) !== CLIENT_BARE) {
    const [first, second] = [clients.keyWord(row, 0), clients.keyWord(row, 1)];
    clients.enterIndex(row, hash.hashWords(first, second, clients.keyWord(row, 2), clients.keyWord(row, 3)));
    return;
  }
  const principal = hashName(state, clients.principal(row));
  clients.enterIndex(row, hash.hashWords(principal, hashName(state, clients.address(row)), 0, 0));
}

const scratch = bytesOf(new Uint8Array(1100));
function hashName(state: State, name: number): number {
  const size = state.clients.names.copyTo(name, scratch.bytes, 0);
  return state.hash.hash(scratch, 0, size);
}

/** Takes a row out of the index and forgets who it was; its claims, counted and linked by row, stay. */
function wipe(state: State, row: ClientRow): void {
  const { clients } = state;
  clients.leaveIndex(row);
  clients.names.free(clients.principal(row));
  clients.names.free(clients.address(row));
  dropOutcomes(state, row);
  if (clients.wheel.isArmed(row)) clients.wheel.cancel(row);
  clients.setState(row, CLIENT_FREE);
  clients.setLastRequestId(row, 0);
  clients.setMark(row, 0);
  clients.setHeardCount(row, 0);
  clients.setPath(row, 0);
  clients.setPathSerial(row, 0);
}

/** `session ended`: the record is gone; the row stays while claims with a TTL of their own go on. */
export function applySessionEnded(state: State, view: DataView, at: number, lsn: number): void {
  const { clients } = state;
  const row = clientRow(eventRow(view, at));
  if (clients.has(row, lsn) || clients.state(row) !== CLIENT_SESSION_LIVE) return;
  clients.touch(row);
  dropOutcomes(state, row);
  if (clients.wheel.isArmed(row)) clients.wheel.cancel(row);
  clients.setLastRequestId(row, 0);
  clients.setState(row, CLIENT_SESSION_OVER);
  if (state.inStep) freeIfIdle(state, row);
}

/**
 * Frees the row of somebody without a session, or whose session is over, with the last claim. Not while a log is replayed
 * over pages: a claim that is granted later may be in a page already and one that has ended not, so the count of claims
 * can be 0 in between; rows that are left over are freed at the end (pages.ts).
 */
export function freeIfIdle(state: State, row: ClientRow): void {
  const { clients } = state;
  if (clients.claims(row) !== 0) return;
  const kind = clients.state(row);
  if (kind !== CLIENT_BARE && kind !== CLIENT_SESSION_OVER) return;
  wipe(state, row);
  clients.pool.give(row);
  clients.touch(row);
}

/**
 * Keeps what was answered to a request until its client has seen it. Answers the row, so that the caller can set its
 * value where that is not 0; 0 where nothing is kept.
 */
export function addOutcome(state: State, row: ClientRow, requestId: number, hash: number, kind: number): number {
  const { clients, outcomes } = state;
  if (clients.state(row) !== CLIENT_SESSION_LIVE || requestId === 0) return 0;
  const outcome = outcomes.take();
  assert(outcome !== 0, "R-18: there is a row for every outcome that the limits allow");
  outcomes.setRequestId(outcome, requestId);
  outcomes.setRequestHash(outcome, hash);
  outcomes.setKind(outcome, kind);
  outcomes.setValue(outcome, 0);
  const last = clients.lastOutcome(row);
  if (last === 0) clients.setFirstOutcome(row, outcome);
  else outcomes.setNext(last, outcome);
  clients.setLastOutcome(row, outcome);
  clients.setOutcomes(row, clients.outcomes(row) + 1);
  if (requestId > clients.lastRequestId(row)) clients.setLastRequestId(row, requestId);
  return outcome;
}

function dropOutcomes(state: State, row: ClientRow): void {
  const { clients, outcomes } = state;
  for (let outcome = clients.firstOutcome(row); outcome !== 0; ) outcome = outcomes.free(outcome);
  clients.setFirstOutcome(row, 0);
  clients.setLastOutcome(row, 0);
  clients.setOutcomes(row, 0);
}

/** Drops the outcomes that the client says it has seen: the numbers at `seenAt` are one through, then pairs from, to. */
export function dropSeen(state: State, row: ClientRow, view: DataView, seenAt: number, count: number): void {
  const { clients, outcomes } = state;
  let before = 0;
  let outcome = clients.firstOutcome(row);
  let left = clients.outcomes(row);
  while (outcome !== 0) {
    if (!isSeenInBytes(view, seenAt, count, outcomes.requestId(outcome))) {
      before = outcome;
      outcome = outcomes.next(outcome);
      continue;
    }
    const next = outcomes.free(outcome);
    if (before === 0) clients.setFirstOutcome(row, next);
    else outcomes.setNext(before, next);
    left--;
    outcome = next;
  }
  clients.setLastOutcome(row, before);
  clients.setOutcomes(row, left);
}

function isSeenInBytes(view: DataView, seenAt: number, count: number, id: number): boolean {
  if (id <= view.getFloat64(seenAt, true)) return true;
  for (let i = 1; i + 1 < count; i += 2) {
    const from = view.getFloat64(seenAt + i * 8, true);
    if (id >= from && id <= view.getFloat64(seenAt + i * 8 + 8, true)) return true;
  }
  return false;
}

/** The outcome that is kept for a request, 0 if none. */
export function findOutcome(state: State, clients: Clients, row: ClientRow, requestId: number): number {
  let outcome = clients.firstOutcome(row);
  while (outcome !== 0 && state.outcomes.requestId(outcome) !== requestId) outcome = state.outcomes.next(outcome);
  return outcome;
}
