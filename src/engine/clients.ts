/**
 * Who holds and waits in a shard: a row for each session that has something here, and one for each principal and
 * address that claims without a session. When a session was heard, and on which path, is the primary's memory and never
 * logged. Hot path: `make micro`.
 */
import { outOfRange } from "../words/assert.js";
import { type ClientRow, clientRow } from "../words/ids.js";
import { DirtyPages } from "../tables/dirty-pages.js";
import { HashIndex } from "../tables/hash-index.js";
import { Names } from "../tables/names.js";
import type { Paths } from "../tables/paths.js";
import { RowPool } from "../tables/row-pool.js";
import { TimerWheel } from "../tables/timer-wheel.js";
import { doublesOf, reserveWords } from "../tables/memory.js";

/** Rows of one checkpoint page: few, because a session's outcomes are in it. */
export const CLIENT_PAGE_SHIFT = 4;

export const CLIENT_FREE = 0;
/** A session, alive. */
export const CLIENT_SESSION_LIVE = 1;
/** Somebody without a session. */
export const CLIENT_BARE = 2;
/** A session that has ended here, and whose claims with a TTL of their own go on. */
export const CLIENT_SESSION_OVER = 3;

export class Clients {
  readonly pool: RowPool;
  readonly #index: HashIndex;
  readonly names: Names;
  readonly dirty: DirtyPages;
  readonly pageLsn: Float64Array;
  /** When a session is looked at: at the end of its TTL or waiting grace, or earlier. */
  readonly wheel: TimerWheel;
  // One row after the other, all fields of a row side by side: a row costs one or two cache lines, not one a field.
  readonly #words: Uint32Array;
  readonly #doubles: Float64Array;

  /**
   * @param capacity how many clients
   * @param namesBytesMax room for their principals and addresses, and for the metadata of all claims
   */
  constructor(capacity: number, namesBytesMax: number) {
    const size = capacity + 1;
    this.pool = new RowPool(capacity);
    this.#index = new HashIndex(capacity);
    this.names = new Names({ bytesMax: namesBytesMax });
    const pages = (size >>> CLIENT_PAGE_SHIFT) + 1;
    this.dirty = new DirtyPages(pages);
    this.pageLsn = doublesOf(reserveWords(pages * 2));
    this.wheel = new TimerWheel(capacity, 0);
    this.#words = reserveWords(size * 32);
    this.#doubles = doublesOf(this.#words);
  }

  /** Nobody. */
  readonly none: ClientRow = clientRow(0);

