/**
 * Reads the bytes of a stored batch into plain values for the checkers, because they must judge what the log says and
 * not what the engine thinks that it wrote. Only the readers and the picture in src/tables/events.ts are relied on.
 */
import {
  CLIENT_SESSION,
  EVENT_ABANDONED,
  EVENT_BEGAN,
  EVENT_DELAY_ENDED,
  EVENT_ERA_BEGAN,
  EVENT_RELEASED,
  EVENT_SESSION_ENDED,
  EVENT_TIME,
  EVENT_TIMED_OUT,
} from "../../src/words/event-kinds.js";
import {
  ENTRY_HEADER_SIZE,
  EVENT_LONG_SIZE,
  EVENT_SHORT_SIZE,
  eventClient,
  eventFlags,
  eventKind,
  eventNameSize,
  eventRequestId,
  eventRow,
  eventSeenCount,
  eventSize,
  eventToken,
} from "../../src/tables/events.js";

/** One event as the log has it; fields that its kind does not have are 0 or "". */
export interface LoggedEvent {
  readonly kind: number;
  readonly lsn: number;
  /** Shard time of its entry, milliseconds. */
  readonly stamp: number;
  readonly flags: number;
  readonly row: number;
  readonly client: number;
  readonly requestId: number;
  /** The claim's own LSN; for what begins a claim, the shard time at which it did. */
  readonly token: number;
  /** The resource; for `began`, the principal. */
  readonly name: string;
  /** For `began` of a session, its key as hexadecimal digits. */
  readonly key: string;
  readonly ttlMs: number;
  readonly lockDelayMs: number;
  readonly permits: number;
  /** Row of the client who ordered a forced end or a revocation. */
  readonly asker: number;
  /** Of a lease, a wait or a lock-delay, shard time; 0: none. */
  readonly deadline: number;
}

/** One shard's part of a batch. */
export interface LoggedEntry {
  readonly shard: number;
  readonly firstLsn: number;
  readonly lastLsn: number;
  readonly epoch: number;
  readonly stamp: number;
  readonly checksum: number;
  readonly previousLsn: number;
  readonly previousChecksum: number;
  readonly events: readonly LoggedEvent[];
}

const SHORT = new Set([
  EVENT_RELEASED,
  EVENT_TIMED_OUT,
  EVENT_ABANDONED,
  EVENT_DELAY_ENDED,
  EVENT_SESSION_ENDED,
  EVENT_TIME,
  EVENT_ERA_BEGAN,
]);
const KEY_SIZE = 16;

/** The entries of one batch, in its order. */
export function readBatch(bytes: Uint8Array): readonly LoggedEntry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries: LoggedEntry[] = [];
  for (let at = 0; at < bytes.length; at += view.getUint32(at, true)) entries.push(readEntry(bytes, view, at));
  return entries;
}

function readEntry(bytes: Uint8Array, view: DataView, at: number): LoggedEntry {
  const firstLsn = view.getFloat64(at + 8, true);
  const count = view.getUint32(at + 16, true);
  const stamp = view.getFloat64(at + 24, true);
  const events: LoggedEvent[] = [];
  let event = at + ENTRY_HEADER_SIZE;
  for (let index = 0; index < count; index++) {
    events.push(readEvent(bytes, view, event, { lsn: firstLsn + index, stamp }));
    event += eventSize(view, event);
  }
  return {
    shard: view.getUint32(at + 4, true),
    firstLsn,
    lastLsn: firstLsn + count - 1,
    epoch: view.getUint32(at + 20, true),
    stamp,
    checksum: view.getUint32(at + 60, true),
    previousLsn: view.getFloat64(at + 40, true),
    previousChecksum: view.getUint32(at + 52, true),
    events,
  };
}

function readEvent(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  place: { readonly lsn: number; readonly stamp: number },
): LoggedEvent {
  const kind = eventKind(view, at);
  const isLong = !SHORT.has(kind);
  const nameAt = at + (isLong ? EVENT_LONG_SIZE : EVENT_SHORT_SIZE) + eventSeenCount(view, at) * 8;
  const nameEnd = nameAt + eventNameSize(view, at);
  const hasKey = kind === EVENT_BEGAN && (eventFlags(view, at) & CLIENT_SESSION) !== 0;
  return {
    kind,
    lsn: place.lsn,
    stamp: place.stamp,
    flags: eventFlags(view, at),
    row: eventRow(view, at),
    client: eventClient(view, at),
    requestId: eventRequestId(view, at),
    token: eventToken(view, at),
    name: textOf(bytes, nameAt, nameEnd),
    key: hasKey ? hexOf(bytes, nameEnd, nameEnd + KEY_SIZE) : "",
    ttlMs: isLong ? view.getUint32(at + 40, true) : 0,
    lockDelayMs: isLong ? view.getUint32(at + 44, true) : 0,
    permits: isLong ? view.getUint32(at + 48, true) : 0,
    asker: isLong ? view.getUint32(at + 52, true) : 0,
    deadline: isLong ? view.getFloat64(at + 56, true) : 0,
  };
}

/** Names of simulated resources are ASCII. */
function textOf(bytes: Uint8Array, from: number, to: number): string {
  let text = "";
  for (let at = from; at < to; at++) text += String.fromCharCode(bytes[at] ?? 0);
  return text;
}

/** Bytes as hexadecimal digits. */
export function hexOf(bytes: Uint8Array, from: number, to: number): string {
  let text = "";
  for (let at = from; at < to; at++) text += (bytes[at] ?? 0).toString(16).padStart(2, "0");
  return text;
}
