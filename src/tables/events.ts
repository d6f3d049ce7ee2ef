/**
 * The events of one turn of one store, written once as the bytes that the log keeps: primary, backup and replay all
 * read the same ones. Hot path: `make micro`.
 *
 *     entry  = header (80 bytes), then its events; one entry for each shard that has events in the turn
 *      0 u32 size in bytes, header included      4 u32 shard
 *      8 f64 first LSN                          16 u32 count of events       20 u32 epoch
 *     24 f64 stamp: shard time                  32 f64 wall clock, for people
 *     40 f64 LSN of the entry before            48 u32 its epoch             52 u32 its checksum (the chain, R-7)
 *     56 u32 format version                     60 u32 checksum of this entry (these four bytes taken as 0)
 *     64 f64 LSN known to be committed          72 f64 reserved, 0
 *
 *     event  = 40 or 72 bytes, then name, extra (metadata or reason), padding to 8; its LSN is the first + its place
 *      0 u8 kind   1 u8 flags   2 u16 size ÷ 8   4 u32 row (of the claim; of the client for began and session ended)
 *      8 u32 row of the client  12 u32 hash of the request  16 f64 request id  24 f64 token: the claim's own LSN
 *     32 u16 size of the name   34 u16 size of the extra    36 u16 numbers that tell what was seen   38 u16 0
 *     long: 40 u32 ttl  44 u32 lock-delay  48 u32 permits  52 u32 public id  56 f64 deadline  64 u32 public id  68 u32 0
 *           forced and revoked by a session (flag ASKED): 48 u32 claims concerned  52 u32 row of who asked
 *     then seen (f64 each), name, extra
 */
import { assert } from "../words/assert.js";
import { xxhash32 } from "../words/xxhash32.js";
import type { Epoch, Lsn, ShardIndex, ShardMs } from "../words/ids.js";
import { ByteBuffer } from "./byte-buffer.js";

export const ENTRY_HEADER_SIZE = 80;
export const EVENT_SHORT_SIZE = 40;
export const EVENT_LONG_SIZE = 72;
export const ENTRY_FORMAT = 1;

/** What an entry's header says, apart from what is counted while it is written. */
export interface EntryHead {
  readonly shard: ShardIndex;
  epoch: Epoch;
  firstLsn: Lsn;
  stamp: ShardMs;
  wallMs: number;
  /** The entry before: its last LSN, epoch and checksum. */
  previousLsn: Lsn;
  previousEpoch: Epoch;
  previousChecksum: number;
  committed: Lsn;
}

/** Where an event's fields are put; offsets are those of the picture above. */
export class Events {
  readonly buffer: ByteBuffer;
  #entryAt = -1;
  #count = 0;

  constructor(initialSize: number, sizeMax: number) {
    this.buffer = new ByteBuffer(initialSize, sizeMax);
  }

  /** Bytes of all entries so far. */
  get size(): number {
    return this.buffer.length;
  }
  /** Events in the open entry. */
  get count(): number {
    return this.#count;
  }

  /** Forgets all: a new turn begins. */
  reset(): void {
    assert(this.#entryAt === -1, "R-7: an entry is still open");
    this.buffer.reset();
  }

  /** Opens the entry of one shard. Events go into it until `endEntry`. */
  beginEntry(): void {
    assert(this.#entryAt === -1, "R-7: an entry is still open");
    this.#entryAt = this.buffer.reserve(ENTRY_HEADER_SIZE);
    this.#count = 0;
  }

  /** Closes the open entry and returns its checksum; drops it, and returns -1, if nothing happened. */
  endEntry(head: EntryHead): number {
    const at = this.#entryAt;
    assert(at >= 0, "R-7: no entry is open");
    this.#entryAt = -1;
    if (this.#count === 0) {
      this.buffer.length = at;
      return -1;
    }
    const { view, length } = this.buffer;
    view.setUint32(at, length - at, true);
    view.setUint32(at + 4, head.shard, true);
    view.setFloat64(at + 8, head.firstLsn, true);
    view.setUint32(at + 16, this.#count, true);
    view.setUint32(at + 20, head.epoch, true);
    view.setFloat64(at + 24, head.stamp, true);
    view.setFloat64(at + 32, head.wallMs, true);
    view.setFloat64(at + 40, head.previousLsn, true);
    view.setUint32(at + 48, head.previousEpoch, true);
    view.setUint32(at + 52, head.previousChecksum, true);
    view.setUint32(at + 56, ENTRY_FORMAT, true);
    view.setUint32(at + 60, 0, true);
    view.setFloat64(at + 64, head.committed, true);
    view.setFloat64(at + 72, 0, true);
    const checksum = xxhash32(view, at, length, head.previousChecksum);
    view.setUint32(at + 60, checksum, true);
    return checksum;
  }

  /** Drops everything from `size` on, an open entry too: a step that broke an assertion leaves nothing. */
  abandon(size: number): void {
    this.#entryAt = -1;
    this.buffer.length = size;
  }

  /** Begins a short event and returns its offset. Fields not set are 0. */
  short(kind: number, flags: number, row: number, variableSize: number): number {
    return this.#event(EVENT_SHORT_SIZE, kind, flags, row, variableSize);
  }
  /** Begins a long event (with TTL and deadline) and returns its offset. */
  long(kind: number, flags: number, row: number, variableSize: number): number {
    const at = this.#event(EVENT_LONG_SIZE, kind, flags, row, variableSize);
    const view = this.buffer.view;
    view.setFloat64(at + 40, 0, true);
    view.setFloat64(at + 48, 0, true);
    view.setFloat64(at + 56, 0, true);
    view.setFloat64(at + 64, 0, true);
    return at;
  }

  #event(fixed: number, kind: number, flags: number, row: number, variableSize: number): number {
    const size = (fixed + variableSize + 7) & ~7;
    const at = this.buffer.reserve(size);
    const view = this.buffer.view;
    view.setUint8(at, kind);
    view.setUint8(at + 1, flags);
    view.setUint16(at + 2, size >>> 3, true);
    view.setUint32(at + 4, row, true);
    view.setFloat64(at + 8, 0, true);
    view.setFloat64(at + 16, 0, true);
    view.setFloat64(at + 24, 0, true);
    view.setFloat64(at + 32, 0, true);
    this.#count++;
    return at;
  }
}

/** Kind of the event at `at`. */
export function eventKind(view: DataView, at: number): number {
  return view.getUint8(at);
}
export function eventFlags(view: DataView, at: number): number {
  return view.getUint8(at + 1);
}
/** Size in bytes, to the next event. */
export function eventSize(view: DataView, at: number): number {
  return view.getUint16(at + 2, true) << 3;
}
export function eventRow(view: DataView, at: number): number {
  return view.getUint32(at + 4, true);
}
export function eventClient(view: DataView, at: number): number {
  return view.getUint32(at + 8, true);
}
export function eventRequestHash(view: DataView, at: number): number {
  return view.getUint32(at + 12, true);
}
export function eventRequestId(view: DataView, at: number): number {
  return view.getFloat64(at + 16, true);
}
export function eventToken(view: DataView, at: number): number {
  return view.getFloat64(at + 24, true);
}
export function eventNameSize(view: DataView, at: number): number {
  return view.getUint16(at + 32, true);
}
export function eventExtraSize(view: DataView, at: number): number {
  return view.getUint16(at + 34, true);
}
/** How many numbers tell which answers the client has seen: one through, then pairs from, to. */
export function eventSeenCount(view: DataView, at: number): number {
  return view.getUint16(at + 36, true);
}