  /** The row of whoever asks on this path; 0 if this shard does not know them. */
  find(paths: Paths, path: number): ClientRow {
    const bare = !paths.isSession(path);
    for (let row = this.#index.first(paths.keyHash(path)); row !== 0; row = this.#index.next(row)) {
      if (bare !== (this.state(row) === CLIENT_BARE) || !this.#sameKey(row, paths, path)) continue;
      if (!this.#sameName(this.principal(row), paths, paths.principal(path))) continue;
      if (!bare || this.#sameName(this.address(row), paths, paths.address(path))) return clientRow(row);
    }
    return clientRow(0);
  }

  #sameKey(row: number, paths: Paths, path: number): boolean {
    return (
      this.keyWord(row, 0) === paths.keyWord(path, 0) &&
      this.keyWord(row, 1) === paths.keyWord(path, 1) &&
      this.keyWord(row, 2) === paths.keyWord(path, 2) &&
      this.keyWord(row, 3) === paths.keyWord(path, 3)
    );
  }
  #sameName(mine: number, paths: Paths, theirs: number): boolean {
    const size = paths.names.size(theirs);
    paths.names.copyTo(theirs, this.#scratch, 0);
    return this.names.equals(mine, this.#scratch, 0, size);
  }
  readonly #scratch: Uint8Array = new Uint8Array(1100);

  /** Enters a row into the index; the caller has filled its columns. */
  enterIndex(row: ClientRow, hash: number): void {
    this.#index.insert(row, hash);
  }
  leaveIndex(row: ClientRow): void {
    this.#index.remove(row);
  }
  /** Shard time at which the session was heard last. This and the next three: what only the primary in office knows. */
  heardAt(row: number): number {
    return this.#doubles[row * 16] ?? outOfRange(row);
  }
  setHeardAt(row: number, value: number): void {
    this.#doubles[row * 16] = value;
  }
  /** Which sending that was. */
  heardCount(row: number): number {
    return this.#doubles[row * 16 + 1] ?? outOfRange(row);
  }
  setHeardCount(row: number, value: number): void {
    this.#doubles[row * 16 + 1] = value;
  }
  /** The path that it listens on. */
  pathSerial(row: number): number {
    return this.#doubles[row * 16 + 2] ?? outOfRange(row);
  }
  setPathSerial(row: number, value: number): void {
    this.#doubles[row * 16 + 2] = value;
  }
  /** The largest request id executed or remembered: a larger one can't be a repetition. */
  lastRequestId(row: number): number {
    return this.#doubles[row * 16 + 3] ?? outOfRange(row);
  }
  setLastRequestId(row: number, value: number): void {
    this.#doubles[row * 16 + 3] = value;
  }
  path(row: number): number {
    return this.#words[row * 32 + 8] ?? outOfRange(row);
  }
  setPath(row: number, value: number): void {
    this.#words[row * 32 + 8] = value;
  }
  state(row: number): number {
    return this.#words[row * 32 + 9] ?? outOfRange(row);
  }
  setState(row: number, value: number): void {
    this.#words[row * 32 + 9] = value;
  }
  claims(row: number): number {
    return this.#words[row * 32 + 10] ?? outOfRange(row);
  }
  setClaims(row: number, value: number): void {
    this.#words[row * 32 + 10] = value;
  }
  waits(row: number): number {
    return this.#words[row * 32 + 11] ?? outOfRange(row);
  }
  setWaits(row: number, value: number): void {
    this.#words[row * 32 + 11] = value;
  }
  firstClaim(row: number): number {
    return this.#words[row * 32 + 12] ?? outOfRange(row);
  }
  setFirstClaim(row: number, value: number): void {
    this.#words[row * 32 + 12] = value;
  }
  firstOutcome(row: number): number {
    return this.#words[row * 32 + 13] ?? outOfRange(row);
  }
  setFirstOutcome(row: number, value: number): void {
    this.#words[row * 32 + 13] = value;
  }
  lastOutcome(row: number): number {
    return this.#words[row * 32 + 14] ?? outOfRange(row);
  }
  setLastOutcome(row: number, value: number): void {
    this.#words[row * 32 + 14] = value;
  }
  outcomes(row: number): number {
    return this.#words[row * 32 + 15] ?? outOfRange(row);
  }
  setOutcomes(row: number, value: number): void {
    this.#words[row * 32 + 15] = value;
  }
  ttlMs(row: number): number {
    return this.#doubles[row * 16 + 8] ?? outOfRange(row);
  }
  setTtlMs(row: number, value: number): void {
    this.#doubles[row * 16 + 8] = value;
  }
  mark(row: number): number {
    return this.#doubles[row * 16 + 9] ?? outOfRange(row);
  }
  setMark(row: number, value: number): void {
    this.#doubles[row * 16 + 9] = value;
  }
  /** Reference into `names`. */
  principal(row: number): number {
    return this.#words[row * 32 + 20] ?? outOfRange(row);
  }
  setPrincipal(row: number, value: number): void {
    this.#words[row * 32 + 20] = value;
  }
  address(row: number): number {
    return this.#words[row * 32 + 21] ?? outOfRange(row);
  }
  setAddress(row: number, value: number): void {
    this.#words[row * 32 + 21] = value;
  }
  /** A half of the public id. */
  publicId(row: number, half: 0 | 1): number {
    return this.#words[row * 32 + 22 + half] ?? outOfRange(row);
  }
  setPublicId(row: number, half: 0 | 1, value: number): void {
    this.#words[row * 32 + 22 + half] = value;
  }
  /** One of the four words of the session's key. */
  keyWord(row: number, word: number): number {
    return this.#words[row * 32 + 24 + word] ?? outOfRange(row);
  }
  setKeyWord(row: number, word: number, value: number): void {
    this.#words[row * 32 + 24 + word] = value;
  }
  isSession(row: ClientRow): boolean {
    return this.state(row) === CLIENT_SESSION_LIVE;
  }
  touch(row: ClientRow): void {
    this.dirty.mark(row >>> CLIENT_PAGE_SHIFT);
  }
  has(row: number, lsn: number): boolean {
    return lsn <= (this.pageLsn[row >>> CLIENT_PAGE_SHIFT] ?? outOfRange(row));
  }
}
