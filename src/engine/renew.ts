/** Decides one renewal: it never shortens a lease, and a revoked claim is not renewed. Hot path: `make micro`. */
import { ASKED, CLAIM_BOUND, EVENT_RENEWED } from "../words/event-kinds.js";
import { KIND_NOT_HELD, KIND_RENEWED, KIND_REVOKED } from "../words/kinds.js";
import { EVENT_LONG_SIZE } from "../tables/events.js";
import { CLAIM_REVOKED } from "./claims.js";
import type { Engine } from "./engine.js";
import { requestHash } from "./request-hash.js";
import { findHeld } from "./held.js";
import { checkTtl } from "./limits.js";
import { writeName } from "./queue.js";
import { answerAgain, hasRoomForOutcome, hear, leftOf, seenNumbers, writeSeen } from "./sessions.js";

export function renew(engine: Engine, request: number): void {
  const { state, events, inbox, replies } = engine;
  const { claims, resources } = state;
  const asked = inbox.ttlMs(request);
  if (asked !== 0 && !checkTtl(engine, request, asked)) return;
  const client = engine.clientOf(request);
  const isSession = engine.isSession(request);
  if (isSession && client !== 0) {
    hear(engine, client, request);
    if (answerAgain(engine, client, request)) return;
    if (!hasRoomForOutcome(engine, client, request)) return;
  }
  const claim = findHeld(engine, request, client);
  if (claim === 0) {
    engine.answer(request, KIND_NOT_HELD);
    return;
  }
  if ((claims.flags(claim) & CLAIM_REVOKED) !== 0) {
    const row = engine.answer(request, KIND_REVOKED);
    replies.setA(row, leftOf(engine, claim));
    return;
  }
  const isBound = (claims.flags(claim) & CLAIM_BOUND) !== 0;
  const ttlMs = isBound ? 0 : asked !== 0 ? asked : claims.ttlMs(claim);
  const deadline = isBound ? 0 : Math.max(claims.wheel.deadline(claim), state.now + ttlMs);
  const resource = claims.resource(claim);
  const nameSize = resources.nameSize(resource);
  const isAsked = isSession && client !== 0; // Else a session that this shard does not know renews a loose claim.
  const seen = isAsked ? seenNumbers(engine, client, request) : 0;
  const at = events.long(EVENT_RENEWED, isAsked ? ASKED : 0, claim, seen * 8 + nameSize);
  const { view } = events.buffer;
  view.setUint32(at + 8, isAsked ? client : claims.client(claim), true);
  if (isAsked) {
    view.setUint32(at + 12, requestHash(engine, request), true);
    view.setFloat64(at + 16, inbox.id(request), true);
    if (seen !== 0) writeSeen(engine, request, at, at + EVENT_LONG_SIZE, seen);
  }
  view.setFloat64(at + 24, claims.lsn(claim), true);
  view.setUint32(at + 40, ttlMs, true);
  view.setFloat64(at + 56, deadline, true);
  writeName(engine, at, EVENT_LONG_SIZE, resource, nameSize);
  engine.happenedToRow(at);
  const row = engine.answer(request, KIND_RENEWED);
  replies.setA(row, ttlMs);
  replies.setB(row, leftOf(engine, claim));
}
