/**
 * What is asked of every shard of a worker at once: to tell a session's record when a path is opened, to hear keep-alives,
 * to end a session that its client closes.
 */
import { CLAIM_BOUND } from "../words/event-kinds.js";
import { claimRow, type ClientRow } from "../words/ids.js";
import { KIND_DONE, KIND_KEPT, KIND_OPEN_SHARD } from "../words/kinds.js";
import { CLAIM_DELAYS, CLAIM_WAITS } from "../engine/claims.js";
import type { Engine } from "../engine/engine.js";
import { endSession } from "../engine/expire.js";
import { addResourceName } from "../engine/holders.js";
import { armSession, leftOf } from "../engine/sessions.js";
import { DETAIL } from "../tables/replies.js";

/** One message that concerns every shard of the worker. `path` is the connection's own, to which the answer goes. */
export type Control =
  | {
      readonly kind: "open";
      readonly id: number;
      readonly path: number;
      readonly serial: number;
      readonly opened: readonly OpenedPath[];
    }
  | {
      readonly kind: "keepalive";
      readonly id: number;
      readonly count: number;
      readonly path: number;
      readonly serial: number;
      readonly paths: readonly number[];
      /** Counts the parts of the answer: each shard adds one that it owes. */
      readonly parts: Parts;
    }
  | {
      readonly kind: "close";
      readonly id: number;
      readonly path: number;
      readonly serial: number;
      readonly closing: number;
      readonly parts: Parts;
    };

/** How many parts of an answer are still to leave. */
export interface Parts {
  readonly number: number;
  owed: number;
}

/** A path that was just opened, and what its client says it has seen: one through, then pairs from, to. */
export interface OpenedPath {
  readonly path: number;
  readonly seen: readonly number[];
}

/** A session that is being closed, and has more claims than one turn can log. */
export interface Ending {
  readonly client: ClientRow;
  readonly message: Control & { kind: "close" };
}

/**
 * Does one shard's part; what it answers wants another turn.
 * @param openedFrom the number of the first path that counts here: older ones were opened in another office
 */
export function control(engine: Engine, message: Control, openedFrom: number): Ending | undefined {
  switch (message.kind) {
    case "open":
      open(engine, message);
      return undefined;
    case "keepalive":
      keepAlive(engine, message, openedFrom);
      return undefined;
    case "close":
      return isOlder(engine, message.closing, openedFrom) ? undefined : close(engine, message);
  }
}

function isOlder({ paths }: Engine, path: number, openedFrom: number): boolean {
  return paths.serial(path) < openedFrom;
}

/** Tells what the session has here, and hears it. Nothing that it believes can rest on an older path's sendings. */
function open(engine: Engine, message: Control & { kind: "open" }): void {
  const { replies, state, paths } = engine;
  const reply = replies.add(KIND_OPEN_SHARD, message.path, message.serial, message.id);
  replies.setA(reply, engine.shard);
  replies.setB(reply, state.head);
  let known = 0;
  for (const { path, seen } of message.opened) {
    if (paths.rowOf(paths.serial(path)) !== path) continue; // Voided in the same turn: it is told about on the newer path.
    const client = state.clients.find(paths, path);
    if (client === 0 || !state.clients.isSession(client)) {
      paths.forgetClient(path, engine.shard); // What an earlier office has noted, whose answer never left.
      continue;
    }
    known++;
    tellRecord(engine, client, path, seen);
    state.clients.setHeardAt(client, state.now);
    state.clients.setHeardCount(client, 0);
    state.clients.setPath(client, path);
    state.clients.setPathSerial(client, paths.serial(path));
    paths.noteClient(path, engine.shard, client);
    armSession(engine, client);
  }
  replies.setC(reply, known);
}

