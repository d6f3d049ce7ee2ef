/**
 * What is to happen, by (time, number): a binary heap whose entries are columns of typed arrays, so that a scheduled act
 * costs no object beside its own closure. Hot path (world.test.ts prints its speed).
 *
 *     heap:   position -> slot          the smallest (time, number) at position 0
 *     slots:  time, number, position, generation, act          a free slot keeps the next free one as its position
 *
 * A handle is generation × 2^22 + slot: one that is spent, because its act has run or was cancelled, fits no more.
 */
import { assert, outOfRange } from "../../../src/words/assert.js";

/** Names one scheduled act, until it has run or is cancelled; 0 names none. */
export type Handle = number;

const SLOT_BITS = 2 ** 22;
const FREE_END = -1;

/** Acts by time. */
export class Queue {
  #heap = new Int32Array(1_024);
  #time = new Float64Array(1_024);
  #number = new Float64Array(1_024);
  #position = new Int32Array(1_024);
  #generation = new Uint32Array(1_024).fill(1);
  readonly #act: (() => void)[] = [];
  #free = FREE_END;
  #used = 0;
  #count = 0;
  #counted = 0;

  /** How many acts wait. */
  get count(): number {
    return this.#count;
  }

  /** When the next act is due, microseconds; Infinity while there is none. */
  get nextUs(): number {
    return this.#count === 0 ? Number.POSITIVE_INFINITY : this.#timeAt(0);
  }

  /** Adds an act; those of one time run in the order in which they were added. */
  add(timeUs: number, act: () => void): Handle {
    const slot = this.#takeSlot();
    this.#time[slot] = timeUs;
    this.#number[slot] = this.#counted++;
    this.#act[slot] = act;
    this.#rise(this.#count++, slot);
    return this.#generationOf(slot) * SLOT_BITS + slot;
  }

  /** Takes an act out. Answers false if it has run already, or was taken out before. */
  cancel(handle: Handle): boolean {
    const slot = handle % SLOT_BITS;
    if (handle === 0 || slot >= this.#used || this.#generationOf(slot) !== (handle - slot) / SLOT_BITS) return false;
    this.#remove(this.#position[slot] ?? outOfRange(slot));
    this.#giveBack(slot);
    return true;
  }

  /** Takes out the next act; there must be one. */
  take(): () => void {
    assert(this.#count > 0, "there is a next act");
    const slot = this.#heap[0] ?? outOfRange(0);
    const act = this.#act[slot] ?? outOfRange(slot);
    this.#remove(0);
    this.#giveBack(slot);
    return act;
  }

  #remove(position: number): void {
    const last = this.#heap[--this.#count] ?? outOfRange(position);
    if (position === this.#count) return;
    if (!this.#sink(position, last)) this.#rise(position, last);
  }

  /** Puts `slot` at `from` or above. */
  #rise(from: number, slot: number): void {
    let position = from;
    while (position > 0) {
      const parent = (position - 1) >>> 1;
      const above = this.#heap[parent] ?? outOfRange(parent);
      if (this.#isBefore(above, slot)) break;
      this.#put(position, above);
      position = parent;
    }
    this.#put(position, slot);
  }

  /** Puts `slot` at `from` or below. @returns whether it went below */
  #sink(from: number, slot: number): boolean {
    let position = from;
    for (;;) {
      let child = 2 * position + 1;
      if (child >= this.#count) break;
      let below = this.#heap[child] ?? outOfRange(child);
      if (child + 1 < this.#count) {
        const right = this.#heap[child + 1] ?? outOfRange(child + 1);
        if (this.#isBefore(right, below)) {
          child++;
          below = right;
        }
      }
      if (this.#isBefore(slot, below)) break;
      this.#put(position, below);
      position = child;
    }
    this.#put(position, slot);
    return position !== from;
  }

  #put(position: number, slot: number): void {
    this.#heap[position] = slot;
    this.#position[slot] = position;
  }

  #isBefore(one: number, other: number): boolean {
    const oneUs = this.#time[one] ?? outOfRange(one);
    const otherUs = this.#time[other] ?? outOfRange(other);
    if (oneUs !== otherUs) return oneUs < otherUs;
    return (this.#number[one] ?? outOfRange(one)) < (this.#number[other] ?? outOfRange(other));
  }

  #timeAt(position: number): number {
    const slot = this.#heap[position] ?? outOfRange(position);
    return this.#time[slot] ?? outOfRange(slot);
  }

  #generationOf(slot: number): number {
    return this.#generation[slot] ?? outOfRange(slot);
  }

  #takeSlot(): number {
    const slot = this.#free;
    if (slot !== FREE_END) {
      this.#free = this.#position[slot] ?? outOfRange(slot);
      return slot;
    }
    if (this.#used === this.#heap.length) this.#grow();
    return this.#used++;
  }

  #giveBack(slot: number): void {
    this.#generation[slot] = (this.#generationOf(slot) % 2 ** 30) + 1;
    this.#act[slot] = nothing; // Whatever the act held may go.
    this.#position[slot] = this.#free;
    this.#free = slot;
  }

  #grow(): void {
    const size = this.#heap.length * 2;
    assert(size <= SLOT_BITS, "a simulated world has at most 2^22 acts waiting");
    this.#heap = grown(this.#heap, new Int32Array(size));
    this.#time = grown(this.#time, new Float64Array(size));
    this.#number = grown(this.#number, new Float64Array(size));
    this.#position = grown(this.#position, new Int32Array(size));
    this.#generation = grown(this.#generation, new Uint32Array(size).fill(1));
  }
}

function grown<T extends Int32Array | Float64Array | Uint32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

function nothing(): void {
  // The act of a free slot.
}
