/** Decides one cancel of a wait: the wait ends, or was granted already, and then the client releases (system.md §4). */
import { ASKED, EVENT_CANCELLED } from "../words/event-kinds.js";
import type { ClaimRow, ClientRow } from "../words/ids.js";
import { KIND_ALREADY_GRANTED, KIND_CANCELLED, KIND_NOT_WAITING } from "../words/kinds.js";
import { EVENT_LONG_SIZE } from "../tables/events.js";
import { CLAIM_HOLDS, CLAIM_WAITS } from "./claims.js";
import type { Engine } from "./engine.js";
import { requestHash } from "./request-hash.js";
import { settle, writeName } from "./queue.js";
import { answerAgain, claimOfRequest, hasRoomForOutcome, hear, seenNumbers, writeSeen } from "./sessions.js";

export function cancel(engine: Engine, request: number): void {
  const { state, inbox, replies } = engine;
  const client = engine.clientOf(request);
  if (!engine.isSession(request)) {
    return engine.refuse(request, "session-needs-path", "only a session waits, so only a session can cancel");
  }
  if (client !== 0) {
    hear(engine, client, request);
    if (answerAgain(engine, client, request)) return;
  }
  const claim = client === 0 ? state.claims.none : claimOfRequest(engine, client, inbox.token(request));
  const kind = claim === 0 ? 0 : state.claims.state(claim);
  if (kind === CLAIM_HOLDS) {
    const row = engine.answer(request, KIND_ALREADY_GRANTED);
    replies.setA(row, state.claims.lsn(claim));
    return;
  }
  if (kind !== CLAIM_WAITS) {
    engine.answer(request, KIND_NOT_WAITING);
    return;
  }
  if (!hasRoomForOutcome(engine, client, request)) return;
  const { resources } = state;
  const resource = state.claims.resource(claim);
  const isFirst = resources.firstWaiter(resource) === claim;
  cancelWait(engine, claim, request, client);
  if (isFirst && resources.firstWaiter(resource) !== 0) settle(engine, resource);
  engine.answer(request, KIND_CANCELLED);
}

/** Logs the end of a wait that its session does not want any more; the caller hands the resource on. `request` 0: closed. */
export function cancelWait(engine: Engine, claim: ClaimRow, request: number, client: ClientRow): void {
  const { state, events, inbox } = engine;
  const { claims, resources } = state;
  const resource = claims.resource(claim);
  const nameSize = resources.nameSize(resource);
  const isAsked = request !== 0;
  const seen = isAsked ? seenNumbers(engine, client, request) : 0;
  const at = events.long(EVENT_CANCELLED, isAsked ? ASKED : 0, claim, seen * 8 + nameSize);
  const { view } = events.buffer;
  const waitId = claims.requestId(claim);
  view.setUint32(at + 8, client, true);
  view.setFloat64(at + 24, waitId, true);
  view.setUint32(at + 48, claims.requestHash(claim), true);
  if (isAsked) {
    view.setUint32(at + 12, requestHash(engine, request), true);
    view.setFloat64(at + 16, inbox.id(request), true);
    if (seen !== 0) writeSeen(engine, request, at, at + EVENT_LONG_SIZE, seen);
  }
  writeName(engine, at, EVENT_LONG_SIZE, resource, nameSize);
  engine.tell(client, KIND_CANCELLED, waitId);
  engine.happenedToRow(at);
}
