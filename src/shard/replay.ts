/**
 * Builds a shard's tables from what its store has: checkpoint pages first, then the log behind them, each entry checked
 * against the chain. What does not fit is told with its place, and nothing of it is used.
 */
import { epoch, lsn, resourceRow, shardMs, type ShardMs } from "../words/ids.js";
import { apply } from "../engine/apply.js";
import { armSession } from "../engine/sessions.js";
import {
  checkState,
  restoreClaimPage,
  restoreClientPage,
  settleRows,
  writeClaimPage,
  writeClientPage,
} from "../engine/pages.js";
import { clientRow } from "../words/ids.js";
import { xxhash32 } from "../words/xxhash32.js";
import type { ByteBuffer } from "../tables/byte-buffer.js";
import { ENTRY_FORMAT, ENTRY_HEADER_SIZE, eventSize } from "../tables/events.js";
import type { ChainEnd, Shard } from "./shard.js";

/** Kinds of checkpoint pages; a page's key is `(shard * 4 + kind) * 2^32 + page`. */
export const PAGE_HEAD = 0;
export const PAGE_CLAIMS = 1;
export const PAGE_CLIENTS = 2;
/** Where a page says how many rows it has (engine/pages.ts). */
export const PAGE_COUNT_AT = 20;
const PAGES_OF_KIND = 2 ** 32;
const HEAD_SIZE = 40;

/** What a stored log has that can't be: which shard, and what is wrong. */
export class Damage extends Error {
  override readonly name = "Damage";
}

export function pageKey(shard: number, kind: number, page: number): number {
  return (shard * 4 + kind) * PAGES_OF_KIND + page;
}
export function shardOfPage(key: number): number {
  return Math.floor(key / PAGES_OF_KIND / 4);
}

/**
 * Writes the page that says where the shard's log stands: LSN, stamp, epoch and checksum of the last entry. What an office
 * counted after it is not told: where the next primary has not heard it, shard time goes on without it.
 */
export function writeHeadPage(shard: Shard, out: ByteBuffer): number {
  const at = out.reserve(HEAD_SIZE);
  const { view } = out;
  view.setUint32(at, 1, true);
  view.setFloat64(at + 8, shard.state.head, true);
  view.setFloat64(at + 16, shard.chain.stamp, true);
  view.setUint32(at + 24, shard.chain.epoch, true);
  view.setUint32(at + 28, shard.chain.checksum, true);
  view.setFloat64(at + 32, shard.chain.lsn, true);
  view.setUint32(at + 4, xxhash32(view, at + 8, at + HEAD_SIZE, 0), true);
  return at;
}

/** Writes a page of the given kind; returns where it begins. */
export function writePage(shard: Shard, kind: number, page: number, out: ByteBuffer): number {
  return kind === PAGE_CLAIMS ? writeClaimPage(shard.state, page, out) : writeClientPage(shard.state, page, out);
}

/** Replays the log of one shard. */
export class Replay {
  readonly #shard: Shard;
  #hasEntries = false;
  /** The end of the chain that the head page has seen. The log may begin before it: see `entry`. */
  #anchor: ChainEnd | undefined;
  /** The largest LSN that a page has seen. */
  #pageLsnMax = 0;
  events = 0;

  constructor(shard: Shard) {
    this.#shard = shard;
    shard.state.inStep = false;
  }

