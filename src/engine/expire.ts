/**
 * Ends what has run out, after the turn's requests: leases, waits, lock-delays, silent sessions. Each end is an
 * event, and stands before the next grant in the log. A storm is worked off in slices. Hot path: `make micro`.
 */
import {
  CAUSE_SESSION,
  CLAIM_BOUND,
  CLAIM_LOOSE,
  EVENT_ABANDONED,
  EVENT_DELAY_ENDED,
  EVENT_EXPIRED,
  EVENT_FORCED,
  EVENT_SESSION_ENDED,
  EVENT_TIMED_OUT,
} from "../words/event-kinds.js";
import { type ClaimRow, claimRow, type ClientRow, clientRow, type ResourceRow } from "../words/ids.js";
import { CAUSE_EXPIRED, CAUSE_SESSION_ENDED, KIND_CLAIM_ENDED, KIND_SESSION_ENDED } from "../words/kinds.js";
import { EVENT_LONG_SIZE, EVENT_SHORT_SIZE } from "../tables/events.js";
import { CLAIM_HOLDS, CLAIM_WAITS } from "./claims.js";
import type { Engine } from "./engine.js";
import { addResourceName } from "./holders.js";
import { type Order, writeOrder } from "./order.js";
import { endWait, settle, TURN_BYTES_MAX, writeName } from "./queue.js";
import { releaseClaim } from "./release.js";
import { cancelWait } from "./cancel.js";
import { armSession, graceOf } from "./sessions.js";

/** Ends at most `budget` of what is due; answers whether something due may be left. */
export function expire(engine: Engine, budget: number): boolean {
  const { claims, clients, now } = engine.state;
  let left = budget;
  for (; left > 0 && !engine.unsettled.isEmpty; left--) settleLater(engine);
  for (; left > 0; left--) {
    if (engine.events.size > TURN_BYTES_MAX) return true;
    const row = claimRow(claims.wheel.takeDue(now));
    if (row === 0) break;
    runOut(engine, row);
  }
  for (; left > 0; left--) {
    if (engine.events.size > TURN_BYTES_MAX) return true;
    const row = clientRow(clients.wheel.takeDue(now));
    if (row === 0) break;
    lookAtSession(engine, row);
  }
  for (; left > 0 && !engine.unsettled.isEmpty; left--) settleLater(engine);
  return left === 0 || !engine.unsettled.isEmpty;
}

/** A resource that was left unsettled may be idle by now, or another one: settling is right for each that has waiters. */
function settleLater(engine: Engine): void {
  const resource = engine.unsettled.pop();
  if (engine.state.resources.firstWaiter(resource) !== 0) settle(engine, resource);
}

function runOut(engine: Engine, row: ClaimRow): void {
  const { claims, resources } = engine.state;
  const resource = claims.resource(row);
  const state = claims.state(row);
  if (state === CLAIM_HOLDS) return expireClaim(engine, row, 0);
  if (state === CLAIM_WAITS) endWait(engine, row, EVENT_TIMED_OUT);
  else endDelay(engine, row, resource);
  if (resources.firstWaiter(resource) !== 0) settle(engine, resource);
}

/** Ends a lease that ran out, or whose session did (`cause`: CAUSE_SESSION), and hands the resource on. */
function expireClaim(engine: Engine, row: ClaimRow, cause: number): void {
  const { claims } = engine.state;
  engine.counters.expired++;
  tellEnd(engine, row, cause === 0 ? CAUSE_EXPIRED : CAUSE_SESSION_ENDED);
  endUnasked(engine, row, cause | (claims.flags(row) & 15), undefined);
}

/** Logs an end that the holder did not ask for (an admin's order forced it): its lock-delay begins now, if it has one. */
export function endUnasked(engine: Engine, row: ClaimRow, flags: number, order: Order | undefined): void {
  const { state, events } = engine;
  const { claims, resources } = state;
  const resource = claims.resource(row);
  const nameSize = resources.nameSize(resource);
  const kind = order === undefined ? EVENT_EXPIRED : EVENT_FORCED;
  const at = events.long(kind, flags, row, nameSize + (order === undefined ? 0 : order.reason.length));
  const { view } = events.buffer;
  view.setUint32(at + 8, claims.client(row), true);
  view.setFloat64(at + 24, claims.lsn(row), true);
  const delay = claims.lockDelayMs(row);
  if (delay !== 0) view.setFloat64(at + 56, state.now + delay, true);
  writeName(engine, at, EVENT_LONG_SIZE, resource, nameSize);
  if (order !== undefined) writeOrder(engine, at, order, at + EVENT_LONG_SIZE + nameSize);
  engine.happenedToRow(at);
  if (resources.firstWaiter(resource) !== 0) settle(engine, resource);
}

