/**
 * The log of the replicas of one store: their orders become batches (one transaction for each turn), and what a start finds
 * there becomes the part of each replica. The log only grows, so a cut is a record in it as well:
 *
 *     record = entry, or 80 bytes:  0 u32 80   4 u32 shard   8 f64 LSN   20 u32 epoch   52 u32 checksum of a position
 *              56 u32 CUT (what is behind the position never was) | BASE (the part begins there) | NOTE (nothing)
 *              64 f64 LSN known to be committed   60 u32 checksum of the record (these four bytes taken as 0)
 */
import { z } from "zod";
import { assert } from "../words/assert.js";
import type { Configuration } from "../words/configuration.js";
import { epoch, lsn, type Lsn, shardIndex } from "../words/ids.js";
import { xxhash32 } from "../words/xxhash32.js";
import type { LogStore } from "../log/log-store.js";
import type { PartRange } from "../log/store-messages.js";
import type { StoredShard } from "../log/store-options.js";
import { ENTRY_FORMAT, ENTRY_HEADER_SIZE } from "../tables/events.js";
import { type Entry, isSame, NOWHERE, type Position, readEntry } from "../replication/entry.js";
import type { Remembered } from "../replication/inputs.js";
import type { LogOrder } from "../replication/outputs.js";
import { Damage, shardOfPage } from "../shard/replay.js";

export const RECORD_CUT = 0x101;
export const RECORD_BASE = 0x102;
const RECORD_NOTE = 0x103;

/** Of a batch, about; what is more goes into the next one. */
const BATCH_BYTES = 2 ** 18;
/** What an order takes of the ring beside its own bytes, at the most. */
const ORDER_SLACK = 4_096;

/** Takes what a store has, pages first. */
export interface PartSink {
  page(key: number, body: Uint8Array): void;
  batch(seq: number, wall: number, body: Uint8Array): void;
}

/** A store whose content can be read while it is open. */
export interface ReplicaDisk extends LogStore {
  /**
   * Pages, then batches from the last checkpoint on: all that is written, as of this moment, of this shard at least.
   * Bodies are lent.
   */
  readParts(sink: PartSink, of: PartRange): void;
}

/** A page of a shard, under its key. */
export interface KeyedPage {
  readonly key: number;
  readonly body: Uint8Array;
}

/** An entry of the log, and the batch in which it stands. */
export interface Placed {
  readonly entry: Entry;
  readonly seq: number;
}

/** What a store has of one shard. */
export interface Part {
  readonly pages: KeyedPage[];
  readonly entries: Placed[];
  committed: Lsn;
}

/** Reads the parts of all shards of a store. @throws Damage if something is not what was written */
export class PartReader implements PartSink {
  readonly parts: Map<number, Part> = new Map();

  page(key: number, body: Uint8Array): void {
    this.part(shardOfPage(key)).pages.push({ key, body: Uint8Array.from(body) });
  }

  batch(seq: number, _wall: number, body: Uint8Array): void {
    const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
    for (let at = 0; at < body.length; ) {
      const size = at + ENTRY_HEADER_SIZE <= body.length ? view.getUint32(at, true) : 0;
      if (size < ENTRY_HEADER_SIZE || at + size > body.length) {
        throw new Damage(`batch ${seq}: a record of ${size} bytes does not fit`);
      }
      this.#record(seq, body.slice(at, at + size));
      at += size;
    }
  }

  /** What there is of a shard. */
  part(shard: number): Part {
    let part = this.parts.get(shard);
    if (part === undefined) {
      part = { pages: [], entries: [], committed: lsn(0) };
      this.parts.set(shard, part);
    }
    return part;
  }

  #record(seq: number, bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const part = this.part(view.getUint32(4, true));
    const { entries } = part;
    if (view.getUint32(56, true) === ENTRY_FORMAT) {
      const entry = readEntry(bytes);
      if (entry === null) throw new Damage(`batch ${seq}: an entry has a wrong checksum`);
      const last = entries.at(-1)?.entry.position;
      if (last !== undefined && !isSame(entry.previous, last)) {
        throw new Damage(`batch ${seq}: the entry at LSN ${entry.firstLsn} does not continue LSN ${last.lsn}`);
      }
      entries.push({ entry, seq });
      part.committed = lsn(Math.max(part.committed, entry.committed));
      return;
    }
    const { format, position, committed } = readRecord(view, seq);
    if (format === RECORD_BASE) {
      entries.length = 0;
      part.committed = position.lsn;
    } else if (format === RECORD_CUT) {
      while (entries.length > 0 && (entries.at(-1)?.entry.position.lsn ?? 0) > position.lsn) entries.pop();
    }
    part.committed = lsn(Math.max(part.committed, committed));
  }
}

/** What a record says that is no entry. */
export interface LogRecord {
  readonly format: number;
  readonly position: Position;
  readonly committed: Lsn;
}

