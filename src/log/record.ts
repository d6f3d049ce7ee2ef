/**
 * The layout of one record, as it lies in the ring between a worker and its store's thread, and in the chunks that the
 * thread sends back. Hot path (native-bench/micro-log.ts): one record for each batch, read and written in place.
 *
 *     byte   0        4         8                      16                24             24 + length, padded to 8
 *            | kind   | length  | number               | wall            | body ...     |
 *            | uint32 | uint32  | float64: seq, key ...| float64, ms     |              |
 */

/** A batch: `number` is its seq. */
export const RECORD_BATCH: number = 1;
/** A page to be written whole: `number` is its key. */
export const RECORD_PAGE: number = 2;
/** A page to be deleted: `number` is its key. */
export const RECORD_PAGE_DELETED: number = 3;
/** Rows before `number` are only audit from now on. */
export const RECORD_REPLAY_FROM: number = 4;
/** What the store knows of a shard's configuration: `number` is the shard, the body JSON. */
export const RECORD_SHARD: number = 5;

/** Bytes of a record before its body. */
export const RECORD_HEADER_SIZE: number = 24;

/** Bytes that a record with a body of `length` bytes takes; always a multiple of 8. */
export function recordSize(length: number): number {
  return RECORD_HEADER_SIZE + ((length + 7) & ~7);
}

/** Three views of one memory, so that a record's fields are read without an object for each. */
export interface RecordMemory {
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  readonly numbers: Float64Array;
}

/** Views of `buffer` from `offset` (a multiple of 8) on, `size` bytes (a multiple of 8). */
export function recordMemory(buffer: ArrayBuffer | SharedArrayBuffer, offset: number, size: number): RecordMemory {
  return {
    bytes: new Uint8Array(buffer, offset, size),
    words: new Uint32Array(buffer, offset, size >>> 2),
    numbers: new Float64Array(buffer, offset, size >>> 3),
  };
}

/** What stands before a record's body. */
export interface RecordHead {
  readonly kind: number;
  readonly length: number;
  readonly number: number;
  readonly wall: number;
}