  /** Restores a page. @throws Damage if it is not what was written. */
  page(key: number, bytes: Uint8Array): void {
    const kind = Math.floor(key / PAGES_OF_KIND) % 4;
    try {
      if (kind === PAGE_CLAIMS) restoreClaimPage(this.#shard.state, key % PAGES_OF_KIND, bytes);
      else if (kind === PAGE_CLIENTS) restoreClientPage(this.#shard.state, key % PAGES_OF_KIND, bytes);
      else this.#head(bytes);
      this.#pageLsnMax = Math.max(this.#pageLsnMax, new DataView(bytes.buffer, bytes.byteOffset).getFloat64(8, true));
    } catch (error) {
      const what = error instanceof Error ? error.message : String(error);
      throw new Damage(`shard ${this.#shard.index}, checkpoint page ${key % PAGES_OF_KIND}: ${what}`);
    }
  }

  #head(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (bytes.length !== HEAD_SIZE || view.getUint32(0, true) !== 1) throw new Error("it is of an unknown format");
    if (xxhash32(view, 8, HEAD_SIZE, 0) !== view.getUint32(4, true)) throw new Error("its checksum is wrong");
    const { chain, state } = this.#shard;
    state.head = lsn(view.getFloat64(8, true));
    chain.stamp = shardMs(view.getFloat64(16, true));
    chain.epoch = epoch(view.getUint32(24, true));
    chain.checksum = view.getUint32(28, true);
    chain.lsn = lsn(view.getFloat64(32, true));
    this.#anchor = { ...chain };
  }

  /**
   * Applies the entry at `at` of a stored batch. A checkpoint that was cut off has left a head page newer than the log's
   * beginning, and older pages that need that log: then the chain begins before the head page and must run through it.
   * @throws Damage if it does not continue the chain.
   */
  entry(bytes: Uint8Array, view: DataView, at: number, size: number): void {
    const { chain, state } = this.#shard;
    const first = view.getFloat64(at + 8, true);
    const where = `shard ${this.#shard.index}, entry at LSN ${first}`;
    if (view.getUint32(at + 56, true) !== ENTRY_FORMAT) throw new Damage(`${where}: of an unknown format`);
    const checksum = view.getUint32(at + 60, true);
    view.setUint32(at + 60, 0, true);
    const computed = xxhash32(view, at, at + size, view.getUint32(at + 52, true));
    view.setUint32(at + 60, checksum, true);
    if (computed !== checksum) throw new Damage(`${where}: its checksum is wrong`);
    const previous = view.getFloat64(at + 40, true);
    const isFirst = !this.#hasEntries;
    if (isFirst && previous > chain.lsn)
      throw new Damage(`${where}: what comes before it (LSN ${previous}) is missing`);
    const fits = previous === chain.lsn && view.getUint32(at + 52, true) === chain.checksum;
    const isBefore = isFirst && previous < chain.lsn;
    if (!isBefore && !fits) throw new Damage(`${where}: it does not continue the entry before it (LSN ${chain.lsn})`);
    if (isFirst && !isBefore) this.#anchor = undefined;
    this.#hasEntries = true;
    const count = view.getUint32(at + 16, true);
    const events = { view, bytes };
    let event = at + ENTRY_HEADER_SIZE;
    for (let i = 0; i < count; i++, event += eventSize(view, event)) {
      if (event >= at + size) throw new Damage(`${where}: it has fewer events than it says`);
      try {
        apply(state, events, event, first + i, resourceRow(0));
      } catch (error) {
        throw new Damage(`${where}, its event ${i}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    if (event !== at + size) throw new Damage(`${where}: it has more bytes than its events`);
    this.events += count;
    chain.lsn = state.head;
    chain.epoch = epoch(view.getUint32(at + 20, true));
    chain.checksum = checksum;
    this.#passAnchor(where);
    chain.stamp = shardMs(Math.max(chain.stamp, view.getFloat64(at + 24, true)));
    if (state.inStep) state.now = chain.stamp;
  }

  /** A chain that began before the head page must have the very entry that the page has seen last. */
  #passAnchor(where: string): void {
    const { chain } = this.#shard;
    const anchor = this.#anchor;
    if (anchor === undefined || chain.lsn < anchor.lsn) return;
    const isSame = chain.lsn === anchor.lsn && chain.checksum === anchor.checksum;
    if (!isSame) throw new Damage(`${where}: it is not what the checkpoint has seen (LSN ${anchor.lsn})`);
    this.#anchor = undefined;
  }

  /** The LSN up to which the log must be replayed over the pages before the rows agree with each other. */
  get pagesSeen(): number {
    return Math.max(this.#pageLsnMax, this.#anchor?.lsn ?? this.#shard.chain.lsn);
  }

  /** The largest stamp of pages and entries. */
  get stamp(): ShardMs {
    return this.#shard.chain.stamp;
  }

  /**
   * All that pages have seen is replayed: the rows are of one LSN. More entries may follow, as a hot backup's do.
   * @throws Damage if the rows don't agree with each other
   */
  settle(): void {
    const { shard, seen } = { shard: this.#shard, seen: this.#seen };
    if (seen > shard.state.head) {
      throw new Damage(
        `shard ${shard.index}: the log ends at LSN ${shard.state.head}, and a checkpoint has seen LSN ${seen}`,
      );
    }
    settleRows(shard.state);
    const wrong = checkState(shard.state);
    if (wrong !== undefined) throw new Damage(`shard ${shard.index}: ${wrong}`);
    shard.state.inStep = true;
    shard.state.now = this.stamp;
  }

  get #seen(): number {
    return Math.max(this.#pageLsnMax, this.#hasEntries ? (this.#anchor?.lsn ?? 0) : 0);
  }

  /** The shard decides from here on, from the largest stamp known, at this time of the worker's clock. */
  takeOffice(stamp: ShardMs, clockMs: number, paths: "all-paths" | "later-paths"): void {
    this.#shard.takeOffice(stamp, clockMs, paths);
    this.#hear(stamp);
  }

  /**
   * It decides from here on in a new era, without claims: whoever promoted it has waited until every lease and
   * lock-delay has run out, so shard time goes on by as much, and nobody counts as heard since.
   */
  beginEra(era: number, stamp: ShardMs, clockMs: number): void {
    const shard = this.#shard;
    const { ttlMaxMs, lockDelayMaxMs } = shard.state.limits;
    shard.takeOffice(shardMs(stamp + ttlMaxMs + lockDelayMaxMs), clockMs, "later-paths");
    shard.beginEra(era);
    this.#hear(stamp);
  }

  /** Every session counts as heard then, and who could be granted is. */
  #hear(stamp: ShardMs): void {
    const shard = this.#shard;
    const { clients } = shard.state;
    for (let row = clients.pool.nextLive(1); row !== 0; row = clients.pool.nextLive(row + 1)) {
      if (!clients.isSession(clientRow(row))) continue;
      clients.setHeardAt(row, stamp);
      armSession(shard.engine, clientRow(row));
    }
    settleAll(shard);
  }

  /** All is replayed: the shard goes on from here. @throws Damage if its rows don't agree with each other. */
  finish(clockMs: number): ShardMs {
    this.settle();
    this.takeOffice(this.stamp, clockMs, "all-paths");
    return this.stamp;
  }
}

/** Whoever could be granted is, in the first turns: a shard may have stopped between a release and the next grant. */
function settleAll(shard: Shard): void {
  const { claims, resources } = shard.state;
  for (let row = claims.pool.nextLive(1); row !== 0; row = claims.pool.nextLive(row + 1)) {
    const resource = claims.resource(claims.at(row));
    if (resources.firstWaiter(resource) === row) shard.engine.unsettled.push(resource);
  }
}

/** Calls `each` for every entry of a stored batch. @throws Damage if the sizes don't add up. */
export function forEachEntry(
  bytes: Uint8Array,
  each: (shard: number, view: DataView, at: number, size: number) => void,
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length; ) {
    const size = at + ENTRY_HEADER_SIZE <= bytes.length ? view.getUint32(at, true) : 0;
    if (size < ENTRY_HEADER_SIZE || at + size > bytes.length)
      throw new Damage(`an entry of ${size} bytes does not fit`);
    each(view.getUint32(at + 4, true), view, at, size);
    at += size;
  }
}
