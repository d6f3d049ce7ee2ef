/**
 * Replies that may leave, from rows to bytes of a client's frame. One function for each shape; a row's columns mean what
 * the one who wrote it says (engine/, shard/control.ts). Hot path: `make micro`.
 */
import { BrokenInvariant, outOfRange } from "../words/assert.js";
import { type FaultCode, faultCode } from "../words/faults.js";
import {
  KIND_ABANDONED,
  KIND_ALREADY_GRANTED,
  KIND_BUSY,
  KIND_CANCELLED,
  KIND_CHECKED,
  KIND_CLAIM_ENDED,
  KIND_DONE,
  KIND_FAULT,
  KIND_GRANTED,
  KIND_GROUP,
  KIND_KEPT,
  KIND_LISTED,
  KIND_NOT_HELD,
  KIND_NOT_WAITING,
  KIND_OPEN_SHARD,
  KIND_POSITION,
  KIND_RELEASED,
  KIND_RENEWED,
  KIND_REVOKED,
  KIND_SESSION_ENDED,
  KIND_TIMED_OUT,
} from "../words/kinds.js";
import type { Replies } from "../tables/replies.js";
import { listCursor } from "./cursors.js";
import type { FrameWriter } from "./writer.js";

/** What an encoder needs to know beside the row. */
export interface ReplyContext {
  readonly shard: number;
  readonly shards: number;
}

/** Writes the GROUP header of a session's path, or of none (0), if the frame is not in that group already. */
export function encodeGroup(writer: FrameWriter, path: number): void {
  if (writer.group === path || (path === 0 && writer.group === -1)) return;
  writer.message(2, KIND_GROUP);
  writer.integer(path);
  writer.group = path;
}

/** Writes a fault that no shard said, in the group of a session's path or in none (0). An id below 0 is told as 0. */
export function encodeFault(writer: FrameWriter, path: number, id: number, code: FaultCode, message: string): void {
  encodeGroup(writer, path);
  writer.message(4, KIND_FAULT);
  writer.integer(Math.max(0, id));
  writer.string(code);
  writer.string(message);
}

/** Writes the reply in `row`; returns the row behind it and its details. */
export function encodeReply(replies: Replies, row: number, writer: FrameWriter, context: ReplyContext): number {
  const kind = replies.kind(row);
  const id = replies.id(row);
  switch (kind) {
    case KIND_GRANTED:
      return granted(replies, row, writer, id);
    case KIND_RELEASED:
    case KIND_NOT_HELD:
    case KIND_CANCELLED:
    case KIND_ABANDONED:
    case KIND_NOT_WAITING:
      writer.message(2, kind);
      writer.integer(id);
      return row + 1;
    case KIND_RENEWED:
      return numbers(replies, row, writer, 2);
    case KIND_REVOKED:
    case KIND_ALREADY_GRANTED:
    case KIND_DONE:
      return numbers(replies, row, writer, 1);
    case KIND_TIMED_OUT:
      return timedOut(replies, row, writer);
    case KIND_BUSY:
    case KIND_CHECKED:
    case KIND_POSITION:
      return withHolders(replies, row, writer, kind);
    case KIND_FAULT:
      return fault(replies, row, writer);
    case KIND_LISTED:
      return listed(replies, row, writer, context);
    case KIND_OPEN_SHARD:
      return openShard(replies, row, writer);
    case KIND_KEPT:
      return kept(replies, row, writer);
    case KIND_CLAIM_ENDED:
      return claimEnded(replies, row, writer, context);
    case KIND_SESSION_ENDED:
      writer.message(3, kind);
      writer.integer(context.shard);
      writer.integer(replies.a(row));
      return row + 1;
    default:
      throw new BrokenInvariant(`protocol: no encoding for answers of kind ${kind}`);
  }
}

function granted(replies: Replies, row: number, writer: FrameWriter, id: number): number {
  const waited = replies.c(row);
  writer.message(waited === 0 ? 5 : 8, KIND_GRANTED);
  writer.integer(id);
  writer.integer(replies.a(row));
  writer.integer(replies.b(row));
  writer.integer(waited);
  if (waited === 0) return row + 1;
  writer.integer(replies.d(row));
  writer.integer(replies.e(row));
  writer.integer(replies.f(row));
  return row + 1;
}

/** An answer of its id and the first columns. */
function numbers(replies: Replies, row: number, writer: FrameWriter, count: 1 | 2): number {
  writer.message(2 + count, replies.kind(row));
  writer.integer(replies.id(row));
  writer.integer(replies.a(row));
  if (count === 2) writer.integer(replies.b(row));
  return row + 1;
}

function withHolders(replies: Replies, row: number, writer: FrameWriter, kind: number): number {
  const count = replies.a(row);
  writer.message(kind === KIND_BUSY ? 6 : 5, kind);
  writer.integer(replies.id(row));
  if (kind === KIND_POSITION) {
    writer.integer(replies.b(row));
    writer.integer(replies.c(row));
  }
  writer.array(count);
  for (let i = 1; i <= count; i++) holder(replies, row + i, writer);
  if (kind === KIND_POSITION) return row + 1 + count;
  writer.integer(replies.b(row));
  writer.integer(replies.c(row));
  if (kind === KIND_BUSY) writer.integer(replies.d(row));
  return row + 1 + count;
}

