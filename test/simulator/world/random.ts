/**
 * Chance for the simulator: one generator for each name, all from one seed. What one name draws never shifts what
 * another draws, so that a change in one part of a run leaves the dice of all others as they were (verification.md §2).
 * Hot path (world.test.ts prints its speed): a draw makes no object.
 *
 * The generator is sfc32 (Chris Doty-Humphrey, PractRand): 128 bits of state in four 32-bit words. No function here may
 * differ between machines: sums, products, divisions and square roots are exact by IEEE 754; logarithms are not.
 */
import { assert } from "../../../src/words/assert.js";

const TWO_32 = 2 ** 32;

/** The dice of one name. */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #d = 1;

  /**
   * @param seed a safe integer from 0
   * @param name whose dice these are, such as `network` or `client-7`
   */
  constructor(seed: number, name: string) {
    assert(Number.isSafeInteger(seed) && seed >= 0, "a seed is a safe integer from 0");
    this.#a = hashOf(name, seed | 0);
    this.#b = hashOf(name, Math.floor(seed / TWO_32) ^ 0x2545f491);
    this.#c = hashOf(name, ~this.#a ^ this.#b);
    for (let i = 0; i < 15; i++) this.bits();
  }

  /** 32 random bits as an integer from 0 to 2^32 - 1. */
  bits(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#d) | 0;
    this.#d = (this.#d + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** From 0 to less than 1, in steps of 2^-32. */
  unit(): number {
    return this.bits() / TWO_32;
  }

  /** True with this probability. One draw, whatever the probability is, so that settings don't shift the dice. */
  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  /** An integer from 0 to less than `count` (at most 2^32). */
  below(count: number): number {
    assert(count >= 1 && count <= TWO_32, "a draw is below 1 to 2^32");
    return Math.floor(this.unit() * count);
  }

  /** An integer from `low` to `high`, both included; two draws, so that times over an hour are whole microseconds. */
  between(low: number, high: number): number {
    assert(low <= high, "a draw is between a smaller and a larger number");
    const fine = (this.bits() * 2 ** 21 + (this.bits() >>> 11)) / 2 ** 53;
    return low + Math.floor(fine * (high - low + 1));
  }

  /** One of a list that is not empty. */
  pick<T>(list: readonly T[]): T {
    const picked = list[this.below(list.length)];
    assert(picked !== undefined, "there is something to pick from");
    return picked;
  }

  /**
   * A delay as networks and disks have them: mostly near the median, never below 0.7 of it, now and then far above (one
   * in 200 is over ten times the median), at most `maxUs`. A whole number.
   */
  longTail(medianUs: number, maxUs: number): number {
    const left = 1 - this.unit(); // More than 0.
    return Math.min(maxUs, Math.floor(medianUs * Math.sqrt(0.5 / left)));
  }
}

/** Murmur3's mixing over the characters of a name. */
function hashOf(name: string, seed: number): number {
  let hash = seed ^ name.length;
  for (let i = 0; i < name.length; i++) {
    let word = Math.imul(name.charCodeAt(i), 0xcc9e2d51);
    word = Math.imul((word << 15) | (word >>> 17), 0x1b873593);
    hash ^= word;
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
