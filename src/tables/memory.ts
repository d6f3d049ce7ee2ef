/**
 * Where tables get their columns: cut out of large pieces of address space that are zero and not touched until a row is.
 * One buffer for each column would do, but V8 collects garbage for every 64 MB of buffers that are made: 64 shards took
 * 137 collections and 1.5 s to make.
 */
import { type Bytes, bytesOf } from "./byte-buffer.js";

/** A piece. Address space, not memory. */
const PIECE_SIZE = 2 ** 30;
/** What is smaller has a buffer of its own, so that small tables (of tests) keep no piece alive. */
const SMALL_SIZE = 2 ** 16;
/** Columns begin at a cache line. */
const LINE = 64;

let piece = new ArrayBuffer(0);
let used = 0;

/** So many zeros, each 32 bits. */
export function reserveWords(count: number): Uint32Array {
  const size = Math.ceil((count * 4) / LINE) * LINE;
  if (size < SMALL_SIZE) return new Uint32Array(count);
  if (size > piece.byteLength - used) {
    piece = new ArrayBuffer(Math.max(PIECE_SIZE, size));
    used = 0;
  }
  const words = new Uint32Array(piece, used, count);
  used += size;
  return words;
}

/** The same memory as bytes and as a view. */
export function viewOf(words: Uint32Array): Bytes {
  return bytesOf(new Uint8Array(words.buffer, words.byteOffset, words.byteLength));
}

/** The same memory as doubles. */
export function doublesOf(words: Uint32Array): Float64Array {
  return new Float64Array(words.buffer, words.byteOffset, words.length >>> 1);
}

/** The same memory as signed words, which V8 keeps as small integers. */
export function signedOf(words: Uint32Array): Int32Array {
  return new Int32Array(words.buffer, words.byteOffset, words.length);
}
