/**
 * A digest over all checkpoint pages, kept up to date by each change: a page that vanished with a damaged table, or
 * came back from an older copy, has a right checksum and is found only by this sum.
 */

const SUM_MODULUS = 2 ** 48;

/** Count and sum of the checksums of all pages; the checksums by key, so that a page's change costs no read. */
export class PageDigest {
  readonly #crcOf = new Map<number, number>();
  #sum = 0;

  /** How many pages there are. */
  get count(): number {
    return this.#crcOf.size;
  }

  /** The sum of all checksums modulo 2^48. Each covers its page's key (seal.ts), so the order does not matter. */
  get sum(): number {
    return this.#sum;
  }

  /** Page `key` now has the checksum `crc`. */
  set(key: number, crc: number): void {
    const before = this.#crcOf.get(key) ?? 0;
    this.#crcOf.set(key, crc);
    this.#sum = (this.#sum - before + crc + SUM_MODULUS) % SUM_MODULUS;
  }

  /** Page `key` is no more. */
  delete(key: number): void {
    const before = this.#crcOf.get(key) ?? 0;
    this.#crcOf.delete(key);
    this.#sum = (this.#sum - before + SUM_MODULUS) % SUM_MODULUS;
  }
}