/** One row for the session, then one for each claim and each outcome that its client has not seen. */
function tellRecord(engine: Engine, client: ClientRow, path: number, seen: readonly number[]): void {
  const { replies, state, paths } = engine;
  const { claims, clients, outcomes } = state;
  const head = replies.add(DETAIL, 0, 0, 0);
  let claimsTold = 0;
  for (let row = claimRow(clients.firstClaim(client)); row !== 0; row = claims.nextOfClient(row)) {
    if (claims.state(row) === CLAIM_DELAYS) continue;
    claimsTold++;
    const detail = replies.add(DETAIL, 0, 0, 0);
    const isWaiting = claims.state(row) === CLAIM_WAITS;
    const isBound = (claims.flags(row) & CLAIM_BOUND) !== 0;
    replies.setA(detail, claims.requestId(row));
    replies.setB(detail, isWaiting ? 0 : claims.lsn(row));
    replies.setC(detail, claims.flags(row) & 3);
    replies.setD(detail, !isWaiting && isBound ? -1 : leftOf(engine, row));
    replies.setE(detail, isWaiting ? 1 : 0);
    addResourceName(engine, detail, row);
  }
  let outcomesTold = 0;
  for (let row = clients.firstOutcome(client); row !== 0; row = outcomes.next(row)) {
    const requestId = outcomes.requestId(row);
    if (isSeen(seen, requestId)) continue;
    outcomesTold++;
    const detail = replies.add(DETAIL, 0, 0, 0);
    replies.setA(detail, requestId);
    replies.setB(detail, outcomes.kind(row));
    replies.setC(detail, outcomes.value(row));
  }
  replies.setA(head, paths.serial(path));
  replies.setB(head, clients.ttlMs(client));
  replies.setC(head, clients.mark(client));
  replies.setD(head, 0);
  replies.setE(head, Math.max(0, Math.floor(state.now - clients.heardAt(client))));
  replies.setF(head, claimsTold);
  replies.setId(head, outcomesTold);
}

function isSeen(seen: readonly number[], id: number): boolean {
  if (id <= (seen[0] ?? 0)) return true;
  for (let i = 1; i + 1 < seen.length; i += 2) if (id >= (seen[i] ?? 0) && id <= (seen[i + 1] ?? 0)) return true;
  return false;
}

/** Hears each session of the message that this shard knows, and tells its mark. */
function keepAlive(engine: Engine, message: Control & { kind: "keepalive" }, openedFrom: number): void {
  const { replies, state, paths } = engine;
  const { clients } = state;
  let reply = -1;
  let known = 0;
  for (const path of message.paths) {
    if (!paths.wasFoundIn(path, engine.shard) || !paths.isOpen(path)) continue;
    if (isOlder(engine, path, openedFrom)) continue;
    const client = engine.clientOnPath(path);
    if (client === 0 || !clients.isSession(client)) continue;
    if (reply < 0) reply = replies.add(KIND_KEPT, message.path, message.serial, message.id);
    clients.setHeardAt(client, state.now);
    clients.setHeardCount(client, message.count);
    const detail = replies.add(DETAIL, 0, 0, 0);
    replies.setA(detail, paths.serial(path));
    replies.setB(detail, clients.mark(client));
    known++;
  }
  if (reply < 0) return;
  message.parts.owed++;
  replies.setA(reply, message.count);
  replies.setB(reply, engine.shard);
  replies.setC(reply, state.head);
  replies.setD(reply, known);
  replies.setF(reply, message.parts.number);
}

/** Ends the session here; a part of the answer that has no bytes of its own waits for the commit. */
function close(engine: Engine, message: Control & { kind: "close" }): Ending | undefined {
  const { state, paths } = engine;
  const client = paths.isOpen(message.closing) ? state.clients.find(paths, message.closing) : state.clients.none;
  if (client === 0 || !state.clients.isSession(client)) return undefined;
  message.parts.owed++;
  return goOnEnding(engine, { client, message });
}

/** Ends more of a session that is being closed; answers it again if another turn is wanted. */
export function goOnEnding(engine: Engine, ending: Ending): Ending | undefined {
  const { client, message } = ending;
  if (engine.state.clients.isSession(client) && !endSession(engine, client, "closed")) return ending;
  const reply = engine.replies.add(KIND_DONE, message.path, message.serial, message.id);
  engine.replies.setF(reply, message.parts.number);
  return undefined;
}
