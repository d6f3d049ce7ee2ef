/**
 * Reads a store: all of it for a recovery, a part of the log for watches and audit. Everything read is checked first
 * the checksum of each body, the log's seqs without a hole, its totals, and the digest over all pages.
 */
import { ChunkWriter } from "./chunk.js";
import { PageDigest } from "./page-digest.js";
import { RECORD_BATCH, RECORD_PAGE, type RecordHead } from "./record.js";
import { open } from "./seal.js";
import type { LogRow, OpenedStore } from "./store-database.js";
import { storeFault } from "./store-fault.js";
import type { Chunk, PartRange } from "./store-messages.js";
import type { StoreMeta } from "./store-meta.js";

const CHUNK_SIZE = 2 ** 20;
/** A reader of the log gets at most so many bytes at once: commits wait as long as it reads. */
const READ_BYTES_MAX: number = 4 * 2 ** 20;

interface PageRow {
  readonly key: number;
  readonly crc: number;
  readonly body: Buffer;
}

/** Sends one chunk; waits while the worker has too many untaken. */
export type SendChunk = (chunk: Chunk, done: number, total: number) => void;

/**
 * Sends all pages by key, then all batches from `meta.replayFrom` to `lastSeq`.
 * @returns the digest of the pages
 * @throws StoreFault `store-damaged` at the first thing that is not as it was written
 */
export function streamStore(
  store: OpenedStore,
  now: { meta: StoreMeta; lastSeq: number },
  send: SendChunk,
): PageDigest {
  const { meta, lastSeq } = now;
  const stream = new Stream(send, meta.pagesCount + lastSeq + 1 - meta.replayFrom);
  const digest = streamPages(store, meta, stream);
  streamLog(store, now, stream);
  stream.end();
  return digest;
}

const PAGES_OF_PART = "SELECT key, crc, body FROM pages WHERE key BETWEEN ? AND ? ORDER BY key";

/**
 * Sends the pages of one shard by key, then its records out of all batches from `replayFrom` on.
 * @throws StoreFault `store-damaged` at the first thing that is not as it was written
 */
export function streamPart(
  store: OpenedStore,
  from: { readonly replayFrom: number; readonly of: PartRange },
  send: (chunk: Chunk) => void,
): void {
  const { file } = store.settings;
  const { shard, keyFrom, keyTo } = from.of;
  const stream = new Stream(send, 0);
  for (const page of store.database.prepare<[number, number], PageRow>(PAGES_OF_PART).iterate(keyFrom, keyTo)) {
    const body = open([page.key, 0, 0], page);
    if (body === null) throw storeFault("store-damaged", { file }, `checkpoint page ${page.key} has a wrong checksum`);
    stream.put({ kind: RECORD_PAGE, length: body.length, number: page.key, wall: 0 }, body);
  }
  const chain = new LogChain(file, from.replayFrom);
  for (const row of store.database.prepare<[number], LogRow>(LOG_FROM).iterate(from.replayFrom)) {
    const body = recordsOf(shard, chain.check(row));
    if (body.length === 0) continue;
    stream.put({ kind: RECORD_BATCH, length: body.length, number: row.seq, wall: row.wall }, body);
  }
  stream.end();
}

/** A batch is a row of records; each begins with its size and its shard (tables/events.ts). */
function recordsOf(shard: number, body: Uint8Array): Uint8Array {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const records: Uint8Array[] = [];
  for (let at = 0; at + 8 <= body.length; ) {
    const size = view.getUint32(at, true);
    if (view.getUint32(at + 4, true) === shard) records.push(body.subarray(at, at + size));
    if (size === 0) break; // Whoever reads the records says what is wrong with them.
    at += size;
  }
  return Buffer.concat(records);
}

class Stream {
  readonly #chunk = new ChunkWriter(CHUNK_SIZE);
  readonly #send: SendChunk;
  readonly #total: number;
  #done = 0;

  constructor(send: SendChunk, total: number) {
    this.#send = send;
    this.#total = total;
  }