/** Tells the session of a claim that it ends unasked; the LSN of the event that comes next is its mark. */
export function tellEnd(engine: Engine, row: ClaimRow, cause: number): void {
  const { state, replies } = engine;
  const client = state.claims.client(row);
  if (!state.clients.isSession(client)) return;
  const reply = engine.tell(client, KIND_CLAIM_ENDED, 0);
  replies.setA(reply, state.next);
  replies.setB(reply, state.claims.lsn(row));
  replies.setC(reply, cause);
  addResourceName(engine, reply, row);
  replies.setD(reply, state.resources.nameSize(state.claims.resource(row))); // Behind it a reason may follow.
}

function endDelay(engine: Engine, row: ClaimRow, resource: ResourceRow): void {
  const { state, events } = engine;
  const nameSize = state.resources.nameSize(resource);
  const at = events.short(EVENT_DELAY_ENDED, 0, row, nameSize);
  events.buffer.view.setUint32(at + 8, state.claims.client(row), true);
  events.buffer.view.setFloat64(at + 24, state.claims.lsn(row), true);
  writeName(engine, at, EVENT_SHORT_SIZE, resource, nameSize);
  engine.happenedToRow(at);
}

/** A session's time to be looked at has come: it was heard meanwhile, has lost its waits, or has ended. */
function lookAtSession(engine: Engine, row: ClientRow): void {
  const { clients, now } = engine.state;
  if (!clients.isSession(row)) return;
  const heard = clients.heardAt(row);
  // Sums, as the wheel has them: a difference may be less by a rounding, and the session would be due again and again.
  if (now >= heard + clients.ttlMs(row)) endSession(engine, row, "silent");
  else if (clients.waits(row) !== 0 && now >= heard + graceOf(engine, row)) endWaits(engine, row, "silent");
  armSession(engine, row); // What a full turn has left is due at once.
}

/**
 * Ends a session in this shard. Silent: its session claims expire and its waits are abandoned; claims with a TTL of
 * their own go on to their deadline. Closed by its client: all that it holds is released, all its waits are cancelled. A
 * loose claim is its principal's, and goes on to its deadline either way.
 * One with more claims than a turn can log is ended by the next ones; it stays alive until then. Answers whether it has
 * ended.
 */
export function endSession(engine: Engine, client: ClientRow, why: "silent" | "closed"): boolean {
  const { state, replies, events } = engine;
  const { claims, clients } = state;
  endWaits(engine, client, why);
  let row = claimRow(clients.firstClaim(client));
  while (row !== 0) {
    if (events.size > TURN_BYTES_MAX) return false;
    const next = claims.nextOfClient(row); // Handing the resource on ends no claim of this session: it has no waits.
    if (claims.state(row) === CLAIM_HOLDS) {
      if (why === "closed" && (claims.flags(row) & CLAIM_LOOSE) === 0) releaseClaim(engine, row, 0, client);
      else if ((claims.flags(row) & CLAIM_BOUND) !== 0) expireClaim(engine, row, CAUSE_SESSION);
    }
    row = next;
  }
  if (clients.waits(client) !== 0) return false;
  if (why === "silent") {
    const reply = engine.tell(client, KIND_SESSION_ENDED, 0);
    replies.setA(reply, state.next);
  }
  const at = events.short(EVENT_SESSION_ENDED, 0, client, 0);
  events.buffer.view.setUint32(at + 8, client, true);
  engine.happenedToRow(at);
  return true;
}

/**
 * Ends the waits of a session. Who waits behind them is granted later (unsettled.ts): handing on in between could grant
 * or end the very claim that is looked at next.
 */
function endWaits(engine: Engine, client: ClientRow, why: "silent" | "closed"): void {
  const { claims, clients, resources } = engine.state;
  let row = claimRow(clients.waits(client) === 0 ? 0 : clients.firstClaim(client));
  while (row !== 0) {
    if (engine.events.size > TURN_BYTES_MAX) return;
    const next = claims.nextOfClient(row);
    if (claims.state(row) === CLAIM_WAITS) {
      const resource = claims.resource(row);
      const wasFirst = resources.firstWaiter(resource) === row;
      if (why === "closed") cancelWait(engine, row, 0, client);
      else endWait(engine, row, EVENT_ABANDONED);
      if (wasFirst && resources.firstWaiter(resource) !== 0) engine.unsettled.push(resource);
    }
    row = next;
  }
}
