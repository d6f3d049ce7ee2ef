/**
 * Decides what an admin does to claims: revoke (safe: held until released or run out, never renewed) and force-release
 * (free at once; its holder may still believe, and only fencing protects).
 */
import { CLAIM_BOUND, EVENT_REVOKED } from "../words/event-kinds.js";
import { type ClaimRow, claimRow } from "../words/ids.js";
import { CAUSE_FORCED, CAUSE_REVOKED, KIND_DONE, KIND_REVOKE } from "../words/kinds.js";
import { EVENT_LONG_SIZE } from "../tables/events.js";
import { CLAIM_HOLDS, CLAIM_REVOKED } from "./claims.js";
import type { Engine } from "./engine.js";
import { endUnasked, tellEnd } from "./expire.js";
import { resourceOf } from "./held.js";
import { type Order, writeOrder } from "./order.js";
import { TURN_BYTES_MAX, writeName } from "./queue.js";
import { answerAgain, hear, whoAsks } from "./sessions.js";

/** Revokes the claim under the token, or every one that holds (token 0); answers how many. */
export function revoke(engine: Engine, request: number): void {
  forEach(engine, request, revokeClaim);
}

/** Frees the resource of the claim under the token, or of every one that holds (token 0); answers how many. */
export function forceRelease(engine: Engine, request: number): void {
  forEach(engine, request, forceClaim);
}

function forEach(engine: Engine, request: number, act: (engine: Engine, claim: ClaimRow, order: Order) => void): void {
  const { inbox, state, replies } = engine;
  const reason = inbox.bytes.subarray(inbox.extraAt(request), inbox.extraEnd(request));
  const { metadataBytesMax } = state.limits;
  if (reason.length > metadataBytesMax) {
    const bound = `at most ${metadataBytesMax}`;
    return engine.refuse(request, "metadata-too-long", `the reason has ${reason.length} bytes; ${bound}`);
  }
  let asker = engine.isSession(request) ? engine.clientOf(request) : state.clients.none;
  if (asker !== 0) {
    hear(engine, asker, request);
    if (answerAgain(engine, asker, request)) return;
  }
  if (engine.events.size > TURN_BYTES_MAX) {
    return engine.refuse(request, "overloaded", "this turn has logged as much as it may; try again");
  }
  const chosen = holdersUnder(engine, request);
  if (chosen.length > 0 && engine.isSession(request)) {
    asker = whoAsks(engine, request, asker);
    if (asker === 0) return;
  }
  const order: Order = { request, asker, count: chosen.length, reason, isKept: false };
  for (const { claim, token } of chosen) {
    if (state.claims.state(claim) === CLAIM_HOLDS && state.claims.lsn(claim) === token) act(engine, claim, order);
  }
  const row = engine.answer(request, KIND_DONE);
  replies.setA(row, chosen.length);
}

/** So many claims one request revokes or frees; it answers how many, and can be repeated until that is 0. */
const ORDER_CLAIMS_MAX = 1_000;

/** The holders at the start only: whom the first force-release lets in is not forced out by the second. */
function holdersUnder(engine: Engine, request: number): { claim: ClaimRow; token: number }[] {
  const { claims, resources } = engine.state;
  const resource = resourceOf(engine, request);
  const token = engine.inbox.token(request);
  const chosen: { claim: ClaimRow; token: number }[] = [];
  let row = claimRow(resource === 0 ? 0 : resources.firstHolder(resource));
  const isRevoke = engine.inbox.op(request) === KIND_REVOKE;
  for (; row !== 0 && chosen.length < ORDER_CLAIMS_MAX; row = claims.next(row)) {
    if (isRevoke && (claims.flags(row) & CLAIM_REVOKED) !== 0) continue;
    if (token === 0 || claims.lsn(row) === token) chosen.push({ claim: row, token: claims.lsn(row) });
  }
  return chosen;
}

function revokeClaim(engine: Engine, claim: ClaimRow, order: Order): void {
  const { state, events } = engine;
  const { claims, clients, resources } = state;
  const flags = claims.flags(claim);
  if ((flags & CLAIM_REVOKED) !== 0) return;
  tellOrder(engine, claim, CAUSE_REVOKED, order);
  const resource = claims.resource(claim);
  const nameSize = resources.nameSize(resource);
  const at = events.long(EVENT_REVOKED, flags & 15, claim, nameSize + order.reason.length);
  const { view } = events.buffer;
  const isBound = (flags & CLAIM_BOUND) !== 0;
  view.setUint32(at + 8, claims.client(claim), true);
  view.setFloat64(at + 24, claims.lsn(claim), true);
  view.setFloat64(
    at + 56,
    isBound ? state.now + clients.ttlMs(claims.client(claim)) : claims.wheel.deadline(claim),
    true,
  );
  writeName(engine, at, EVENT_LONG_SIZE, resource, nameSize);
  writeOrder(engine, at, order, at + EVENT_LONG_SIZE + nameSize);
  engine.happenedToRow(at);
}

function forceClaim(engine: Engine, claim: ClaimRow, order: Order): void {
  tellOrder(engine, claim, CAUSE_FORCED, order);
  endUnasked(engine, claim, engine.state.claims.flags(claim) & 15, order);
}

/** Tells the claim's session, and why. */
function tellOrder(
  engine: Engine,
  claim: ClaimRow,
  cause: typeof CAUSE_REVOKED | typeof CAUSE_FORCED,
  order: Order,
): void {
  const { state, replies } = engine;
  if (!state.clients.isSession(state.claims.client(claim))) return;
  tellEnd(engine, claim, cause);
  replies.addText(replies.end - 1, order.reason, 0, order.reason.length);
}
