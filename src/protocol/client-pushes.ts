/**
 * Reads what a server says unasked (PROTOCOL §6).
 */
import {
  CAUSE_EXPIRED,
  CAUSE_FORCED,
  CAUSE_REVOKED,
  CAUSE_SESSION_ENDED,
  KIND_CLAIM_ENDED,
  KIND_EVENT,
  KIND_GOING_AWAY,
  KIND_IN_USE_ELSEWHERE,
  KIND_RESYNC,
  KIND_SESSION_ENDED,
  WATCH_EXPIRED,
  WATCH_FORCED,
  WATCH_GRANTED,
  WATCH_RELEASED,
  WATCH_REVOKED,
} from "../words/kinds.js";
import { readListed, readMode } from "./client-holders.js";
import { type Fields, ProtocolError } from "./fields.js";
import type { EndCause, Push, WatchedKind } from "./server-messages.js";

const CAUSES: ReadonlyMap<number, EndCause> = new Map<number, EndCause>([
  [CAUSE_EXPIRED, "expired"],
  [CAUSE_REVOKED, "revoked"],
  [CAUSE_FORCED, "forced"],
  [CAUSE_SESSION_ENDED, "session-ended"],
]);

const WATCHED: ReadonlyMap<number, WatchedKind> = new Map<number, WatchedKind>([
  [WATCH_GRANTED, "granted"],
  [WATCH_RELEASED, "released"],
  [WATCH_EXPIRED, "expired"],
  [WATCH_FORCED, "forced"],
  [WATCH_REVOKED, "revoked"],
]);

/** The push; undefined if `number` names none. @throws ProtocolError if it has not the shape of its kind. */
export function readPush(number: number, fields: Fields): Push | undefined {
  switch (number) {
    case KIND_CLAIM_ENDED:
      return {
        kind: "claim-ended",
        shard: fields.count(1),
        mark: fields.count(2),
        token: fields.count(3),
        resource: fields.text(4),
        cause: named(CAUSES, fields.count(5), "cause"),
        reason: fields.textOrEmpty(6),
      };
    case KIND_SESSION_ENDED:
      return { kind: "session-ended", shard: fields.count(1), mark: fields.count(2) };
    case KIND_EVENT:
      return readEvent(fields);
    case KIND_RESYNC:
      return {
        kind: "resync",
        watchId: fields.count(1),
        cursor: fields.text(2),
        claims: fields.rows(3).map(readListed),
      };
    case KIND_IN_USE_ELSEWHERE:
      return { kind: "in-use-elsewhere", path: fields.count(1) };
    case KIND_GOING_AWAY:
      return { kind: "going-away", reason: fields.textOrEmpty(1) };
    default:
      return undefined;
  }
}

function readEvent(fields: Fields): Push {
  return {
    kind: "event",
    watchId: fields.count(1),
    event: named(WATCHED, fields.count(2), "event"),
    resource: fields.text(3),
    lsn: fields.count(4),
    token: fields.count(5),
    mode: readMode(fields, 6),
    client: fields.text(7),
    principal: fields.text(8),
    cursor: fields.text(9),
  };
}

function named<Name>(names: ReadonlyMap<number, Name>, number: number, what: string): Name {
  const name = names.get(number);
  if (name === undefined) throw new ProtocolError(`malformed: ${number} is no ${what}`);
  return name;
}
