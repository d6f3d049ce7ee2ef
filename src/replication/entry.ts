/**
 * Entries as replication sees them: bytes that it never looks into, and the header that says what they continue (R-7;
 * the layout is that of tables/events.ts).
 */
import { ENTRY_FORMAT, ENTRY_HEADER_SIZE } from "../tables/events.js";
import { type Epoch, epoch, type Lsn, lsn, LSN_NONE, type ShardMs, shardMs } from "../words/ids.js";
import { xxhash32 } from "../words/xxhash32.js";

/** The end of an entry: which chain leads up to it is told by its checksum. */
export interface Position {
  readonly epoch: Epoch;
  readonly lsn: Lsn;
  readonly checksum: number;
}

/** One entry of the log. `bytes` is never changed, and may be shared by all who keep the entry. */
export interface Entry {
  /** Where it ends: its last LSN. */
  readonly position: Position;
  /** The end of the entry that it continues. */
  readonly previous: Position;
  readonly firstLsn: Lsn;
  readonly stamp: ShardMs;
  /** What its primary knew to be committed when it wrote it. */
  readonly committed: Lsn;
  readonly bytes: Uint8Array;
}

/** Before the first entry of a log. */
export const NOWHERE: Position = { epoch: epoch(0), lsn: LSN_NONE, checksum: 0 };

export function isSame(one: Position, other: Position): boolean {
  return one.lsn === other.lsn && one.checksum === other.checksum && (one.lsn === 0 || one.epoch === other.epoch);
}

/** Whether `one` is the larger (epoch, LSN): the log to go on with at a take-over. */
export function isBeyond(one: Position, other: Position): boolean {
  return one.epoch > other.epoch || (one.epoch === other.epoch && one.lsn > other.lsn);
}

/**
 * Reads the header of one whole entry.
 * @returns null if the bytes are not one entry with a right checksum: they come from outside
 */
export function readEntry(bytes: Uint8Array): Entry | null {
  if (bytes.length < ENTRY_HEADER_SIZE) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint32(0, true) !== bytes.length || view.getUint32(56, true) !== ENTRY_FORMAT) return null;
  const previous: Position = {
    epoch: epoch(view.getUint32(48, true)),
    lsn: lsn(view.getFloat64(40, true)),
    checksum: view.getUint32(52, true),
  };
  const checksum = view.getUint32(60, true);
  if (checksumOf(bytes, previous.checksum) !== checksum) return null;
  const firstLsn = view.getFloat64(8, true);
  const count = view.getUint32(16, true);
  if (count === 0 || firstLsn <= previous.lsn) return null;
  return {
    position: { epoch: epoch(view.getUint32(20, true)), lsn: lsn(firstLsn + count - 1), checksum },
    previous,
    firstLsn: lsn(firstLsn),
    stamp: shardMs(view.getFloat64(24, true)),
    committed: lsn(view.getFloat64(64, true)),
    bytes,
  };
}

/** The checksum of an entry whose own four bytes count as 0: a copy of the header is hashed, then the rest. */
function checksumOf(bytes: Uint8Array, seed: number): number {
  const copy = bytes.slice();
  const view = new DataView(copy.buffer, copy.byteOffset, copy.length);
  view.setUint32(60, 0, true);
  return xxhash32(view, 0, copy.length, seed);
}
