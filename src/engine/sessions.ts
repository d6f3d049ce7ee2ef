/**
 * What every request of a session goes through: it is heard, it is not done twice, what its client has seen is dropped,
 * and its record begins with its first claim here. Hot path: `make micro`.
 */
import { assert, outOfRange } from "../words/assert.js";
import { CLIENT_SESSION, EVENT_BEGAN } from "../words/event-kinds.js";
import { type ClaimRow, claimRow, type ClientRow, clientRow } from "../words/ids.js";
import { KIND_GRANTED, KIND_RENEWED } from "../words/kinds.js";
import { EVENT_LONG_SIZE } from "../tables/events.js";
import { findOutcome } from "./apply-clients.js";
import { CLAIM_HOLDS, CLAIM_WAITS } from "./claims.js";
import { CLIENT_SESSION_LIVE, CLIENT_SESSION_OVER } from "./clients.js";
import type { Engine } from "./engine.js";
import { findHeld } from "./held.js";
import { requestHash } from "./request-hash.js";

/** How many numbers of what was seen go into one event: one through and seven ranges; the rest waits for the next. */
const SEEN_NUMBERS_MAX = 15;
/** How far to look for an outcome that was seen before an event carries the numbers; at the limit to the end. */
const SEEN_LOOK_MAX = 8;

/** Notes that the session was heard, by which sending, and on which path it listens. */
export function hear(engine: Engine, client: ClientRow, request: number): void {
  const { clients, now } = engine.state;
  const path = engine.inbox.path(request);
  clients.setHeardAt(client, now);
  clients.setHeardCount(client, engine.inbox.sentCount(request));
  clients.setPath(client, path);
  clients.setPathSerial(client, engine.paths.serial(path));
}

/**
 * Answers a request that was executed before with the same answer, and refuses another one under its id. Returns false
 * if the request is new.
 */
export function answerAgain(engine: Engine, client: ClientRow, request: number): boolean {
  const { state, inbox, replies } = engine;
  const { clients, outcomes } = state;
  const id = inbox.id(request);
  if (id > clients.lastRequestId(client)) return false;
  const outcome = findOutcome(state, clients, client, id);
  const claim = claimOfRequest(engine, client, id);
  if (outcome === 0 && claim === 0) return false;
  const known = outcome !== 0 ? state.outcomes.requestHash(outcome) : state.claims.requestHash(claim);
  if (known !== requestHash(engine, request)) {
    engine.refuse(request, "request-id-reused", `request ${id} was another one; give each request an id of its own`);
    return true;
  }
  const kind = outcome !== 0 ? outcomes.kind(outcome) : KIND_GRANTED;
  if (kind === KIND_GRANTED) {
    if (claim !== 0 && state.claims.state(claim) === CLAIM_WAITS) return true; // It stands in its queue, in its place.
    const token = outcome !== 0 ? outcomes.value(outcome) : state.claims.lsn(claim);
    describeGrant(engine, engine.answer(request, kind), client, claim, token);
    return true;
  }
  const row = engine.answer(request, kind);
  replies.setA(row, outcomes.value(outcome));
  if (kind !== KIND_RENEWED) return true;
  const renewed = findHeld(engine, request, client);
  replies.setB(row, renewed === 0 ? 0 : leftOf(engine, renewed));
  return true;
}

/** The claim of a session that this request brought, 0 if there is none. */
export function claimOfRequest(engine: Engine, client: ClientRow, id: number): ClaimRow {
  const { claims, clients } = engine.state;
  let row = claimRow(clients.firstClaim(client));
  while (row !== 0 && claims.requestId(row) !== id) row = claims.nextOfClient(row);
  return row;
}

/**
 * Fills a GRANTED that did not follow its acquire at once: what the client may believe rests on when this primary heard
 * it last, and on what is left of the deadline. `claim` 0: it has ended meanwhile.
 */
