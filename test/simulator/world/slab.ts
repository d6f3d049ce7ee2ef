/**
 * Copies of many small pieces of bytes, cut from large ones: a typed array with a buffer of its own costs half a
 * microsecond, a view costs a tenth of it. Hot path (network.test.ts prints its speed). A piece is never written again.
 */
const SLAB_SIZE = 65_536;
/** Up to here, a loop is faster than a view and a call. */
const LOOP_SIZE = 256;

/** Where copies are cut from. */
export class Slab {
  #bytes = new Uint8Array(SLAB_SIZE);
  #used = 0;

  /** A copy of `bytes` from `start` to `end`: a view, whose `byteOffset` is not 0. */
  copy(bytes: Uint8Array, start: number, end: number): Uint8Array {
    const size = end - start;
    if (size > SLAB_SIZE / 4) return bytes.slice(start, end);
    if (this.#used + size > SLAB_SIZE) {
      this.#bytes = new Uint8Array(SLAB_SIZE);
      this.#used = 0;
    }
    const to = this.#bytes;
    const at = this.#used;
    this.#used += size;
    if (size > LOOP_SIZE) to.set(bytes.subarray(start, end), at);
    else for (let i = 0; i < size; i++) to[at + i] = bytes[start + i] ?? 0;
    return to.subarray(at, at + size);
  }
}
