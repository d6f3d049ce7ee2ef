/**
 * The claims of a shard: one row each, one column for each field; only engine/apply.ts writes. A row *waits* in its
 * resource's queue, *holds* it, or, once expired or forced, *delays* the next grant. Hot path: `make micro`.
 *
 *     row   48 bytes: f64 LSN, f64 since, u32 TTL, flags and state, resource, client, next, previous, lock-delay, permits
 *     more  32 bytes, untouched for a plain claim without a session: f64 request id, u32 hash, next and previous of its
 *           client, renewals, metadata, 0
 */
import { assert, outOfRange } from "../words/assert.js";
import { type ClaimRow, claimRow, type ClientRow, clientRow, type ResourceRow, resourceRow } from "../words/ids.js";
import { DirtyPages } from "../tables/dirty-pages.js";
import { RowPool } from "../tables/row-pool.js";
import { TimerWheel } from "../tables/timer-wheel.js";
import type { Resources } from "./resources.js";
import { doublesOf, reserveWords } from "../tables/memory.js";

export const CLAIM_FREE = 0;
export const CLAIM_WAITS = 1;
export const CLAIM_HOLDS = 2;
export const CLAIM_DELAYS = 3;

/** Flags beside those of words/event-kinds.ts (mode, loose, bound). */
export const CLAIM_REVOKED = 16;
export const CLAIM_FORCED = 32;
/** A session's request brought it; it has been renewed; it has metadata: there are more fields. */
const CLAIM_ASKED = 64;
const CLAIM_RENEWED = 128;
const CLAIM_NOTED = 256;
/** A row's state stands above its flags. */
const STATE_SHIFT = 16;
const FLAGS_MASK = 2 ** STATE_SHIFT - 1;
/** The flags that a checkpoint page keeps. */
export const CLAIM_FLAGS_STORED = 63;

/** Rows of one checkpoint page: about 4 KiB of it. */
export const CLAIM_PAGE_SHIFT = 6;

export class Claims {
  readonly pool: RowPool;
  /** Leases of holders, time-outs of waiters, ends of delays. */
  readonly wheel: TimerWheel;
  readonly dirty: DirtyPages;
  /** The LSN that a restored page already has: replay skips events up to it. */
  readonly pageLsn: Float64Array;
  readonly #resources: Resources;
  // One row after the other, all fields of a row side by side: a row costs one or two cache lines, not one a field.
  readonly #words: Uint32Array;
  readonly #doubles: Float64Array;
  // What a plain lock does not need: these rows are touched by sessions and renewals only, and else cost no memory.
  readonly #moreWords: Uint32Array;
  readonly #moreDoubles: Float64Array;
  #waiting = 0;

  constructor(capacity: number, resources: Resources) {
    const size = capacity + 1;
    this.#resources = resources;
    this.pool = new RowPool(capacity);
    this.wheel = new TimerWheel(capacity, 0);
    const pages = (size >>> CLAIM_PAGE_SHIFT) + 1;
    this.dirty = new DirtyPages(pages);
    this.pageLsn = doublesOf(reserveWords(pages * 2));
    this.#words = reserveWords(size * 12);
    this.#doubles = doublesOf(this.#words);
    this.#moreWords = reserveWords(size * 8);
    this.#moreDoubles = doublesOf(this.#moreWords);
  }

