/** Reads the rows of a reply back as plain values; what the columns mean is told in PROTOCOL.md and engine/holders.ts. */
import { DETAIL, type Replies } from "../../src/tables/replies.js";

/** One row. */
export interface ReplyRow {
  readonly kind: number;
  readonly lsn: number;
  readonly path: number;
  readonly serial: number;
  readonly id: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
  readonly e: number;
  readonly f: number;
  readonly text: Uint8Array;
}

export interface Reply extends ReplyRow {
  readonly details: readonly ReplyRow[];
}

/** A holder or waiter as busy, check, position and list tell it. */
export interface ToldClaim {
  readonly mode: number;
  readonly token: number;
  readonly heldMs: number;
  /** -1: bound to its session. */
  readonly leftMs: number;
  readonly renewals: number;
  readonly permits: number;
  readonly isSession: boolean;
  readonly publicId: number;
  readonly principal: string;
  readonly address: string;
  readonly metadata: string;
}

/** The reply in `row` and the details behind it. */
export function readReply(replies: Replies, row: number): Reply {
  const details: ReplyRow[] = [];
  for (let next = row + 1; next < replies.end && replies.kind(next) === DETAIL; next++)
    details.push(readRow(replies, next));
  return { ...readRow(replies, row), details };
}

function readRow(replies: Replies, row: number): ReplyRow {
  return {
    kind: replies.kind(row),
    lsn: replies.lsn(row),
    path: replies.path(row),
    serial: replies.serial(row),
    id: replies.id(row),
    a: replies.a(row),
    b: replies.b(row),
    c: replies.c(row),
    d: replies.d(row),
    e: replies.e(row),
    f: replies.f(row),
    text: replies.text.bytes.slice(replies.textAt(row), replies.textEnd(row)),
  };
}

const decoder = new TextDecoder();

/** The text of a row, from byte `start` to `end`. */
export function textOf(row: ReplyRow, start: number = 0, end: number = row.text.length): string {
  return decoder.decode(row.text.subarray(start, end));
}

/** A detail that tells a claim. */
export function readClaim(row: ReplyRow): ToldClaim {
  const [principal = "", address = "", metadata = ""] = prefixedStrings(row.text);
  return {
    mode: row.a,
    token: row.b,
    heldMs: row.c,
    leftMs: row.d,
    renewals: row.e,
    permits: row.f,
    isSession: row.serial === 1,
    publicId: row.path,
    principal,
    address,
    metadata,
  };
}

function prefixedStrings(bytes: Uint8Array): string[] {
  const strings: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 2 + (bytes[at] ?? 0) + (bytes[at + 1] ?? 0) * 256;
    strings.push(decoder.decode(bytes.subarray(at + 2, end)));
    at = end;
  }
  return strings;
}