export function describeGrant(engine: Engine, reply: number, client: ClientRow, claim: ClaimRow, token: number): void {
  const { replies, state } = engine;
  const { claims, clients } = state;
  const holds = claim !== 0 && claims.state(claim) === CLAIM_HOLDS;
  replies.setA(reply, token);
  replies.setB(reply, holds ? claims.ttlMs(claim) : 0);
  replies.setC(reply, 1);
  replies.setD(reply, holds ? leftOf(engine, claim) : 0);
  replies.setE(reply, clients.heardCount(client));
  replies.setF(reply, Math.max(0, Math.floor(state.now - clients.heardAt(client))));
}

/** Milliseconds until a holder's lease ends as it stands; for a claim bound to its session, until the session does. */
export function leftOf(engine: Engine, claim: ClaimRow): number {
  const { claims, clients, now } = engine.state;
  if (claims.wheel.isArmed(claim)) return Math.max(0, Math.floor(claims.wheel.deadline(claim) - now));
  const client = claims.client(claim);
  return Math.max(0, Math.floor(clients.heardAt(client) + clients.ttlMs(client) - now));
}

/** How many numbers of what was seen this request's event is to carry; 0 if nothing that is kept was seen. */
export function seenNumbers(engine: Engine, client: ClientRow, request: number): number {
  const { inbox, state } = engine;
  const { clients, outcomes } = state;
  let outcome = clients.firstOutcome(client);
  if (outcome === 0) return 0;
  const count = Math.min(inbox.seenCount(request), SEEN_NUMBERS_MAX);
  if (count === 0) return 0;
  const at = inbox.seenAt(request);
  const isFull = clients.outcomes(client) >= state.limits.unreadOutcomesMax;
  for (let looked = 0; outcome !== 0 && (isFull || looked < SEEN_LOOK_MAX); looked++) {
    if (isSeen(engine, at, count, outcomes.requestId(outcome))) return count;
    outcome = outcomes.next(outcome);
  }
  return 0;
}

function isSeen(engine: Engine, at: number, count: number, id: number): boolean {
  const { seen } = engine.inbox;
  if (id <= (seen[at] ?? outOfRange(at))) return true;
  for (let i = at + 1; i + 1 < at + count; i += 2) {
    if (id >= (seen[i] ?? outOfRange(i)) && id <= (seen[i + 1] ?? outOfRange(i))) return true;
  }
  return false;
}

/** Writes those numbers into the event at `at`, whose variable part begins at `seenAt`. */
export function writeSeen(engine: Engine, request: number, at: number, seenAt: number, count: number): void {
  const { view } = engine.events.buffer;
  const from = engine.inbox.seenAt(request);
  view.setUint16(at + 36, count, true);
  for (let i = 0; i < count; i++)
    view.setFloat64(seenAt + i * 8, engine.inbox.seen[from + i] ?? outOfRange(from + i), true);
}

/** Each wait will want a row when it ends, and a request one or (a cancel) two: no answer of ours may lack one. */
function hasOutcomeRows(engine: Engine, request: number): boolean {
  const { claims, outcomes } = engine.state;
  if (outcomes.live + claims.waiting + 2 <= outcomes.capacity) return true;
  const bound = `all ${outcomes.capacity} rows for unread answers of this shard are taken`;
  engine.refuse(request, "table-full", `${bound}; read answers and tell what was seen, then retry`);
  return false;
}

/** False, and the request is refused, if the session has as many unread outcomes here as it may have. */
export function hasRoomForOutcome(engine: Engine, client: ClientRow, request: number): boolean {
  const { clients, limits } = engine.state;
  if (!hasOutcomeRows(engine, request)) return false;
  if (clients.outcomes(client) < limits.unreadOutcomesMax) return true;
  if (seenNumbers(engine, client, request) !== 0) return true;
  const bound = `${limits.unreadOutcomesMax} answers of this session are unread in this shard`;
  engine.refuse(request, "too-many-unread-outcomes", `${bound}; read them, and tell what was seen with the next group`);
  return false;
}

