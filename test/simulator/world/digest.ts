/**
 * What two runs of one seed are compared by: 64 bits, in two lanes of 32, into which all that happens is folded in its
 * order. Hot path (world.test.ts prints its speed): no object for a fold.
 */
import { outOfRange } from "../../../src/words/assert.js";

/** A digest that grows. */
export class Digest {
  #high = 0x243f6a88; // The first bits of pi: any start does, if it is always the same.
  #low = 0x85a308d3 | 0;
  readonly #number = new Float64Array(1);
  readonly #words = new Uint32Array(this.#number.buffer);

  /** Folds in one number, all of its 64 bits; `NaN` as one of its many forms. */
  fold(value: number): void {
    this.#number[0] = value === value ? value : Number.NaN;
    this.#mix(this.#words[0] ?? outOfRange(0));
    this.#mix(this.#words[1] ?? outOfRange(1));
  }

  /** Folds in a piece of bytes, with its length, so that two pieces never look like one. */
  foldBytes(bytes: Uint8Array, start = 0, end: number = bytes.length): void {
    this.#mix(end - start);
    let word = 0;
    let at = start;
    for (; at + 4 <= end; at += 4) {
      word =
        (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24);
      this.#mix(word);
    }
    word = 0;
    for (; at < end; at++) word = (word << 8) | (bytes[at] ?? 0);
    this.#mix(word);
  }

  /** Folds in a text by its UTF-16 units. */
  foldText(text: string): void {
    this.#mix(text.length);
    for (let i = 0; i < text.length; i++) this.#mix(text.charCodeAt(i));
  }

  /** As 16 hexadecimal digits. */
  get hex(): string {
    const high = finish(this.#high ^ (this.#low << 7));
    const low = finish(this.#low ^ (this.#high >>> 3));
    return high.toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0");
  }

  #mix(word: number): void {
    const high = Math.imul(this.#high ^ word, 0x9e3779b1);
    const low = Math.imul(this.#low + word, 0x85ebca77) ^ 0x27d4eb2f;
    this.#high = ((high << 13) | (high >>> 19)) + low;
    this.#low = ((low << 17) | (low >>> 15)) ^ high;
  }
}

function finish(word: number): number {
  let mixed = Math.imul(word ^ (word >>> 15), 0x2c1b3c6d);
  mixed = Math.imul(mixed ^ (mixed >>> 12), 0x297a2d39);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}
