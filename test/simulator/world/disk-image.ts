/** The tables of a simulated store (log, pages, shards, meta) and the transactions that change them. */
import type { StoredShard } from "../../../src/log/store-options.js";

/** One batch of the log. */
export interface Row {
  readonly seq: number;
  readonly wall: number;
  readonly body: Uint8Array;
}

/** What one transaction writes. */
export interface Transaction {
  readonly rows: readonly Row[];
  /** Null: deleted. */
  readonly pages: ReadonlyMap<number, Uint8Array | null>;
  readonly shards: readonly StoredShard[];
  /** 0: not changed. */
  readonly replayFrom: number;
  /** Of its last batch; 0 if it has none. */
  readonly lastSeq: number;
  /** Bytes. */
  readonly size: number;
}

/** All tables, as one process would read them. */
export interface Image {
  readonly storeId: string;
  readonly era: number;
  rows: Row[];
  bytes: number;
  replayFrom: number;
  readonly pages: Map<number, Uint8Array>;
  readonly shards: Map<number, StoredShard>;
  readonly damagedRows: Set<number>;
  readonly damagedPages: Set<number>;
}

/** A store that was just made. */
export function emptyImage(storeId: string, era: number): Image {
  return {
    storeId,
    era,
    rows: [],
    bytes: 0,
    replayFrom: 1,
    pages: new Map(),
    shards: new Map(),
    damagedRows: new Set(),
    damagedPages: new Set(),
  };
}

/** A copy that shares nothing that changes: bodies never do. */
export function copyOf(image: Image): Image {
  return {
    ...image,
    rows: [...image.rows],
    pages: new Map(image.pages),
    shards: new Map(image.shards),
    damagedRows: new Set(image.damagedRows),
    damagedPages: new Set(image.damagedPages),
  };
}

/** Applies a transaction, and drops what is only audit beyond `retainBytes`; the newest batch always stays. */
export function apply(image: Image, transaction: Transaction, retainBytes: number): void {
  for (const row of transaction.rows) {
    image.rows.push(row);
    image.bytes += row.body.length;
  }
  for (const [key, body] of transaction.pages) {
    image.damagedPages.delete(key); // Written whole, so whatever was wrong with it is gone.
    if (body === null) image.pages.delete(key);
    else image.pages.set(key, body);
  }
  for (const row of transaction.shards) image.shards.set(row.shard, row);
  image.replayFrom = Math.max(image.replayFrom, transaction.replayFrom);
  let spent = 0;
  while (spent < image.rows.length - 1 && image.bytes > retainBytes) {
    const row = image.rows[spent];
    if (row === undefined || row.seq >= image.replayFrom) break;
    image.bytes -= row.body.length;
    image.damagedRows.delete(row.seq);
    spent++;
  }
  if (spent > 0) image.rows.splice(0, spent);
}
