/**
 * Hands a resource on: grants the waiters whose turn it is, in the order in which they were enqueued (INV-6), each with
 * its full lease, and only if its session is alive at that moment. Hot path: `make micro`.
 */
import { ASKED, CLAIM_BOUND, EVENT_ABANDONED, EVENT_GRANTED_WAITER, EVENT_TIMED_OUT } from "../words/event-kinds.js";
import { type ClaimRow, claimRow, type ResourceRow } from "../words/ids.js";
import { KIND_ABANDONED, KIND_GRANTED, KIND_TIMED_OUT } from "../words/kinds.js";
import { EVENT_LONG_SIZE, EVENT_SHORT_SIZE } from "../tables/events.js";
import { delaysBlock, fits } from "./admission.js";
import type { Engine } from "./engine.js";
import { describeHolders, HOLDERS_TOLD_BUSY, isWordy } from "./holders.js";
import { describeGrant, isAlive } from "./sessions.js";

/** So many are granted in one go; the rest when the turn expires (unsettled.ts), as far as its events go. */
const GRANTS_PER_SETTLE = 256;
/** Nor does one turn grant or end more once its events have so many bytes: the log's ring must take them. */
export const TURN_BYTES_MAX: number = 2 ** 20;

/** A place in the queue is told to whom it matters: counting places must not hold up a turn that ends 100,000 waits. */
const PLACES_TOLD = 1_024;

/** Grants whom it can of a resource's waiters. The resource's row may be free afterwards. */
export function settle(engine: Engine, resource: ResourceRow): void {
  const { resources, claims } = engine.state;
  for (let granted = 0; granted < GRANTS_PER_SETTLE; granted++) {
    const head = claimRow(resources.firstWaiter(resource));
    if (head === 0) return;
    if (engine.events.size > TURN_BYTES_MAX) break;
    const client = claims.client(head);
    if (claims.wheel.isArmed(head) && claims.wheel.deadline(head) <= engine.state.now) {
      endWait(engine, head, EVENT_TIMED_OUT);
      continue;
    }
    if (delaysBlock(engine, resource, client)) return;
    if (!fits(engine, resource, claims.flags(head) & 3, resources.permits(resource))) return;
    if (!isAlive(engine, client)) endWait(engine, head, EVENT_ABANDONED);
    else grantWaiter(engine, head);
  }
  if (resources.firstWaiter(resource) !== 0) engine.unsettled.push(resource);
}

function grantWaiter(engine: Engine, row: ClaimRow): void {
  const { state, events } = engine;
  const { claims } = state;
  const client = claims.client(row);
  const nameSize = state.resources.nameSize(claims.resource(row));
  const requestId = claims.requestId(row);
  const at = events.long(EVENT_GRANTED_WAITER, (claims.flags(row) & 15) | ASKED, row, nameSize);
  const { view } = events.buffer;
  view.setUint32(at + 8, client, true);
  view.setUint32(at + 12, claims.requestHash(row), true);
  view.setFloat64(at + 16, requestId, true);
  view.setFloat64(at + 24, state.now, true);
  const ttlMs = claims.ttlMs(row);
  view.setUint32(at + 40, ttlMs, true);
  if ((claims.flags(row) & CLAIM_BOUND) === 0) view.setFloat64(at + 56, state.now + ttlMs, true);
  writeName(engine, at, EVENT_LONG_SIZE, claims.resource(row), nameSize);
  const token = engine.happenedToRow(at);
  describeGrant(engine, engine.tell(client, KIND_GRANTED, requestId), client, row, token);
}

/** Ends a wait unasked: timed out, or abandoned by its silent session. */
export function endWait(engine: Engine, row: ClaimRow, kind: typeof EVENT_TIMED_OUT | typeof EVENT_ABANDONED): void {
  const { state, events, counters } = engine;
  const { claims } = state;
  const client = claims.client(row);
  const resource = claims.resource(row);
  const requestId = claims.requestId(row);
  const nameSize = state.resources.nameSize(resource);
  const at = events.short(kind, ASKED, row, nameSize);
  const { view } = events.buffer;
  view.setUint32(at + 8, client, true);
  view.setUint32(at + 12, claims.requestHash(row), true);
  view.setFloat64(at + 16, requestId, true);
  view.setFloat64(at + 24, claims.lsn(row), true);
  writeName(engine, at, EVENT_SHORT_SIZE, resource, nameSize);
  const reply = engine.tell(client, kind === EVENT_TIMED_OUT ? KIND_TIMED_OUT : KIND_ABANDONED, requestId);
  if (kind === EVENT_ABANDONED) counters.abandoned++;
  else describeWait(engine, reply, row);
  engine.happenedToRow(at);
}

/** Why it was not granted, as it was when its wait ended: its place (0: behind PLACES_TOLD), holders, waiters. */
function describeWait(engine: Engine, reply: number, row: ClaimRow): void {
  const { replies, state } = engine;
  const { claims, resources } = state;
  const resource = claims.resource(row);
  let place = 1;
  let before = claims.previous(row);
  for (; before !== 0 && place <= PLACES_TOLD; before = claims.previous(before)) place++;
  const max = isWordy(replies) ? 1 : HOLDERS_TOLD_BUSY;
  const { count } = describeHolders(engine, resource, claims.client(row), max);
  replies.setA(reply, count);
  replies.setB(reply, place > PLACES_TOLD ? 0 : place);
  replies.setC(reply, resources.waiters(resource));
}

/** Writes a resource's name into the variable part of the event at `at`: the audit trail names it in each. */
export function writeName(
  engine: Engine,
  at: number,
  fixedSize: number,
  resource: ResourceRow,
  nameSize: number,
): void {
  const { view } = engine.events.buffer;
  view.setUint16(at + 32, nameSize, true);
  const seen = view.getUint16(at + 36, true);
  engine.state.resources.copyName(resource, engine.events.buffer, at + fixedSize + seen * 8);
}
