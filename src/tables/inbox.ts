/**
 * The requests of one turn of a worker, as rows: one column for each field, reused by each turn. Requests of a shard
 * hang in one list in their order of arrival. Hot path: `make micro`.
 *
 * Strings stay where they arrived: `bytes` holds copies of the turn's frames, a row has where its name begins and ends.
 */
import { assert, outOfRange } from "../words/assert.js";
import { ByteBuffer } from "./byte-buffer.js";
import { doublesOf, reserveWords } from "./memory.js";

/** Numbers of the columns that hold doubles; what each means depends on the operation (protocol/decode-requests.ts). */
export class Inbox {
  readonly #capacity: number;
  /** Copies of the frames of the turn. */
  readonly frames: ByteBuffer;
  // 32 words a row: eight doubles, then the rest.
  readonly #words: Uint32Array;
  readonly #doubles: Float64Array;
  readonly #head: Uint32Array;
  readonly #tail: Uint32Array;
  /** What the groups of this turn have seen: through, then pairs from, to. */
  seen: Float64Array = new Float64Array(1024);
  seenLength = 0;
  #count = 0;

  constructor(options: { capacity: number; shards: number; frameBytesInitial: number; frameBytesMax: number }) {
    const size = options.capacity + 1;
    this.#capacity = options.capacity;
    this.frames = new ByteBuffer(options.frameBytesInitial, options.frameBytesMax);
    this.#words = reserveWords(size * 32);
    this.#doubles = doublesOf(this.#words);
    this.#head = new Uint32Array(options.shards);
    this.#tail = new Uint32Array(options.shards);
  }

  /** Requests in this turn. */
  get count(): number {
    return this.#count;
  }
  get capacity(): number {
    return this.#capacity;
  }
  get bytes(): Uint8Array {
    return this.frames.bytes;
  }

  /** A row for one more request, numbered from 1; its columns hold what an earlier turn left. */
  add(): number {
    assert(this.#count < this.#capacity, "the inbox is full: look at its capacity first");
    return ++this.#count;
  }
  /** Takes back the row that was added last. */
  dropLast(): void {
    this.#count--;
  }

  /** Puts a request at the end of its shard's list. */
  route(row: number, shard: number): void {
    this.#setNext(row, 0);
    const tail = this.#tail[shard] ?? outOfRange(shard);
    if (tail === 0) this.#head[shard] = row;
    else this.#setNext(tail, row);
    this.#tail[shard] = row;
  }
  /** First request of a shard; 0 if it has none. */
  first(shard: number): number {
    return this.#head[shard] ?? outOfRange(shard);
  }
  next(row: number): number {
    return this.#words[row * 32 + 27] ?? outOfRange(row);
  }
  #setNext(row: number, next: number): void {
    this.#words[row * 32 + 27] = next;
  }
  id(row: number): number {
    return this.#doubles[row * 16] ?? outOfRange(row);
  }
  setId(row: number, value: number): void {
    this.#doubles[row * 16] = value;
  }
  ttlMs(row: number): number {
    return this.#doubles[row * 16 + 1] ?? outOfRange(row);
  }
  setTtlMs(row: number, value: number): void {
    this.#doubles[row * 16 + 1] = value;
  }
  waitMs(row: number): number {
    return this.#doubles[row * 16 + 2] ?? outOfRange(row);
  }
  setWaitMs(row: number, value: number): void {
    this.#doubles[row * 16 + 2] = value;
  }
  lockDelayMs(row: number): number {
    return this.#doubles[row * 16 + 3] ?? outOfRange(row);
  }
  setLockDelayMs(row: number, value: number): void {
    this.#doubles[row * 16 + 3] = value;
  }
  permits(row: number): number {
    return this.#doubles[row * 16 + 4] ?? outOfRange(row);
  }
  setPermits(row: number, value: number): void {
    this.#doubles[row * 16 + 4] = value;
  }
  /** Token; or the id of the wait that is meant; or the limit of a list. */
  token(row: number): number {
    return this.#doubles[row * 16 + 5] ?? outOfRange(row);
  }
  setToken(row: number, value: number): void {
    this.#doubles[row * 16 + 5] = value;
  }
  /** The group's count of its sending. */
  sentCount(row: number): number {
    return this.#doubles[row * 16 + 6] ?? outOfRange(row);
  }
  setSentCount(row: number, value: number): void {
    this.#doubles[row * 16 + 6] = value;
  }
  op(row: number): number {
    return this.#words[row * 32 + 16] ?? outOfRange(row);
  }
  setOp(row: number, value: number): void {
    this.#words[row * 32 + 16] = value;
  }
  mode(row: number): number {
    return this.#words[row * 32 + 17] ?? outOfRange(row);
  }
  setMode(row: number, value: number): void {
    this.#words[row * 32 + 17] = value;
  }
  /** 1: what is acquired belongs to (principal, token), although a session asks. */
  isLoose(row: number): number {
    return this.#words[row * 32 + 18] ?? outOfRange(row);
  }
  setIsLoose(row: number, value: number): void {
    this.#words[row * 32 + 18] = value;
  }
  /** Row of tables/paths.ts: who asks. */
  path(row: number): number {
    return this.#words[row * 32 + 19] ?? outOfRange(row);
  }
  setPath(row: number, value: number): void {
    this.#words[row * 32 + 19] = value;
  }
  /** First number of what the client has seen, in `seen`; `seenCount` of them. */
  seenAt(row: number): number {
    return this.#words[row * 32 + 20] ?? outOfRange(row);
  }
  setSeenAt(row: number, value: number): void {
    this.#words[row * 32 + 20] = value;
  }
  seenCount(row: number): number {
    return this.#words[row * 32 + 21] ?? outOfRange(row);
  }
  setSeenCount(row: number, value: number): void {
    this.#words[row * 32 + 21] = value;
  }
  nameAt(row: number): number {
    return this.#words[row * 32 + 22] ?? outOfRange(row);
  }
  setNameAt(row: number, value: number): void {
    this.#words[row * 32 + 22] = value;
  }
  nameEnd(row: number): number {
    return this.#words[row * 32 + 23] ?? outOfRange(row);
  }
  setNameEnd(row: number, value: number): void {
    this.#words[row * 32 + 23] = value;
  }
  crc(row: number): number {
    return this.#words[row * 32 + 24] ?? outOfRange(row);
  }
  setCrc(row: number, value: number): void {
    this.#words[row * 32 + 24] = value;
  }
  extraAt(row: number): number {
    return this.#words[row * 32 + 25] ?? outOfRange(row);
  }
  setExtraAt(row: number, value: number): void {
    this.#words[row * 32 + 25] = value;
  }
  extraEnd(row: number): number {
    return this.#words[row * 32 + 26] ?? outOfRange(row);
  }
  setExtraEnd(row: number, value: number): void {
    this.#words[row * 32 + 26] = value;
  }

  /** Notes one number of what a group has seen. */
  pushSeen(value: number): void {
    if (this.seenLength === this.seen.length) {
      const larger = new Float64Array(this.seen.length * 2);
      larger.set(this.seen);
      this.seen = larger;
    }
    this.seen[this.seenLength++] = value;
  }

  /** Forgets all: the turn is over. */
  reset(): void {
    this.#count = 0;
    this.seenLength = 0;
    this.#head.fill(0);
    this.#tail.fill(0);
    this.frames.reset();
  }
}
