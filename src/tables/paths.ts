/**
 * Who can ask on this worker: a row for each path of a session, and one for each connection without a session.
 * Answers go to a path's connection as it is when they leave: a serial that no row ever gets twice tells whether the path
 * that was meant is still the one in this row. Hot path: `make micro`.
 */
import { assert, outOfRange } from "../words/assert.js";
import { bytesOf } from "./byte-buffer.js";
import { HashIndex } from "./hash-index.js";
import type { KeyedHash } from "./keyed-hash.js";
import { Names } from "./names.js";
import { RowPool } from "./row-pool.js";
import { doublesOf, reserveWords } from "./memory.js";

/** What is fixed when a path is opened. */
export interface PathOpening {
  /** 16 bytes of key; null for a connection's path without a session. */
  readonly key: Uint8Array | null;
  readonly ttlMs: number;
  /** First 64 bits of the SHA-256 of the key, as two 32-bit numbers; 0 without a session. */
  readonly publicId: readonly [number, number];
  readonly principal: Uint8Array;
  readonly address: Uint8Array;
  /** The connection that it belongs to. */
  readonly connection: number;
}

/** Counts of a path number: it is `start * 2^32 + count`, so that numbers of an earlier start are never taken for ours. */
export const PATHS_PER_START: number = 2 ** 32;

/** How many clients' rows are remembered at most, unless said otherwise. */
const REMEMBERED_MAX = 2 ** 20;
const IS_SESSION = 1;
/** A session's path that is found by session and by number. */
const IS_LISTED = 2;

/** What a worker's paths have room for. */
export interface PathsOptions {
  readonly capacity: number;
  readonly connections: number;
  readonly shards: number;
  /** Number of this start of this worker: no other start, of any worker of the node, has had it. */
  readonly start: number;
  readonly hash: KeyedHash;
  /** How many clients' rows are remembered at most, a power of two: with fewer than paths × shards, paths share places. */
  readonly rememberedMax?: number;
}

export class Paths {
  readonly #pool: RowPool;
  /** Sessions' paths by key, and by the count in their number. */
  readonly #index: HashIndex;
  readonly #byCount: HashIndex;
  readonly #hash: KeyedHash;
  readonly #names: Names;
  // 20 words a row: f64 serial, last id; then TTL, connection, hash, principal, address, kind, next, previous, public
  // id (2), key (4).
  readonly #words: Uint32Array;
  readonly #doubles: Float64Array;
  readonly #firstOf: Uint32Array;
  /** For each path a bit for each shard in which its caller was found since it was opened there. */
  readonly #known: Uint32Array;
  readonly #knownWords: number;
  /**
   * The row that a caller had in a shard's clients table when it was last looked up, by path and shard; with very many
   * paths two of them share a place, and who finds the other's row there looks it up anew.
   */
  readonly #clients: Uint32Array;
  readonly #clientsMask: number;
  readonly #shards: number;
  readonly #start: number;
  #count = 0;
  readonly #keyWords: Uint32Array = new Uint32Array(4);
  readonly #keyBytes: Uint8Array = new Uint8Array(this.#keyWords.buffer);

  constructor(options: PathsOptions) {
    const size = options.capacity + 1;
    this.#start = options.start;
    this.#hash = options.hash;
    this.#pool = new RowPool(options.capacity);
    this.#index = new HashIndex(options.capacity);
    this.#byCount = new HashIndex(options.capacity);
    this.#names = new Names({ bytesMax: Math.min(2 ** 31, options.capacity * 4_096 + 2 ** 20) });
    this.#words = reserveWords(size * 20);
    this.#doubles = doublesOf(this.#words);
    this.#firstOf = new Uint32Array(options.connections);
    this.#shards = options.shards;
    this.#knownWords = Math.ceil(options.shards / 32);
    this.#known = reserveWords(size * this.#knownWords);
    const remembered = Math.min(
      options.rememberedMax ?? REMEMBERED_MAX,
      2 ** Math.ceil(Math.log2(size * options.shards)),
    );
    this.#clients = reserveWords(remembered);
    this.#clientsMask = remembered - 1;
  }

