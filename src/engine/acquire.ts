/**
 * Decides one acquire: granted, busy, or a place in the queue. No reply leaves before what it rests on is committed
 * . Hot path: `make micro`.
 */
import { ASKED, CLAIM_BOUND, CLAIM_LOOSE, EVENT_ENQUEUED, EVENT_GRANTED } from "../words/event-kinds.js";
import { type ClientRow, type ResourceRow, shardMs } from "../words/ids.js";
import { KIND_BUSY, KIND_GRANTED } from "../words/kinds.js";
import { MODE_PERMIT } from "../words/mode.js";
import { copyBytes } from "../tables/byte-buffer.js";
import { EVENT_LONG_SIZE } from "../tables/events.js";
import { admits } from "./admission.js";
import type { Engine } from "./engine.js";
import { describeHolders, HOLDERS_TOLD_BUSY } from "./holders.js";
import { checkAcquire } from "./limits.js";
import { requestHash } from "./request-hash.js";
import { answerAgain, armSession, hear, seenNumbers, whoAsks, writeSeen } from "./sessions.js";

export function acquire(engine: Engine, request: number): void {
  if (!checkAcquire(engine, request)) return;
  const { inbox, state } = engine;
  const nameAt = inbox.nameAt(request);
  const nameEnd = inbox.nameEnd(request);
  const isSession = engine.isSession(request);
  let client = engine.clientOf(request);
  if (isSession && client !== 0) {
    hear(engine, client, request);
    if (answerAgain(engine, client, request)) return;
  }
  const { resources } = state;
  const hash = resources.hash(inbox.frames, nameAt, nameEnd);
  const resource = resources.find(hash, inbox.frames, nameAt, nameEnd);
  const mode = inbox.mode(request);
  const permits = mode === MODE_PERMIT ? inbox.permits(request) : 0;
  if (resource !== 0 && !sameUse(engine, request, resource, permits)) return;

  const isFree = resource === 0 || admits(engine, request, resource, client);
  const waitMs = inbox.waitMs(request);
  if (!isFree && waitMs === 0) return busy(engine, request, resource, client);
  if (!isFree && !hasPlace(engine, request, resource, client)) return;
  if (engine.refusesGrowth) {
    return engine.refuse(
      request,
      "disk-reserve-reached",
      "the disk is down to its reserve; free space on the server's disk, then retry",
    );
  }
  if (state.claims.pool.live >= state.claims.capacity) {
    return engine.refuse(
      request,
      "table-full",
      `this shard has its ${state.claims.capacity} claims; raise limits.claims_per_node_max`,
    );
  }
  client = whoAsks(engine, request, client);
  if (client === 0) return;
  if (isFree) grant(engine, request, client, resource);
  else enqueue(engine, request, client, resource);
}

/** While anyone holds or waits, a resource keeps its use: permits with one N, or exclusive and shared. */
function sameUse(engine: Engine, request: number, resource: ResourceRow, permits: number): boolean {
  const { resources } = engine.state;
  const used = resources.permits(resource);
  if (used === permits) return true;
  if (resources.firstHolder(resource) === 0 && resources.firstWaiter(resource) === 0) return true;
  const use = used === 0 ? "exclusive or shared use" : `use with ${used} permits`;
  engine.refuse(request, "mode-in-use", `the resource is in ${use}; ask for the same, or wait until nobody holds it`);
  return false;
}

function busy(engine: Engine, request: number, resource: ResourceRow, client: ClientRow): void {
  const { replies, state } = engine;
  const row = engine.answer(request, KIND_BUSY);
  const told = describeHolders(engine, resource, client, HOLDERS_TOLD_BUSY);
  replies.setA(row, told.count);
  replies.setB(row, state.resources.waiters(resource));
  replies.setC(row, told.isYours ? 1 : 0);
  replies.setD(row, delayLeft(engine, resource));
}

/** What is left of the resource's lock-delays, milliseconds. */
export function delayLeft(engine: Engine, resource: ResourceRow): number {
  const { resources, claims, now } = engine.state;
  let left = 0;
  for (let row = resources.firstDelay(resource); row !== 0; row = claims.nextRow(row)) {
    left = Math.max(left, claims.wheel.deadline(row) - now);
  }
  return Math.ceil(left);
}