function timedOut(replies: Replies, row: number, writer: FrameWriter): number {
  const count = replies.a(row);
  writer.message(5, KIND_TIMED_OUT);
  writer.integer(replies.id(row));
  writer.integer(replies.b(row));
  writer.array(count);
  for (let i = 1; i <= count; i++) holder(replies, row + i, writer);
  writer.integer(replies.c(row));
  return row + 1 + count;
}

const HEX = new TextEncoder().encode("0123456789abcdef");
const publicId = new Uint8Array(16);

/** [mode, token, heldMs, leftMs, principal, client, address, metadata, renewCount, permits] */
function holder(replies: Replies, row: number, writer: FrameWriter): void {
  writer.array(10);
  writer.integer(replies.a(row));
  writer.integer(replies.b(row));
  writer.integer(replies.c(row));
  writer.integer(replies.d(row));
  let at = replies.textAt(row);
  at = prefixed(replies, at, writer);
  const isSession = replies.serial(row) === 1;
  hexDigits(replies.path(row), 0);
  hexDigits(replies.id(row), 8);
  writer.text(publicId, 0, isSession ? 16 : 0);
  at = prefixed(replies, at, writer);
  prefixed(replies, at, writer);
  writer.integer(replies.e(row));
  writer.integer(replies.f(row));
}
function hexDigits(value: number, at: number): void {
  for (let i = 0; i < 8; i++) publicId[at + i] = HEX[(value >>> (28 - i * 4)) & 15] ?? outOfRange(i);
}
/** Writes one of the length-prefixed strings of a row's text; returns where the next is. */
function prefixed(replies: Replies, at: number, writer: FrameWriter): number {
  const { bytes } = replies.text;
  const start = at + 2;
  const end = start + (bytes[at] ?? outOfRange(at)) + (bytes[at + 1] ?? outOfRange(at)) * 256;
  writer.text(bytes, start, end);
  return end;
}

function ownText(replies: Replies, row: number, writer: FrameWriter): void {
  writer.text(replies.text.bytes, replies.textAt(row), replies.textEnd(row));
}

function fault(replies: Replies, row: number, writer: FrameWriter): number {
  writer.message(4, KIND_FAULT);
  writer.integer(replies.id(row));
  writer.string(faultCode(replies.a(row)));
  ownText(replies, row, writer);
  return row + 1;
}

function listed(replies: Replies, row: number, writer: FrameWriter, context: ReplyContext): number {
  const count = replies.a(row);
  writer.message(4, KIND_LISTED);
  writer.integer(replies.id(row));
  writer.array(count);
  for (let i = 0; i < count; i++) {
    const head = row + 1 + i * 2;
    writer.array(3);
    ownText(replies, head, writer);
    writer.integer(replies.a(head));
    holder(replies, head + 1, writer);
  }
  const cursor = listCursor(context.shard, replies.b(row), context.shards);
  if (cursor === undefined) writer.nil();
  else writer.string(cursor);
  return row + 1 + count * 2;
}

function openShard(replies: Replies, row: number, writer: FrameWriter): number {
  const sessions = replies.c(row);
  writer.message(5, KIND_OPEN_SHARD);
  writer.integer(replies.id(row));
  writer.integer(replies.a(row));
  writer.integer(replies.b(row));
  writer.array(sessions);
  let at = row + 1;
  for (let i = 0; i < sessions; i++) at = sessionRecord(replies, at, writer);
  return at;
}

/** [path, ttlMs, mark, heardCount, ageMs, claims, outcomes] */
function sessionRecord(replies: Replies, row: number, writer: FrameWriter): number {
  const claims = replies.f(row);
  const outcomes = replies.id(row);
  writer.array(7);
  writer.integer(replies.a(row));
  writer.integer(replies.b(row));
  writer.integer(replies.c(row));
  writer.integer(replies.d(row));
  writer.integer(replies.e(row));
  writer.array(claims);
  let at = row + 1;
  for (let i = 0; i < claims; i++, at++) {
    writer.array(6);
    writer.integer(replies.a(at));
    writer.integer(replies.b(at));
    ownText(replies, at, writer);
    writer.integer(replies.c(at));
    writer.integer(replies.d(at));
    writer.integer(replies.e(at));
  }
  writer.array(outcomes);
  for (let i = 0; i < outcomes; i++, at++) {
    writer.array(3);
    writer.integer(replies.a(at));
    writer.integer(replies.b(at));
    writer.integer(replies.c(at));
  }
  return at;
}

function kept(replies: Replies, row: number, writer: FrameWriter): number {
  const sessions = replies.d(row);
  writer.message(6, KIND_KEPT);
  writer.integer(replies.id(row));
  writer.integer(replies.a(row));
  writer.integer(replies.b(row));
  writer.integer(replies.c(row));
  writer.array(sessions * 2);
  for (let i = 1; i <= sessions; i++) {
    writer.integer(replies.a(row + i));
    writer.integer(replies.b(row + i));
  }
  return row + 1 + sessions;
}

/** The text is the resource and, behind it, the reason; d says where the resource ends. */
function claimEnded(replies: Replies, row: number, writer: FrameWriter, context: ReplyContext): number {
  const { bytes } = replies.text;
  const start = replies.textAt(row);
  const split = start + replies.d(row);
  writer.message(7, KIND_CLAIM_ENDED);
  writer.integer(context.shard);
  writer.integer(replies.a(row));
  writer.integer(replies.b(row));
  writer.text(bytes, start, split);
  writer.integer(replies.c(row));
  writer.text(bytes, split, replies.textEnd(row));
  return row + 1;
}
