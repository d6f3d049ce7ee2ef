/**
 * The bytes of one turn's output (a frame, a batch of the log), written front to back and reused by the next turn. Hot
 * path: it allocates only while it grows to the size that turns need.
 */
import { assert } from "../words/assert.js";

/** Bytes, and the same memory as a view: words are read and written through it four bytes at a time. */
export interface Bytes {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/** The same memory with a view beside it. */
export function bytesOf(bytes: Uint8Array): Bytes {
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
}

/** Copies `from[start..end)` to `to` at `at`, by words: for names of some 20 bytes a call of `set` takes longer. */
export function copyBytes(from: Bytes, start: number, end: number, to: Bytes, at: number): void {
  const source = from.view;
  const target = to.view;
  let i = start;
  let j = at;
  for (const whole = end - 3; i < whole; i += 4, j += 4) target.setInt32(j, source.getInt32(i));
  for (; i < end; i++, j++) target.setUint8(j, source.getUint8(i));
}

/** A buffer gives memory back where it has more than so many times what was needed since it was last looked at. */
const SHRINK_BEYOND = 8;

/** A growable byte buffer. What was written may be sent or stored, but not kept: the next turn writes over it. */
export class ByteBuffer {
  /** The buffer as bytes; replaced when it grows, so read it anew after each `reserve`. */
  bytes: Uint8Array;
  /** The same memory as `bytes`. */
  view: DataView;
  /** How many bytes are reserved, from 0. A writer may take back what it reserved too much. */
  length = 0;
  /** The limit of `length`, in bytes. */
  readonly sizeMax: number;
  readonly #initialSize: number;
  /** The most that was written since `shrink` looked last. */
  #peak = 0;

  /**
   * @param initialSize bytes to begin with, at least 1.
   * @param sizeMax the limit, in bytes.
   */
  constructor(initialSize: number, sizeMax: number) {
    assert(initialSize >= 1 && initialSize <= sizeMax, "a buffer begins between one byte and its limit");
    this.sizeMax = sizeMax;
    this.#initialSize = initialSize;
    this.bytes = new Uint8Array(initialSize);
    this.view = new DataView(this.bytes.buffer);
  }

  /** Whether `size` more bytes stay within the limit: ask before you reserve for what came from outside. */
  fits(size: number): boolean {
    return this.length + size <= this.sizeMax;
  }

  /**
   * Reserves `size` bytes and answers where they begin. What stands there is left from an earlier turn or 0.
   * @throws BrokenInvariant if the limit is passed.
   */
  reserve(size: number): number {
    const offset = this.length;
    const end = offset + size;
    if (end > this.bytes.length) this.#grow(end);
    this.length = end;
    return offset;
  }

  /** Forgets what was written and keeps the memory. */
  reset(): void {
    if (this.length > this.#peak) this.#peak = this.length;
    this.length = 0;
  }

  /** Gives back what a burst left behind: call it every few seconds, when nothing is written. */
  shrink(): void {
    const wanted = Math.max(this.#initialSize, this.#peak * 2);
    this.#peak = this.length;
    if (this.length > 0 || this.bytes.length <= wanted * (SHRINK_BEYOND / 2)) return;
    this.#replace(new Uint8Array(wanted));
  }

  #grow(size: number): void {
    assert(size <= this.sizeMax, "a buffer stays within its limit");
    const grown = new Uint8Array(Math.min(this.sizeMax, Math.max(size, this.bytes.length * 2)));
    grown.set(this.bytes.subarray(0, this.length));
    this.#replace(grown);
  }

  #replace(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer);
  }
}