  /** The path that its session has here now, 0 if none. */
  findSession(key: Uint8Array, principal: Uint8Array): number {
    this.#keyBytes.set(key);
    const [k0 = 0, k1 = 0, k2 = 0, k3 = 0] = this.#keyWords;
    for (let row = this.#index.first(this.#hash.hashWords(k0, k1, k2, k3)); row !== 0; row = this.#index.next(row)) {
      const isFirstHalf = this.keyWord(row, 0) === k0 && this.keyWord(row, 1) === k1;
      if (!isFirstHalf || this.keyWord(row, 2) !== k2 || this.keyWord(row, 3) !== k3) continue;
      if (this.#names.equals(this.#words[row * 20 + 7] ?? outOfRange(row), principal, 0, principal.length)) return row;
    }
    return 0;
  }

  /** Opens a path; whoever opens one for a session closes the session's older one first. Returns 0 when there is no row. */
  open(opening: PathOpening): number {
    const row = this.#pool.take();
    if (row === 0) return 0;
    this.#count++;
    assert(this.#count < PATHS_PER_START, "R-18: a start of a worker has used up its path numbers");
    const serial = this.#start * PATHS_PER_START + this.#count;
    this.#doubles[row * 10] = serial;
    this.#words[row * 20 + 5] = opening.connection;
    this.#words[row * 20 + 4] = opening.ttlMs;
    this.#words[row * 20 + 12] = opening.publicId[0];
    this.#words[row * 20 + 13] = opening.publicId[1];
    this.#words[row * 20 + 7] = this.#names.put(opening.principal, 0, opening.principal.length);
    this.#words[row * 20 + 8] = this.#names.put(opening.address, 0, opening.address.length);
    this.#doubles[row * 10 + 1] = 0;
    this.#known.fill(0, row * this.#knownWords, (row + 1) * this.#knownWords);
    this.#link(row, opening.connection);
    this.#words[row * 20 + 9] = opening.key === null ? 0 : IS_SESSION | IS_LISTED;
    if (opening.key === null) {
      this.#words.fill(0, row * 20 + 14, row * 20 + 18);
      this.#words[row * 20 + 6] = this.#bareHash(opening);
      return row;
    }
    this.#keyBytes.set(opening.key);
    this.#words.set(this.#keyWords, row * 20 + 14);
    const [k0 = 0, k1 = 0, k2 = 0, k3 = 0] = this.#keyWords;
    const hash = this.#hash.hashWords(k0, k1, k2, k3);
    this.#words[row * 20 + 6] = hash;
    this.#index.insert(row, hash);
    this.#byCount.insert(row, this.#count);
    return row;
  }

  #bareHash(opening: PathOpening): number {
    const principal = this.#hash.hash(bytesOf(opening.principal), 0, opening.principal.length);
    const address = this.#hash.hash(bytesOf(opening.address), 0, opening.address.length);
    return this.#hash.hashWords(principal, address, 0, 0);
  }

  /** Nobody finds the path by session or number from now on; what was asked on it is still answered until it is closed. */
  forget(row: number): void {
    if ((this.#kind(row) & IS_LISTED) === 0) return;
    this.#words[row * 20 + 9] = IS_SESSION;
    this.#byCount.remove(row);
    this.#index.remove(row);
  }

  /** Closes a path: what is addressed to it goes nowhere from now on. */
  close(row: number): void {
    assert(this.isOpen(row), "R-18: a path is closed once");
    this.forget(row);
    this.#unlink(row);
    this.#names.free(this.#words[row * 20 + 7] ?? outOfRange(row));
    this.#names.free(this.#words[row * 20 + 8] ?? outOfRange(row));
    this.#doubles[row * 10] = 0;
    this.#pool.give(row);
  }

  /** The row of a path number, 0 if no such path is open here. */
  rowOf(number: number): number {
    for (let row = this.#byCount.first(number % PATHS_PER_START); row !== 0; row = this.#byCount.next(row)) {
      if (this.serial(row) === number) return row;
    }
    return 0;
  }
  #kind(row: number): number {
    return this.#words[row * 20 + 9] ?? outOfRange(row);
  }
  /** The number of a session's path; a number of the same kind for one without a session. */
  serial(row: number): number {
    return this.#doubles[row * 10] ?? outOfRange(row);
  }
  isOpen(row: number): boolean {
    return this.#doubles[row * 10] !== 0;
  }
  isSession(row: number): boolean {
    return (this.#kind(row) & IS_SESSION) !== 0;
  }
  connection(row: number): number {
    return this.#words[row * 20 + 5] ?? outOfRange(row);
  }
  keyHash(row: number): number {
    return this.#words[row * 20 + 6] ?? outOfRange(row);
  }
  /** One of the four 32-bit words of the session's key. */
  keyWord(row: number, word: number): number {
    return this.#words[row * 20 + 14 + word] ?? outOfRange(row);
  }
  ttlMs(row: number): number {
    return this.#words[row * 20 + 4] ?? outOfRange(row);
  }
  publicId(row: number, half: 0 | 1): number {
    return this.#words[row * 20 + 12 + half] ?? outOfRange(row);
  }
  /** References into `names`. */
  principal(row: number): number {
    return this.#words[row * 20 + 7] ?? outOfRange(row);
  }
  address(row: number): number {
    return this.#words[row * 20 + 8] ?? outOfRange(row);
  }
  /** A copy of the principal's bytes. */
  copyPrincipal(row: number): Uint8Array {
    const bytes = new Uint8Array(this.#names.size(this.principal(row)));
    this.#names.copyTo(this.principal(row), bytes, 0);
    return bytes;
  }
  samePrincipal(row: number, other: number): boolean {
    const size = this.#names.copyTo(this.principal(other), scratch, 0);
    return this.#names.equals(this.principal(row), scratch, 0, size);
  }
  get names(): Names {
    return this.#names;
  }
  /** The largest request id executed on this path. */
  lastId(row: number): number {
    return this.#doubles[row * 10 + 1] ?? outOfRange(row);
  }
  setLastId(row: number, id: number): void {
    this.#doubles[row * 10 + 1] = id;
  }
  /** Sessions that have a path here. */
  get sessions(): number {
    return this.#byCount.size;
  }

  /** Remembers the row of the caller in a shard. */
  noteClient(row: number, shard: number, client: number): void {
    const at = row * this.#knownWords + (shard >>> 5);
    this.#known[at] = (this.#known[at] ?? outOfRange(row)) | (1 << (shard & 31));
    this.#clients[this.#placeOf(row, shard)] = client;
  }
  /** The caller has no row in a shard: what was noted of one before counts no more. */
  forgetClient(row: number, shard: number): void {
    const at = row * this.#knownWords + (shard >>> 5);
    this.#known[at] = (this.#known[at] ?? outOfRange(row)) & ~(1 << (shard & 31));
  }
  /** The remembered row, 0 if there is none. It may be another's: compare. */
  clientIn(row: number, shard: number): number {
    return this.wasFoundIn(row, shard) ? (this.#clients[this.#placeOf(row, shard)] ?? outOfRange(row)) : 0;
  }
  /** Whether the caller was found in a shard since the path was opened there. */
  wasFoundIn(row: number, shard: number): boolean {
    const word = this.#known[row * this.#knownWords + (shard >>> 5)] ?? outOfRange(row);
    return (word & (1 << (shard & 31))) !== 0;
  }
  /** Adds to `shards`, a set with one bit each, those in which the caller was found. */
  addShardsOf(row: number, shards: Uint32Array): void {
    const from = row * this.#knownWords;
    for (let word = 0; word < this.#knownWords; word++) {
      shards[word] = (shards[word] ?? outOfRange(word)) | (this.#known[from + word] ?? outOfRange(row));
    }
  }
  #placeOf(row: number, shard: number): number {
    return (row * this.#shards + shard) & this.#clientsMask;
  }

  /** First path of a connection, 0 if it has none. */
  firstOf(connection: number): number {
    return this.#firstOf[connection] ?? outOfRange(connection);
  }
  nextOf(row: number): number {
    return this.#words[row * 20 + 10] ?? outOfRange(row);
  }

  #link(row: number, connection: number): void {
    const first = this.#firstOf[connection] ?? outOfRange(connection);
    this.#words[row * 20 + 10] = first;
    this.#words[row * 20 + 11] = 0;
    if (first !== 0) this.#words[first * 20 + 11] = row;
    this.#firstOf[connection] = row;
  }
  #unlink(row: number): void {
    const next = this.#words[row * 20 + 10] ?? outOfRange(row);
    const previous = this.#words[row * 20 + 11] ?? outOfRange(row);
    if (next !== 0) this.#words[next * 20 + 11] = previous;
    if (previous !== 0) this.#words[previous * 20 + 10] = next;
    else this.#firstOf[this.connection(row)] = next;
  }
}

const scratch = new Uint8Array(1_100);
