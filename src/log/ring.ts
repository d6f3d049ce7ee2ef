/**
 * The ring by which a worker hands batches to its store's thread without a lock, a copy by message or a wait for the
 * disk. Hot path (native-bench/micro-log.ts): a batch costs one copy and one view; an operation costs nothing.
 *
 *     0                       tail               head                size       size + slack
 *     |                        |== submitted =====|                   |          |
 *
 * `head` and `tail` are counts of bytes modulo 2^32, and a record lies at (count modulo size). One that begins before
 * the end of the ring may run on into the slack, which is half a ring: so a record is always in one piece, none needs a
 * filler before it, and the room that is left is exact. The head that the thread sees moves only by `publish`, once a
 * turn: what a turn wrote (its batch, its pages) is never cut between two transactions.
 */
import { assert, outOfRange } from "../words/assert.js";
import { RECORD_HEADER_SIZE, type RecordMemory, recordMemory, recordSize } from "./record.js";
import { CONTROL_SIZE, controlWords, WORD_HEAD, WORD_TAIL, WORD_WAKE } from "./store-memory.js";

/** The worker's end. */
export class RingWriter {
  readonly #control: Int32Array;
  readonly #memory: RecordMemory;
  readonly #size: number;
  #head = 0; // Written up to here; the thread sees it with the next publish.

  /** @param shared made by `sharedMemory` for a ring of `size` bytes, a power of two */
  constructor(shared: SharedArrayBuffer, size: number) {
    this.#control = controlWords(shared);
    this.#memory = recordMemory(shared, CONTROL_SIZE, size + size / 2);
    this.#size = size;
  }

  /** Bytes that the next body may have: at most half the ring; negative where not even a record without one fits. */
  get room(): number {
    const free = this.#size - this.#used();
    return Math.min(free, this.#size / 2) - RECORD_HEADER_SIZE;
  }

  /** Whether all that was written is taken and committed. */
  get isEmpty(): boolean {
    return this.#used() === 0;
  }

  /** Writes one record that has no body. */
  mark(kind: number, number: number): void {
    this.#head = this.#begin(kind, 0, number, 0);
  }

  /** Writes one record whose body is `bytes`, which are copied. `wall` is in ms. */
  write(kind: number, number: number, wall: number, bytes: Uint8Array): void {
    const offset = this.#head & (this.#size - 1);
    const next = this.#begin(kind, bytes.length, number, wall);
    this.#memory.bytes.set(bytes, offset + RECORD_HEADER_SIZE);
    this.#head = next;
  }

  /** Shows the thread all that was written since, and wakes it. */
  publish(): void {
    Atomics.store(this.#control, WORD_HEAD, this.#head);
    Atomics.add(this.#control, WORD_WAKE, 1);
    Atomics.notify(this.#control, WORD_WAKE);
  }

  #used(): number {
    return (this.#head - Atomics.load(this.#control, WORD_TAIL)) >>> 0;
  }

  #begin(kind: number, length: number, number: number, wall: number): number {
    assert(length <= this.room, "a record overtakes its store's thread: ask `room` first");
    const { words, numbers } = this.#memory;
    const offset = this.#head & (this.#size - 1);
    words[offset >>> 2] = kind;
    words[(offset >>> 2) + 1] = length;
    numbers[(offset >>> 3) + 1] = number;
    numbers[(offset >>> 3) + 2] = wall;
    return (this.#head + recordSize(length)) | 0;
  }
}

/** The thread's end: a cursor over what is submitted, which gives its bytes back only when they are committed. */
export class RingReader {
  readonly #control: Int32Array;
  readonly #memory: RecordMemory;
  readonly #buffer: Buffer;
  readonly #size: number;
  #tail = 0; // Read up to here; given back with `release`.
  #end = 0; // What was submitted when `look` was called.
  #offset = 0; // Of the record that `next` moved to.

  /** @param shared made by `sharedMemory` for a ring of `size` bytes */
  constructor(shared: SharedArrayBuffer, size: number) {
    this.#control = controlWords(shared);
    this.#memory = recordMemory(shared, CONTROL_SIZE, size + size / 2);
    this.#buffer = Buffer.from(shared, CONTROL_SIZE, size + size / 2);
    this.#size = size;
  }

  /** Looks up what is submitted now. @returns whether there is anything to read */
  look(): boolean {
    this.#end = Atomics.load(this.#control, WORD_HEAD);
    return this.#end !== this.#tail;
  }

  /** Moves to the next record of those that the last `look` saw. @returns false if there is none */
  next(): boolean {
    if (this.#tail === this.#end) return false;
    this.#offset = this.#tail & (this.#size - 1);
    this.#tail = (this.#tail + recordSize(this.length)) | 0;
    return true;
  }

  get kind(): number {
    return this.#memory.words[this.#offset >>> 2] ?? outOfRange(this.#offset);
  }
  get length(): number {
    return this.#memory.words[(this.#offset >>> 2) + 1] ?? outOfRange(this.#offset);
  }
  get number(): number {
    return this.#memory.numbers[(this.#offset >>> 3) + 1] ?? outOfRange(this.#offset);
  }
  get wall(): number {
    return this.#memory.numbers[(this.#offset >>> 3) + 2] ?? outOfRange(this.#offset);
  }
  /** The body, lent until `release`. */
  get body(): Buffer {
    const start = this.#offset + RECORD_HEADER_SIZE;
    return this.#buffer.subarray(start, start + this.length);
  }

  /** Gives the room of all that was read back to the worker: only after its commit, so that `isEmpty` says so too. */
  release(): void {
    Atomics.store(this.#control, WORD_TAIL, this.#tail);
  }
}
