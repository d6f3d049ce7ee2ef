/** Answers who holds a resource, and why somebody waits: check and position. They change nothing. Hot path. */
import { type ClaimRow } from "../words/ids.js";
import { KIND_CHECKED, KIND_NOT_WAITING, KIND_POSITION } from "../words/kinds.js";
import { delayLeft } from "./acquire.js";
import { CLAIM_WAITS } from "./claims.js";
import type { Engine } from "./engine.js";
import { resourceOf } from "./held.js";
import { describeHolders, HOLDERS_TOLD_BUSY, HOLDERS_TOLD_CHECK, isWordy } from "./holders.js";
import { claimOfRequest, hear } from "./sessions.js";

export function check(engine: Engine, request: number): void {
  const client = engine.clientOf(request);
  if (engine.isSession(request) && client !== 0) hear(engine, client, request);
  const resource = resourceOf(engine, request);
  const row = engine.answer(request, KIND_CHECKED);
  if (resource === 0) return;
  const { replies, state } = engine;
  const max = isWordy(replies) ? HOLDERS_TOLD_BUSY : HOLDERS_TOLD_CHECK;
  const { count } = describeHolders(engine, resource, client, max); // First: it may replace the column.
  replies.setA(row, count);
  replies.setB(row, state.resources.waiters(resource));
  replies.setC(row, delayLeft(engine, resource));
}

/** Why am I waiting: the place in the queue (1 is next), for how long, and who holds. Walks the queue before it. */
export function position(engine: Engine, request: number): void {
  const { replies, state } = engine;
  const { claims } = state;
  const client = engine.clientOf(request);
  if (engine.isSession(request) && client !== 0) hear(engine, client, request);
  const row = waitOf(engine, request);
  if (row === 0) {
    engine.answer(request, KIND_NOT_WAITING);
    return;
  }
  let place = 1;
  for (let before = claims.previous(row); before !== 0; before = claims.previous(before)) place++;
  const reply = engine.answer(request, KIND_POSITION);
  const { count } = describeHolders(engine, claims.resource(row), engine.clientOf(request), HOLDERS_TOLD_BUSY);
  replies.setA(reply, count);
  replies.setB(reply, place);
  replies.setC(reply, Math.max(0, Math.floor(state.now - claims.since(row))));
}

/** The wait of the asking session's request that `token` names, 0 if it does not wait. */
function waitOf(engine: Engine, request: number): ClaimRow {
  const client = engine.clientOf(request);
  const none = engine.state.claims.none;
  if (client === 0 || !engine.isSession(request)) return none;
  const row = claimOfRequest(engine, client, engine.inbox.token(request));
  return row !== 0 && engine.state.claims.state(row) === CLAIM_WAITS ? row : none;
}