/**
 * The row of whoever asks, for a claim: begins it if the shard does not know them. Returns 0, and the request is
 * refused, if there is no room.
 */
export function whoAsks(engine: Engine, request: number, known: ClientRow): ClientRow {
  const { clients } = engine.state;
  const isSession = engine.isSession(request);
  if (known !== 0 && clients.state(known) !== CLIENT_SESSION_OVER) {
    return !isSession || hasRoomForOutcome(engine, known, request) ? known : clientRow(0);
  }
  const row = known !== 0 ? known : clientRow(clients.pool.peek());
  if (isSession && !hasOutcomeRows(engine, request)) return clientRow(0);
  if (row === 0) {
    engine.refuse(
      request,
      "table-full",
      "this shard knows as many clients as it has room for; close sessions, then retry",
    );
    return row;
  }
  begin(engine, request, row);
  if (!isSession) return row;
  hear(engine, row, request);
  engine.paths.noteClient(engine.inbox.path(request), engine.shard, row);
  armSession(engine, row);
  return row;
}

/** Logs that a client begins here: principal, address, and for a session its key, public id and TTL. */
function begin(engine: Engine, request: number, row: ClientRow): void {
  const { paths, events } = engine;
  const path = engine.inbox.path(request);
  const isSession = paths.isSession(path);
  const principalSize = paths.names.size(paths.principal(path));
  const addressSize = paths.names.size(paths.address(path));
  const keySize = isSession ? 16 : 0;
  const at = events.long(EVENT_BEGAN, isSession ? CLIENT_SESSION : 0, row, principalSize + keySize + addressSize);
  const { view, bytes } = events.buffer;
  view.setUint32(at + 8, row, true);
  view.setUint16(at + 32, principalSize, true);
  view.setUint16(at + 34, keySize + addressSize, true);
  view.setUint32(at + 40, paths.ttlMs(path), true);
  view.setUint32(at + 52, paths.publicId(path, 0), true);
  view.setUint32(at + 64, paths.publicId(path, 1), true);
  const nameAt = at + EVENT_LONG_SIZE;
  paths.names.copyTo(paths.principal(path), bytes, nameAt);
  if (isSession) {
    for (let word = 0; word < 4; word++)
      view.setUint32(nameAt + principalSize + word * 4, paths.keyWord(path, word), true);
  }
  paths.names.copyTo(paths.address(path), bytes, nameAt + principalSize + keySize);
  engine.happenedToRow(at);
}

/** Sees to it that the session is looked at when its TTL, or while it waits its grace, has passed in silence. */
export function armSession(engine: Engine, client: ClientRow): void {
  const { clients } = engine.state;
  if (clients.state(client) !== CLIENT_SESSION_LIVE) return;
  const deadline = clients.heardAt(client) + silenceAllowed(engine, client);
  if (!clients.wheel.isArmed(client)) clients.wheel.arm(client, deadline);
  else if (clients.wheel.deadline(client) > deadline) clients.wheel.move(client, deadline);
}

function silenceAllowed(engine: Engine, client: ClientRow): number {
  const { clients } = engine.state;
  return clients.waits(client) === 0 ? clients.ttlMs(client) : graceOf(engine, client);
}

/** How long a session may be silent and keep its places in queues. */
export function graceOf(engine: Engine, client: ClientRow): number {
  const { clients, limits } = engine.state;
  return Math.min(limits.waitingGraceMs, clients.ttlMs(client));
}

/** Whether a waiter may be granted now: its session was heard within the grace. */
export function isAlive(engine: Engine, client: ClientRow): boolean {
  const { clients, now } = engine.state;
  assert(clients.state(client) === CLIENT_SESSION_LIVE, "R-17: only a session waits");
  return now < clients.heardAt(client) + graceOf(engine, client); // A sum, as in expire.ts.
}
