/** Reads the events of stored batches back as plain values, by the picture in src/tables/events.ts and not by its code. */
import { forEachEntry } from "../../src/shard/replay.js";

/** One event. Fields that its kind does not have are 0. */
export interface ReadEvent {
  readonly lsn: number;
  readonly kind: number;
  readonly flags: number;
  readonly row: number;
  readonly client: number;
  readonly requestId: number;
  readonly token: number;
  readonly ttlMs: number;
  readonly permits: number;
  readonly deadline: number;
  readonly name: string;
  readonly extra: Uint8Array;
}

/** Released, timed out, abandoned, session ended, time, delay ended. */
const SHORT_KINDS: ReadonlySet<number> = new Set([5, 9, 10, 13, 14, 16]);
const ENTRY_HEADER = 80;

/** All events of a batch, in their order. */
export function readEvents(batch: Uint8Array): ReadEvent[] {
  const events: ReadEvent[] = [];
  forEachEntry(batch, (_, view, entryAt) => {
    let at = entryAt + ENTRY_HEADER;
    for (let i = 0; i < view.getUint32(entryAt + 16, true); i++) {
      events.push(readEvent(batch, view, at, view.getFloat64(entryAt + 8, true) + i));
      at += view.getUint16(at + 2, true) * 8;
    }
  });
  return events;
}

function readEvent(batch: Uint8Array, view: DataView, at: number, lsn: number): ReadEvent {
  const kind = view.getUint8(at);
  const isShort = SHORT_KINDS.has(kind);
  const nameAt = at + (isShort ? 40 : 72) + view.getUint16(at + 36, true) * 8;
  const extraAt = nameAt + view.getUint16(at + 32, true);
  return {
    lsn,
    kind,
    flags: view.getUint8(at + 1),
    row: view.getUint32(at + 4, true),
    client: view.getUint32(at + 8, true),
    requestId: view.getFloat64(at + 16, true),
    token: view.getFloat64(at + 24, true),
    ttlMs: isShort ? 0 : view.getUint32(at + 40, true),
    permits: isShort ? 0 : view.getUint32(at + 48, true),
    deadline: isShort ? 0 : view.getFloat64(at + 56, true),
    name: new TextDecoder().decode(batch.subarray(nameAt, extraAt)),
    extra: batch.subarray(extraAt, extraAt + view.getUint16(at + 34, true)),
  };
}
