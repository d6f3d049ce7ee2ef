/**
 * Reads the answers to requests (PROTOCOL §5).
 */
import {
  KIND_ABANDONED,
  KIND_ALREADY_GRANTED,
  KIND_BUSY,
  KIND_CANCELLED,
  KIND_CHECKED,
  KIND_DONE,
  KIND_FAULT,
  KIND_GRANTED,
  KIND_LISTED,
  KIND_MOVED,
  KIND_NOT_HELD,
  KIND_NOT_WAITING,
  KIND_POSITION,
  KIND_RELEASED,
  KIND_RENEWED,
  KIND_REVOKED,
  KIND_STATUS,
  KIND_TIMED_OUT,
  KIND_WATCHING,
} from "../words/kinds.js";
import { readHolder, readListed } from "./client-holders.js";
import { readMap } from "./client-map.js";
import type { Fields } from "./fields.js";
import type { Answer } from "./server-messages.js";

/** The answer; undefined if `number` names none. @throws ProtocolError if it has not the shape of its kind. */
export function readAnswer(number: number, fields: Fields): Answer | undefined {
  return readOfAcquire(number, fields) ?? readOfHolder(number, fields) ?? readOfObserver(number, fields);
}

function readOfAcquire(number: number, fields: Fields): Answer | undefined {
  switch (number) {
    case KIND_GRANTED:
      return {
        kind: "granted",
        id: fields.count(1),
        token: fields.count(2),
        ttlMs: fields.count(3),
        waited: fields.flag(4),
        leftMs: fields.leftMs(5),
        heardCount: fields.countOrZero(6),
        ageMs: fields.countOrZero(7),
      };
    case KIND_BUSY:
      return {
        kind: "busy",
        id: fields.count(1),
        holders: fields.rows(2).map(readHolder),
        waiters: fields.count(3),
        yours: fields.flag(4),
        delayMs: fields.count(5),
      };
    case KIND_TIMED_OUT:
      return readTimedOut(fields);
    case KIND_CANCELLED:
      return { kind: "cancelled", id: fields.count(1) };
    case KIND_ABANDONED:
      return { kind: "abandoned", id: fields.count(1) };
    case KIND_ALREADY_GRANTED:
      return { kind: "already-granted", id: fields.count(1), token: fields.count(2) };
    case KIND_NOT_WAITING:
      return { kind: "not-waiting", id: fields.count(1) };
    default:
      return undefined;
  }
}

/** Older servers tell the id alone. */
function readTimedOut(fields: Fields): Answer {
  const id = fields.count(1);
  if (fields.size < 5) return { kind: "timed-out", id, seen: undefined };
  const position = fields.count(2);
  const seen = { holders: fields.rows(3).map(readHolder), waiters: fields.count(4) };
  return { kind: "timed-out", id, seen: { ...seen, position: position === 0 ? undefined : position } };
}

function readOfHolder(number: number, fields: Fields): Answer | undefined {
  switch (number) {
    case KIND_RELEASED:
      return { kind: "released", id: fields.count(1) };
    case KIND_NOT_HELD:
      return { kind: "not-held", id: fields.count(1) };
    case KIND_RENEWED:
      return { kind: "renewed", id: fields.count(1), ttlMs: fields.count(2), leftMs: fields.count(3) };
    case KIND_REVOKED:
      return { kind: "revoked", id: fields.count(1), leftMs: fields.count(2) };
    case KIND_DONE:
      return { kind: "done", id: fields.count(1), count: fields.countOrZero(2) };
    case KIND_FAULT:
      return { kind: "fault", id: fields.count(1), code: fields.text(2), message: fields.textOrEmpty(3) };
    case KIND_MOVED:
      return { kind: "moved", id: fields.count(1), map: readMap(fields.map(2)) };
    default:
      return undefined;
  }
}

function readOfObserver(number: number, fields: Fields): Answer | undefined {
  switch (number) {
    case KIND_CHECKED:
      return {
        kind: "checked",
        id: fields.count(1),
        holders: fields.rows(2).map(readHolder),
        waiters: fields.count(3),
        delayMs: fields.count(4),
      };
    case KIND_POSITION:
      return {
        kind: "position",
        id: fields.count(1),
        position: fields.count(2),
        waitedMs: fields.count(3),
        holders: fields.rows(4).map(readHolder),
      };
    case KIND_LISTED:
      return {
        kind: "listed",
        id: fields.count(1),
        claims: fields.rows(2).map(readListed),
        cursor: fields.textOrNone(3),
      };
    case KIND_WATCHING:
      return { kind: "watching", id: fields.count(1), cursor: fields.text(2) };
    case KIND_STATUS:
      return { kind: "status", id: fields.count(1), json: fields.text(2) };
    default:
      return undefined;
  }
}