function hasPlace(engine: Engine, request: number, resource: ResourceRow, client: ClientRow): boolean {
  const { limits, resources, clients } = engine.state;
  if (clients.waits(client) >= limits.unansweredPerSessionMax) {
    engine.refuse(
      request,
      "too-many-unanswered",
      `this session waits ${limits.unansweredPerSessionMax} times already; cancel some`,
    );
    return false;
  }
  const waiters = resources.waiters(resource);
  if (waiters < limits.waitersPerResourceMax) return true;
  const bound = `${waiters} wait already, limits.waiters_per_resource_max is ${limits.waitersPerResourceMax}`;
  engine.refuse(request, "too-many-waiters", `${bound}; try again later, or spread the work over more resources`);
  return false;
}

/** Writes what `granted` and `enqueued` have in common, and returns the event's offset. */
function writeClaim(engine: Engine, kind: number, request: number, client: ClientRow): number {
  const { inbox, events, state } = engine;
  const nameAt = inbox.nameAt(request);
  const nameEnd = inbox.nameEnd(request);
  const extraAt = inbox.extraAt(request);
  const extraEnd = inbox.extraEnd(request);
  const isSession = engine.isSession(request);
  const seen = isSession ? seenNumbers(engine, client, request) : 0;
  const ttlMs = inbox.ttlMs(request);
  const mode = inbox.mode(request);
  const isLoose = !isSession || inbox.isLoose(request) === 1;
  const flags = mode | (ttlMs === 0 ? CLAIM_BOUND : 0) | (isSession ? ASKED : 0) | (isLoose ? CLAIM_LOOSE : 0);
  const nameSize = nameEnd - nameAt;
  const extraSize = extraEnd - extraAt;
  const at = events.long(kind, flags, state.claims.pool.peek(), seen * 8 + nameSize + extraSize);
  const { view } = events.buffer;
  view.setUint32(at + 8, client, true);
  if (isSession) {
    view.setUint32(at + 12, requestHash(engine, request), true);
    view.setFloat64(at + 16, inbox.id(request), true);
    if (seen !== 0) writeSeen(engine, request, at, at + EVENT_LONG_SIZE, seen);
  }
  view.setFloat64(at + 24, state.now, true);
  view.setUint16(at + 32, nameSize, true);
  view.setUint16(at + 34, extraSize, true);
  view.setUint32(at + 40, ttlMs, true);
  view.setUint32(at + 44, inbox.lockDelayMs(request), true);
  view.setUint32(at + 48, mode === MODE_PERMIT ? inbox.permits(request) : 0, true);
  copyBytes(inbox.frames, nameAt, nameEnd, events.buffer, at + EVENT_LONG_SIZE + seen * 8);
  if (extraSize !== 0) {
    copyBytes(inbox.frames, extraAt, extraEnd, events.buffer, at + EVENT_LONG_SIZE + seen * 8 + nameSize);
  }
  return at;
}

function grant(engine: Engine, request: number, client: ClientRow, resource: ResourceRow): void {
  const { inbox, events, state, replies } = engine;
  const at = writeClaim(engine, EVENT_GRANTED, request, client);
  const ttlMs = inbox.ttlMs(request);
  if (ttlMs !== 0) events.buffer.view.setFloat64(at + 56, state.now + ttlMs, true);
  const token = engine.happened(at, resource); // The LSN of the grant is its fencing token (R-4, INV-2).
  const row = engine.answer(request, KIND_GRANTED);
  replies.setA(row, token);
  replies.setB(row, ttlMs);
}

function enqueue(engine: Engine, request: number, client: ClientRow, resource: ResourceRow): void {
  const { inbox, events, state, counters } = engine;
  const at = writeClaim(engine, EVENT_ENQUEUED, request, client);
  const deadline = shardMs(state.now + inbox.waitMs(request));
  events.buffer.view.setFloat64(at + 56, deadline, true);
  engine.happened(at, resource);
  counters.waited++;
  armSession(engine, client);
}