  put(head: RecordHead, body: Uint8Array): void {
    if (!this.#chunk.hasRoom(head.length)) this.#send(this.#chunk.take(), this.#done, this.#total);
    this.#chunk.put(head, body);
    this.#done++;
  }

  end(): void {
    if (this.#chunk.size > 0) this.#send(this.#chunk.take(), this.#done, this.#total);
  }
}

function streamPages(store: OpenedStore, meta: StoreMeta, stream: Stream): PageDigest {
  const { file } = store.settings;
  const digest = new PageDigest();
  for (const page of store.database.prepare<[], PageRow>("SELECT key, crc, body FROM pages ORDER BY key").iterate()) {
    const body = open([page.key, 0, 0], page);
    if (body === null) throw storeFault("store-damaged", { file }, `checkpoint page ${page.key} has a wrong checksum`);
    digest.set(page.key, page.crc);
    stream.put({ kind: RECORD_PAGE, length: body.length, number: page.key, wall: 0 }, body);
  }
  if (digest.count !== meta.pagesCount || digest.sum !== meta.pagesDigest) {
    const seen = `the checkpoint has ${digest.count} pages of ${meta.pagesCount}, or an older copy of one`;
    throw storeFault("store-damaged", { file }, seen);
  }
  return digest;
}

const LOG_FROM = "SELECT seq, total, wall, crc, body FROM log WHERE seq >= ? ORDER BY seq";

function streamLog(store: OpenedStore, now: { meta: StoreMeta; lastSeq: number }, stream: Stream): void {
  const { file } = store.settings;
  const chain = new LogChain(file, now.meta.replayFrom);
  for (const row of store.database.prepare<[number], LogRow>(LOG_FROM).iterate(now.meta.replayFrom)) {
    const body = chain.check(row);
    stream.put({ kind: RECORD_BATCH, length: body.length, number: row.seq, wall: row.wall }, body);
  }
  if (chain.next !== now.lastSeq + 1) {
    const seen = `the log breaks off before seq ${chain.next}, and should go on to ${now.lastSeq}`;
    throw storeFault("store-damaged", { file, seq: chain.next }, seen);
  }
}

/** What each row of the log must continue. */
class LogChain {
  readonly #file: string;
  next: number; // The seq that must come.
  #total: number | null = null;

  constructor(file: string, first: number) {
    this.#file = file;
    this.next = first;
  }

  /** @returns the body. @throws StoreFault `store-damaged` if `row` does not continue what was checked before it */
  check(row: LogRow): Uint8Array {
    const { seq } = row;
    if (seq !== this.next) {
      const seen = `the log has a hole: seq ${this.next} is missing, and ${seq} comes next`;
      throw storeFault("store-damaged", { file: this.#file, seq: this.next }, seen);
    }
    const body = open([seq, row.total, row.wall], row);
    if (body === null) throw storeFault("store-damaged", { file: this.#file, seq }, "a batch has a wrong checksum");
    if (this.#total !== null && row.total !== this.#total + body.length) {
      throw storeFault("store-damaged", { file: this.#file, seq }, "a batch does not continue the one before it");
    }
    this.#total = row.total;
    this.next = seq + 1;
    return body;
  }
}

/**
 * Batches from `fromSeq` on (or from the oldest that is kept), as many as `bytesMax` holds but at least one if there is
 * one. Only what is committed is there to be read.
 * @throws StoreFault `store-damaged` if one is not as it was written
 */
export function readLogChunk(store: OpenedStore, from: { seq: number; firstKept: number; bytesMax: number }): Chunk {
  const first = Math.max(from.seq, from.firstKept);
  const chunk = new ChunkWriter(Math.max(8, Math.min(from.bytesMax, READ_BYTES_MAX) & ~7));
  const chain = new LogChain(store.settings.file, first);
  for (const row of store.database.prepare<[number], LogRow>(LOG_FROM).iterate(first)) {
    const body = chain.check(row);
    if (!chunk.hasRoom(body.length)) break;
    chunk.put({ kind: RECORD_BATCH, length: body.length, number: row.seq, wall: row.wall }, body);
  }
  return chunk.take();
}