/** Reads one. @throws Damage if it is not what was written */
export function readRecord(view: DataView, seq: number): LogRecord {
  const format = view.getUint32(56, true);
  const checksum = view.getUint32(60, true);
  view.setUint32(60, 0, true);
  const isRight = xxhash32(view, 0, ENTRY_HEADER_SIZE, 0) === checksum;
  view.setUint32(60, checksum, true);
  if (!isRight) throw new Damage(`batch ${seq}: a record has a wrong checksum`);
  const position: Position = {
    epoch: epoch(view.getUint32(20, true)),
    lsn: lsn(view.getFloat64(8, true)),
    checksum: view.getUint32(52, true),
  };
  return { format, position, committed: lsn(view.getFloat64(64, true)) };
}

function recordOf(shard: number, { format, position, committed }: LogRecord): Uint8Array {
  const bytes = new Uint8Array(ENTRY_HEADER_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, ENTRY_HEADER_SIZE, true);
  view.setUint32(4, shard, true);
  view.setFloat64(8, position.lsn, true);
  view.setUint32(20, position.epoch, true);
  view.setUint32(52, position.checksum, true);
  view.setUint32(56, format, true);
  view.setFloat64(64, committed, true);
  view.setUint32(60, xxhash32(view, 0, ENTRY_HEADER_SIZE, 0), true);
  return bytes;
}

/** A configuration as a store keeps it. */
function storedShard(configuration: Configuration): StoredShard {
  const { shard, epoch: number, era } = configuration;
  return { shard, epoch: number, era, config: JSON.stringify(configuration) };
}

const storedConfiguration = z.object({
  shard: z.number(),
  epoch: z.number(),
  era: z.number(),
  primary: z.string(),
  inSync: z.array(z.string()),
  replicas: z.array(z.string()),
  nonce: z.string(),
});

/** What a store remembers of a shard. @throws Damage if it is not what was written */
export function rememberedIn(rows: readonly StoredShard[], shard: number): Remembered | null {
  const row = rows.find((one) => one.shard === shard);
  if (row === undefined) return null;
  const read = storedConfiguration.safeParse(JSON.parse(row.config));
  if (!read.success) throw new Damage(`shard ${shard}: its configuration can't be read: ${read.error.message}`);
  const { data } = read;
  return { configuration: { ...data, shard: shardIndex(data.shard), epoch: epoch(data.epoch) } };
}

interface Ordered {
  readonly shard: number;
  readonly order: LogOrder;
  readonly round: number;
  seq: number;
}

/** The orders of one store's replicas. */
export class ReplicaLog {
  readonly store: ReplicaDisk;
  #queue: Ordered[] = [];
  #written: Ordered[] = [];
  /** By shard: entries that a replay may need, because the tables did not have them when it was looked last. */
  readonly #unapplied = new Map<number, { readonly lsn: Lsn; readonly seq: number }[]>();
  readonly #pageKeys = new Map<number, Set<number>>();
  readonly #pages = new Map<number, Uint8Array[]>();
  /** Bytes since it was asked last; for checkpoints. */
  #logged = 0;
  /** Bytes since the start. */
  bytesLogged = 0;

  constructor(store: ReplicaDisk) {
    this.store = store;
  }

