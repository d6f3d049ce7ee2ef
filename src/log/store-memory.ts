/**
 * The memory that a worker shares with its store's thread: a few words that both change by atomic operations, counters
 * that only the thread writes, then the ring (ring.ts).
 *
 *     byte 0            64                 256                      2048              2048 + 1.5 × ring
 *          | words      | counters         | commit times           | ring and slack  |
 *          | int32      | float64          | float64, one a bucket  |                 |
 */
import { assert, outOfRange } from "../words/assert.js";

/** Bytes before the ring. */
export const CONTROL_SIZE: number = 2048;

/** Counts whatever the thread should wake up for. */
export const WORD_WAKE: number = 0;
/** How far the worker has written the ring. */
export const WORD_HEAD: number = 1;
/** How far the thread has committed the ring. */
export const WORD_TAIL: number = 2;
/** The low 32 bits of the largest committed seq; one word, so that it is never read half written. */
export const WORD_COMMITTED: number = 3;
/** 1 while a "committed" message is under way, so that at most one is. */
export const WORD_SIGNALLED: number = 4;
/** 1 while only the reserve of the disk is left. */
export const WORD_LOW_DISK: number = 5;
/** How many requests the worker has posted. */
export const WORD_REQUESTS: number = 6;
/** How many chunks of a recovery the worker has taken. */
export const WORD_CREDIT: number = 7;
/** Counts the messages that the thread has sent to a worker that stands still until they come (`readParts`). */
export const WORD_PARTS: number = 8;

/** Which counter stands where; each is a float64 and only grows, but for the last three. */
export const COUNTER_COMMITS: number = 0;
export const COUNTER_BYTES: number = 1;
export const COUNTER_COPY_BACKS: number = 2;
export const COUNTER_COPY_BACK_MICROS_MAX: number = 3;
export const COUNTER_WAL_BYTES: number = 4;
export const COUNTER_LOG_BYTES: number = 5;
export const COUNTER_PAGES: number = 6;

const COUNTERS_OFFSET = 64;
const COUNTER_COUNT = 24;
const HISTOGRAM_OFFSET = 256;
const BUCKETS_PER_OCTAVE = 8;
/** Buckets of the histogram of commit times. */
const COMMIT_BUCKET_COUNT: number = 224;

/** Makes the memory for a ring of `ringBytes`, a power of two from 64 KiB to 1 GiB. */
export function sharedMemory(ringBytes: number): SharedArrayBuffer {
  assert(ringBytes >= 2 ** 16 && ringBytes <= 2 ** 30, `a ring has 64 KiB to 1 GiB, not ${ringBytes} bytes`);
  assert((ringBytes & (ringBytes - 1)) === 0, `the size of a ring is a power of two, not ${ringBytes}`);
  return new SharedArrayBuffer(CONTROL_SIZE + ringBytes + ringBytes / 2);
}

/** The words of `shared`. */
export function controlWords(shared: SharedArrayBuffer): Int32Array {
  return new Int32Array(shared, 0, COUNTERS_OFFSET / 4);
}

/** The counters of `shared`, a living view. */
export function counters(shared: SharedArrayBuffer): Float64Array {
  return new Float64Array(shared, COUNTERS_OFFSET, COUNTER_COUNT);
}

/** The histogram of commit times of `shared`, a living view: bucket i counts times from `commitBucketMicros(i)` on. */
export function commitHistogram(shared: SharedArrayBuffer): Float64Array {
  return new Float64Array(shared, HISTOGRAM_OFFSET, COMMIT_BUCKET_COUNT);
}

/** The bucket of a commit that took `micros`: eight buckets for each doubling, so within 9 % of the truth. */
export function commitBucket(micros: number): number {
  const bucket = Math.floor(Math.log2(Math.max(1, micros)) * BUCKETS_PER_OCTAVE);
  return Math.min(bucket, COMMIT_BUCKET_COUNT - 1);
}

/** The shortest time, in microseconds, that bucket `index` counts. */
export function commitBucketMicros(index: number): number {
  return 2 ** (index / BUCKETS_PER_OCTAVE);
}

/** Adds to a counter; only the thread calls it. */
export function count(table: Float64Array, index: number, by: number): void {
  table[index] = (table[index] ?? outOfRange(index)) + by;
}