  /** No claim. */
  readonly none: ClaimRow = claimRow(0);
  at(row: number): ClaimRow {
    return claimRow(row);
  }
  /** How many wait, for all resources. */
  get waiting(): number {
    return this.#waiting;
  }
  get capacity(): number {
    return this.pool.capacity;
  }
  /** Waits: LSN of the enqueueing. Holds: the fencing token. Delays: the token that was. */
  lsn(row: number): number {
    return this.#doubles[row * 6] ?? outOfRange(row);
  }
  setLsn(row: number, value: number): void {
    this.#doubles[row * 6] = value;
  }
  /** Shard time at which it began to wait or to hold. */
  since(row: number): number {
    return this.#doubles[row * 6 + 1] ?? outOfRange(row);
  }
  setSince(row: number, value: number): void {
    this.#doubles[row * 6 + 1] = value;
  }
  /** 0: bound to its session. */
  ttlMs(row: number): number {
    return this.#words[row * 12 + 4] ?? outOfRange(row);
  }
  setTtlMs(row: number, value: number): void {
    this.#words[row * 12 + 4] = value;
  }
  /** Free, waits, holds or delays. */
  state(row: number): number {
    return this.#flagsAndState(row) >>> STATE_SHIFT;
  }
  setState(row: number, value: number): void {
    this.#words[row * 12 + 5] = (this.#flagsAndState(row) & FLAGS_MASK) | (value << STATE_SHIFT);
  }
  #flagsAndState(row: number): number {
    return this.#words[row * 12 + 5] ?? outOfRange(row);
  }
  /** Mode and CLAIM_… flags. */
  flags(row: number): number {
    return this.#flagsAndState(row) & FLAGS_MASK;
  }
  setFlags(row: number, value: number): void {
    this.#words[row * 12 + 5] = (this.#flagsAndState(row) & ~FLAGS_MASK) | value;
  }
  lockDelayMs(row: number): number {
    return this.#words[row * 12 + 10] ?? outOfRange(row);
  }
  setLockDelayMs(row: number, value: number): void {
    this.#words[row * 12 + 10] = value;
  }
  /** N of a permit claim; 0 for the other modes. */
  permits(row: number): number {
    return this.#words[row * 12 + 11] ?? outOfRange(row);
  }
  setPermits(row: number, value: number): void {
    this.#words[row * 12 + 11] = value;
  }
  /** Reference into the names of the clients; 0: none. */
  metadata(row: number): number {
    return (this.flags(row) & CLAIM_NOTED) === 0 ? 0 : (this.#moreWords[row * 8 + 6] ?? outOfRange(row));
  }
  setMetadata(row: number, value: number): void {
    this.setFlags(row, this.flags(row) | CLAIM_NOTED);
    this.#moreWords[row * 8 + 6] = value;
  }
  requestId(row: number): number {
    return (this.flags(row) & CLAIM_ASKED) === 0 ? 0 : (this.#moreDoubles[row * 4] ?? outOfRange(row));
  }
  requestHash(row: number): number {
    return (this.flags(row) & CLAIM_ASKED) === 0 ? 0 : (this.#moreWords[row * 8 + 2] ?? outOfRange(row));
  }
  /** Notes which request of its session brought the claim, and 32 bits of what it was. */
  setRequest(row: number, id: number, hash: number): void {
    this.setFlags(row, this.flags(row) | CLAIM_ASKED);
    this.#moreDoubles[row * 4] = id;
    this.#moreWords[row * 8 + 2] = hash;
  }
  renewCount(row: number): number {
    return (this.flags(row) & CLAIM_RENEWED) === 0 ? 0 : (this.#moreWords[row * 8 + 5] ?? outOfRange(row));
  }
  setRenewCount(row: number, value: number): void {
    this.setFlags(row, this.flags(row) | CLAIM_RENEWED);
    this.#moreWords[row * 8 + 5] = value;
  }
  resource(row: ClaimRow): ResourceRow {
    return resourceRow(this.#words[row * 12 + 6] ?? outOfRange(row));
  }
  client(row: ClaimRow): ClientRow {
    return clientRow(this.#words[row * 12 + 7] ?? outOfRange(row));
  }
  /** The next of the same list of its resource, 0 at the end. */
  next(row: ClaimRow): ClaimRow {
    return claimRow(this.nextRow(row));
  }
  /** The same for a bare number. */
  nextRow(row: number): number {
    return this.#words[row * 12 + 8] ?? outOfRange(row);
  }
  previous(row: ClaimRow): ClaimRow {
    return claimRow(this.#words[row * 12 + 9] ?? outOfRange(row));
  }
  nextOfClient(row: ClaimRow): ClaimRow {
    return claimRow(this.#moreWords[row * 8 + 3] ?? outOfRange(row));
  }
  #previousOfClient(row: number): number {
    return this.#moreWords[row * 8 + 4] ?? outOfRange(row);
  }
  #setNext(row: number, next: number): void {
    this.#words[row * 12 + 8] = next;
  }
  #setPrevious(row: number, previous: number): void {
    this.#words[row * 12 + 9] = previous;
  }
  /** Shard time at which its lease, its wait or its delay ends; Infinity if it is bound to its session. */
  deadline(row: ClaimRow): number {
    return this.wheel.isArmed(row) ? this.wheel.deadline(row) : Number.POSITIVE_INFINITY;
  }
  touch(row: ClaimRow): void {
    this.dirty.mark(row >>> CLAIM_PAGE_SHIFT);
  }
  /** Whether the row's page was restored from a checkpoint that has seen this LSN. */
  has(row: number, lsn: number): boolean {
    return lsn <= (this.pageLsn[row >>> CLAIM_PAGE_SHIFT] ?? outOfRange(row));
  }

  /** Makes a free row a claim of this resource and client, with these flags; it is in no list yet. */
  begin(row: ClaimRow, resource: ResourceRow, client: ClientRow, flags: number): void {
    assert(this.state(row) === CLAIM_FREE, "INV-1: a claim's row is taken once");
    this.pool.claim(row);
    this.#words[row * 12 + 6] = resource;
    this.#words[row * 12 + 7] = client;
    this.setFlags(row, flags);
    this.setLockDelayMs(row, 0);
    this.setPermits(row, 0);
    this.#setNext(row, 0);
    this.#setPrevious(row, 0);
  }
  /** Frees a row that is in no list. */
  end(row: ClaimRow): void {
    if (this.wheel.isArmed(row)) this.wheel.cancel(row);
    this.setState(row, CLAIM_FREE);
    this.pool.give(row);
  }

  /** Puts a claim into its resource's list for `state`: waiters by LSN, the others as they come. */
  enter(row: ClaimRow, state: number): void {
    this.setState(row, state);
    const resource = this.resource(row);
    if (state === CLAIM_WAITS) return this.#enqueue(row, resource);
    const resources = this.#resources;
    let first = 0;
    if (state === CLAIM_HOLDS) {
      resources.setHolders(resource, resources.holders(resource) + 1);
      first = resources.firstHolder(resource);
      resources.setFirstHolder(resource, row);
    } else {
      first = resources.firstDelay(resource);
      resources.setFirstDelay(resource, row);
    }
    this.#setNext(row, first);
    if (first !== 0) this.#setPrevious(first, row);
  }

  /** A waiter goes behind all with a smaller LSN: in office that is the end; in replay pages may come out of order. */
  #enqueue(row: ClaimRow, resource: ResourceRow): void {
    const resources = this.#resources;
    resources.setWaiters(resource, resources.waiters(resource) + 1);
    this.#waiting++;
    let before = resources.lastWaiter(resource);
    const lsn = this.lsn(row);
    while (before !== 0 && this.lsn(before) > lsn) before = this.previous(claimRow(before));
    const after = before === 0 ? resources.firstWaiter(resource) : this.nextRow(before);
    this.#setNext(row, after);
    this.#setPrevious(row, before);
    if (before === 0) resources.setFirstWaiter(resource, row);
    else this.#setNext(before, row);
    if (after === 0) resources.setLastWaiter(resource, row);
    else this.#setPrevious(after, row);
  }

  /** Takes a claim out of its resource's list. */
  leave(row: ClaimRow): void {
    const state = this.state(row);
    const resource = this.resource(row);
    const resources = this.#resources;
    const next = this.nextRow(row);
    const previous = this.previous(row);
    if (state === CLAIM_HOLDS) resources.setHolders(resource, resources.holders(resource) - 1);
    if (next !== 0) this.#setPrevious(next, previous);
    else if (state === CLAIM_WAITS) resources.setLastWaiter(resource, previous);
    if (previous !== 0) this.#setNext(previous, next);
    else if (state === CLAIM_HOLDS) resources.setFirstHolder(resource, next);
    else if (state === CLAIM_WAITS) resources.setFirstWaiter(resource, next);
    else resources.setFirstDelay(resource, next);
    this.#setNext(row, 0);
    this.#setPrevious(row, 0);
    if (state !== CLAIM_WAITS) return;
    resources.setWaiters(resource, resources.waiters(resource) - 1);
    this.#waiting--;
  }

  /** Links a claim into its session's list, whose head is `first`; returns the new head. */
  linkToClient(row: ClaimRow, first: number): number {
    this.#moreWords[row * 8 + 3] = first;
    this.#moreWords[row * 8 + 4] = 0;
    if (first !== 0) this.#moreWords[first * 8 + 4] = row;
    return row;
  }
  /** Unlinks it; returns the new head. */
  unlinkFromClient(row: ClaimRow, first: number): number {
    const next = this.nextOfClient(row);
    const previous = this.#previousOfClient(row);
    if (next !== 0) this.#moreWords[next * 8 + 4] = previous;
    if (previous !== 0) this.#moreWords[previous * 8 + 3] = next;
    return previous === 0 ? next : first;
  }
}