  /** What a start has found. */
  found(shard: number, part: Part, appliedTo: Lsn): void {
    const unapplied = part.entries.filter(({ entry }) => entry.position.lsn > appliedTo);
    this.#unapplied.set(
      shard,
      unapplied.map(({ entry, seq }) => ({ lsn: entry.position.lsn, seq })),
    );
    this.#pageKeys.set(shard, new Set(part.pages.map(({ key }) => key)));
  }

  /** Takes an order of a replica, in its order. */
  order(shard: number, order: LogOrder, round: number): void {
    this.#queue.push({ shard, order, round, seq: 0 });
  }

  /** Whether all orders are handed to the store: pages must not overtake any. */
  get isHandedOn(): boolean {
    return this.#queue.length === 0;
  }

  /** The first round of which an order is not durable, as far as was told; Infinity if all are. */
  get firstRoundUnstored(): number {
    return this.#written[0]?.round ?? this.#queue[0]?.round ?? Number.POSITIVE_INFINITY;
  }

  /** Tells of each shard the last order that is durable now and was not. */
  noteStored(tell: (shard: number, order: number) => void): void {
    const { committedSeq } = this.store;
    const last = new Map<number, number>();
    let count = 0;
    for (const { seq, shard, order } of this.#written) {
      if (seq > committedSeq) break;
      last.set(shard, order.order);
      count++;
    }
    if (count === 0) return;
    this.#written.splice(0, count);
    for (const [shard, order] of last) tell(shard, order);
  }

  /** Hands orders to the store, as far as it has room, as one transaction. */
  flush(wallMs: number): void {
    while (this.#queue.length > 0 && this.#batch(wallMs));
  }

  #batch(wallMs: number): boolean {
    const pieces: Uint8Array[] = [];
    let bytes = 0;
    let count = 0;
    for (const { shard, order } of this.#queue) {
      if (bytes > BATCH_BYTES || this.store.room < bytes + sizeOf(order) + ORDER_SLACK) break;
      const piece = this.#piece(shard, order);
      pieces.push(piece);
      bytes += piece.length;
      count++;
    }
    if (count === 0) return false;
    const body = new Uint8Array(bytes);
    let at = 0;
    for (const piece of pieces) {
      body.set(piece, at);
      at += piece.length;
    }
    const seq = this.store.append(body, 0, bytes, wallMs);
    this.#logged += bytes;
    this.bytesLogged += bytes;
    this.store.flush();
    for (const ordered of this.#queue.splice(0, count)) {
      ordered.seq = seq;
      this.#written.push(ordered);
      this.#note(ordered.shard, ordered.order, seq);
    }
    return true;
  }

  #piece(shard: number, order: LogOrder): Uint8Array {
    const note = { format: RECORD_NOTE, position: NOWHERE, committed: lsn(0) };
    switch (order.kind) {
      case "append":
        return order.entry.bytes;
      case "cut":
        return recordOf(shard, { format: RECORD_CUT, position: order.to, committed: lsn(0) });
      case "remember":
        this.store.setShard(storedShard(order.remembered.configuration));
        return recordOf(shard, note);
      case "remember-committed":
        return recordOf(shard, { ...note, committed: order.committed });
      case "throw-away":
        this.#dropPages(shard);
        this.#pages.delete(shard);
        return recordOf(shard, { ...note, format: RECORD_BASE });
      case "store-pages": {
        const pages = [...(this.#pages.get(shard) ?? []), ...order.pages];
        this.#pages.set(shard, pages);
        if (!order.isLast) return recordOf(shard, note);
        this.#pages.delete(shard);
        for (const page of pages) this.#writePage(shard, openPage(page));
        return recordOf(shard, { format: RECORD_BASE, position: order.position, committed: order.position.lsn });
      }
    }
  }

  #dropPages(shard: number): void {
    for (const key of this.#pageKeys.get(shard) ?? []) this.store.deletePage(key);
    this.#pageKeys.delete(shard);
  }

  #writePage(shard: number, { key, body }: KeyedPage): void {
    this.wrotePage(shard, key);
    this.store.writePage(key, body, 0, body.length);
  }

  /** A page of that key is in the store from now on. */
  wrotePage(shard: number, key: number): void {
    const keys = this.#pageKeys.get(shard) ?? new Set();
    keys.add(key);
    this.#pageKeys.set(shard, keys);
  }

  #note(shard: number, order: LogOrder, seq: number): void {
    const unapplied = this.#unapplied.get(shard) ?? [];
    this.#unapplied.set(shard, unapplied);
    if (order.kind === "append") unapplied.push({ lsn: order.entry.position.lsn, seq });
    else if (order.kind === "cut") {
      while (unapplied.length > 0 && (unapplied.at(-1)?.lsn ?? 0) > order.to.lsn) unapplied.pop();
    } else if (order.kind === "throw-away" || order.kind === "store-pages") unapplied.length = 0;
  }

  /** The batch from which a replay must begin, if these tables are what pages will have. */
  replayFrom(appliedTo: (shard: number) => number): number {
    assert(this.isHandedOn, "R-7: a checkpoint is never ahead of what is ordered");
    let from = this.store.nextSeq;
    for (const [shard, unapplied] of this.#unapplied) {
      const applied = appliedTo(shard);
      let done = 0;
      while (done < unapplied.length && (unapplied[done]?.lsn ?? 0) <= applied) done++;
      if (done > 0) unapplied.splice(0, done);
      from = Math.min(from, unapplied[0]?.seq ?? from);
    }
    return from;
  }

  /** Bytes that were logged since this was asked last. */
  takeLogged(): number {
    const logged = this.#logged;
    this.#logged = 0;
    return logged;
  }
}

function sizeOf(order: LogOrder): number {
  if (order.kind === "append") return order.entry.bytes.length;
  if (order.kind !== "store-pages") return ENTRY_HEADER_SIZE;
  return order.pages.reduce((sum, page) => sum + page.length + ENTRY_HEADER_SIZE, 0);
}

const KEY_SIZE = 8;

/** A page as it travels: its key, then its body. */
export function sealPage(key: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(KEY_SIZE + body.length);
  new DataView(bytes.buffer).setFloat64(0, key, true);
  bytes.set(body, KEY_SIZE);
  return bytes;
}

/** A page that travelled. */
export function openPage(bytes: Uint8Array): KeyedPage {
  const key = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getFloat64(0, true);
  return { key, body: bytes.slice(KEY_SIZE) };
}
