/** Decides one release, and hands the resource on. Hot path: `make micro`. */
import { ASKED, EVENT_RELEASED } from "../words/event-kinds.js";
import type { ClaimRow, ClientRow } from "../words/ids.js";
import { KIND_NOT_HELD, KIND_RELEASED } from "../words/kinds.js";
import { EVENT_SHORT_SIZE } from "../tables/events.js";
import type { Engine } from "./engine.js";
import { requestHash } from "./request-hash.js";
import { findHeld } from "./held.js";
import { settle, writeName } from "./queue.js";
import { answerAgain, hasRoomForOutcome, hear, seenNumbers, writeSeen } from "./sessions.js";

export function release(engine: Engine, request: number): void {
  const client = engine.clientOf(request);
  if (engine.isSession(request) && client !== 0) {
    hear(engine, client, request);
    if (answerAgain(engine, client, request)) return;
    if (!hasRoomForOutcome(engine, client, request)) return;
  }
  const claim = findHeld(engine, request, client);
  if (claim === 0) {
    engine.answer(request, KIND_NOT_HELD);
    return;
  }
  releaseClaim(engine, claim, request, client);
  engine.answer(request, KIND_RELEASED);
}

/**
 * Logs the release of a claim and grants the next. `asker` is who released it, not always its holder: a loose claim is
 * its principal's. Its outcome is the asker's, if that is a session known here. `request` 0: its session was closed.
 */
export function releaseClaim(engine: Engine, claim: ClaimRow, request: number, asker: ClientRow): void {
  const { state, events, inbox } = engine;
  const { claims, resources } = state;
  const resource = claims.resource(claim);
  const isAsked = request !== 0 && asker !== 0 && engine.isSession(request);
  const nameSize = resources.nameSize(resource);
  const seen = isAsked ? seenNumbers(engine, asker, request) : 0;
  const at = events.short(EVENT_RELEASED, isAsked ? ASKED : 0, claim, seen * 8 + nameSize);
  const { view } = events.buffer;
  view.setUint32(at + 8, isAsked ? asker : claims.client(claim), true);
  view.setFloat64(at + 24, claims.lsn(claim), true);
  if (isAsked) {
    view.setUint32(at + 12, requestHash(engine, request), true);
    view.setFloat64(at + 16, inbox.id(request), true);
    if (seen !== 0) writeSeen(engine, request, at, at + EVENT_SHORT_SIZE, seen);
  }
  writeName(engine, at, EVENT_SHORT_SIZE, resource, nameSize);
  const isContended = resources.firstWaiter(resource) !== 0;
  engine.happenedToRow(at);
  if (isContended) settle(engine, resource);
}
