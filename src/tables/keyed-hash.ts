/**
 * HalfSipHash-1-3 (Aumasson and Bernstein; the variant with 32-bit words that Linux uses for its hash tables): the hash
 * of names inside a shard. Names come from outside, and for CRC-32 anybody can choose millions that collide and turn a
 * look-up into a walk; under a secret key nobody can. Hot path (native-bench/micro-tables.ts).
 *
 * The lowest bit of the 32 is dropped: 31 bits are a small integer for V8, of 32 every second one would be an object on
 * the heap.
 */
import { type Bytes, bytesOf } from "./byte-buffer.js";

/** A hash function under one key. The same key, bytes and version give the same hash everywhere. */
export class KeyedHash {
  readonly #key0: number;
  readonly #key1: number;
  readonly #words: Int32Array = new Int32Array(4);
  readonly #wordBytes: Bytes = bytesOf(new Uint8Array(this.#words.buffer));

  /** @param key0 the first and @param key1 the second 32 bits of the key: secret, random, made once for a shard. */
  constructor(key0: number, key1: number) {
    this.#key0 = key0 | 0;
    this.#key1 = key1 | 0;
  }

  /** The hash of `bytes[start..end)`: 0 to 2^31 - 1. @throws RangeError if the range leaves `bytes`. */
  hash(bytes: Bytes, start: number, end: number): number {
    const { view } = bytes;
    let v0 = this.#key0;
    let v1 = this.#key1;
    let v2 = 0x6c796765 ^ v0;
    let v3 = 0x74656462 ^ v1;

    const whole = start + ((end - start) & ~3);
    for (let at = start; at < whole; at += 4) {
      const word = view.getInt32(at, true);
      v3 ^= word;
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
      v0 ^= word;
    }

    const last = lastWord(view, start, end);
    v3 ^= last;
    for (let round = 0; round < 4; round += 1) {
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
      if (round !== 0) continue;
      v0 ^= last; // The first of these rounds is that of the last word, the other three finish the hash.
      v2 ^= 0xff;
    }
    return (v1 ^ v3) >>> 1;
  }

  /**
   * The hash of four 32-bit words (signed or not), for keys that are numbers. On a little-endian machine, which is
   * every one that Node.js 20 is shipped for but s390x and AIX, the same as of their 16 bytes, lowest first.
   */
  hashWords(a: number, b: number, c: number, d: number): number {
    this.#words[0] = a;
    this.#words[1] = b;
    this.#words[2] = c;
    this.#words[3] = d;
    return this.hash(this.#wordBytes, 0, 16);
  }
}

/** The up to three bytes that fill no word, and the size in the highest byte. */
function lastWord(view: DataView, start: number, end: number): number {
  const size = end - start;
  let word = size << 24;
  let shift = 0;
  for (let at = start + (size & ~3); at < end; at += 1) {
    word |= view.getUint8(at) << shift;
    shift += 8;
  }
  return word;
}
