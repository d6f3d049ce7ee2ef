/**
 * Which states were met, by 64-bit digests in typed arrays: 8 bytes a state. Two states with one digest would be taken for
 * one: of ten million states the chance of any such pair is one in 300,000.
 */
const FIRST_SIZE = 2 ** 16;

export class Seen {
  #high: Int32Array = new Int32Array(FIRST_SIZE);
  #low: Int32Array = new Int32Array(FIRST_SIZE);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Whether this digest is new; from now on it is not. */
  add(high: number, low: number): boolean {
    const first = high === 0 && low === 0 ? 1 : low; // 0 and 0 mean an empty cell.
    if (!this.#put(high, first)) return false;
    this.#count++;
    if (this.#count * 2 > this.#high.length) this.#grow();
    return true;
  }

  #put(high: number, low: number): boolean {
    const mask = this.#high.length - 1;
    for (let at = (high ^ (low >>> 7)) & mask; ; at = (at + 1) & mask) {
      if (this.#high[at] === 0 && this.#low[at] === 0) {
        this.#high[at] = high;
        this.#low[at] = low;
        return true;
      }
      if (this.#high[at] === high && this.#low[at] === low) return false;
    }
  }

  #grow(): void {
    const [high, low] = [this.#high, this.#low];
    this.#high = new Int32Array(high.length * 2);
    this.#low = new Int32Array(low.length * 2);
    for (let at = 0; at < high.length; at++) {
      const [one, other] = [high[at] ?? 0, low[at] ?? 0];
      if (one !== 0 || other !== 0) this.#put(one, other);
    }
  }
}
