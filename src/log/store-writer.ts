/**
 * One transaction for all that the worker has submitted: batches, pages, what is known of shards, and the trimming of
 * what is only audit. Group commit lies in "all": while one commit waits for the disk, the next one gathers.
 */
import type { Statement } from "better-sqlite3";
import { assert, outOfRange } from "../words/assert.js";
import { PageDigest } from "./page-digest.js";
import { RECORD_BATCH, RECORD_PAGE, RECORD_PAGE_DELETED, RECORD_REPLAY_FROM, RECORD_SHARD } from "./record.js";
import type { RingReader } from "./ring.js";
import { seal } from "./seal.js";
import { EDGE_COLUMNS, type LogEdge, type OpenedStore, PAGE_SIZE, WAL_FRAME_SIZE } from "./store-database.js";
import type { StoreMeta } from "./store-meta.js";
import { isStoredShard } from "./store-options.js";

/** Writes what the ring holds; only the store's thread has one. */
export class StoreWriter {
  readonly #store: OpenedStore;
  readonly #begin: Statement<[]>;
  readonly #commit: Statement<[]>;
  readonly #insertBatch: Statement<[number, number, number, number, Uint8Array]>;
  readonly #putPage: Statement<[number, number, Uint8Array]>;
  readonly #deletePage: Statement<[number]>;
  readonly #putShard: Statement<ShardColumns>;
  readonly #deleteBatch: Statement<[number]>;
  readonly #nextEdge: Statement<[number], LogEdge>;
  #digest = new PageDigest();
  #meta: StoreMeta;
  #newest: LogEdge | null;
  #oldest: LogEdge | null;
  #batchCount = 0; // Of the transaction under way.
  #isMetaChanged = false;
  #walFrames = 0; // An estimate: SQLite tells how many there are only when it copies back.

  constructor(store: OpenedStore) {
    const { database } = store;
    this.#store = store;
    this.#begin = database.prepare("BEGIN IMMEDIATE");
    this.#commit = database.prepare("COMMIT");
    this.#insertBatch = database.prepare("INSERT INTO log(seq, total, wall, crc, body) VALUES (?, ?, ?, ?, ?)");
    this.#putPage = database.prepare(
      "INSERT INTO pages(key, crc, body) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET crc = excluded.crc, body = excluded.body",
    );
    this.#deletePage = database.prepare("DELETE FROM pages WHERE key = ?");
    this.#putShard = database.prepare(
      "INSERT OR REPLACE INTO shards(shard, epoch, era, config, crc) VALUES (?, ?, ?, ?, ?)",
    );
    this.#deleteBatch = database.prepare("DELETE FROM log WHERE seq = ?");
    this.#nextEdge = database.prepare(`SELECT ${EDGE_COLUMNS} FROM log WHERE seq > ? ORDER BY seq LIMIT 1`);
    this.#meta = store.meta;
    this.#newest = store.newest;
    this.#oldest = this.#nextEdge.get(0) ?? null;
  }

  /** The seq of the newest batch; 0 before the first. */
  get lastSeq(): number {
    return this.#newest?.seq ?? 0;
  }

  /** The seq of the oldest batch that is kept; lastSeq + 1 where there is none. */
  get firstKept(): number {
    return this.#oldest?.seq ?? this.lastSeq + 1;
  }

  /** Bytes of the bodies that are kept. */
  get logBytes(): number {
    if (this.#newest === null || this.#oldest === null) return 0;
    return this.#newest.total - this.#oldest.total + this.#oldest.size;
  }

  /** What the store knows of itself now. */
  get meta(): StoreMeta {
    return this.#meta;
  }

  /** Bytes of the WAL since it began anew, by estimate. */
  get walBytes(): number {
    return this.#walFrames * WAL_FRAME_SIZE;
  }

  /** The WAL was copied back: the next commit begins it anew. */
  walRestarts(): void {
    this.#walFrames = 0;
  }

  /** Takes the digest that a recovery has made of all pages and found right. */
  takeDigest(digest: PageDigest): void {
    this.#digest = digest;
  }

  /**
   * Writes and commits everything that the last `look` of `ring` saw. When it returns, that is on disk.
   * @param wallMs the wall clock, for what is kept for audit
   * @returns bytes of bodies written
   */
  commit(ring: RingReader, wallMs: number): number {
    this.#begin.run();
    this.#batchCount = 0;
    let bytes = 0;
    while (ring.next()) {
      this.#write(ring);
      bytes += ring.length;
      this.#walFrames += 1 + ring.length / PAGE_SIZE;
    }
    if (this.#isMetaChanged) this.#writeMeta();
    this.#trim(wallMs, 2 * this.#batchCount + 1); // Faster than it grows, and no more work than the batches were.
    this.#commit.run();
    return bytes;
  }

  /** Trims when nothing else is to do. @returns whether there was something */
  trimIdle(wallMs: number): boolean {
    if (!this.#isOldestSpent(wallMs)) return false;
    this.#begin.run();
    this.#trim(wallMs, IDLE_TRIM_COUNT);
    this.#commit.run();
    return true;
  }

  #write(ring: RingReader): void {
    switch (ring.kind) {
      case RECORD_BATCH:
        this.#writeBatch(ring);
        return;
      case RECORD_PAGE: {
        const sealed = seal([ring.number, 0, 0], ring.body);
        this.#putPage.run(ring.number, sealed.crc, sealed.body);
        this.#digest.set(ring.number, sealed.crc);
        this.#isMetaChanged = true;
        return;
      }
      case RECORD_PAGE_DELETED:
        this.#deletePage.run(ring.number);
        this.#digest.delete(ring.number);
        this.#isMetaChanged = true;
        return;
      case RECORD_REPLAY_FROM:
        assert(ring.number >= this.#meta.replayFrom, "a checkpoint never goes back");
        assert(ring.number <= this.lastSeq + 1, "a checkpoint is never ahead of the log");
        this.#meta = { ...this.#meta, replayFrom: ring.number };
        this.#isMetaChanged = true;
        return;
      case RECORD_SHARD:
        this.#putShard.run(...shardColumns(ring.body));
        return;
      default:
        outOfRange(ring.kind);
    }
  }

  #writeBatch(ring: RingReader): void {
    const seq = ring.number;
    assert(seq === this.lastSeq + 1, "INV-5: the log has no holes");
    const size = ring.length;
    const edge: LogEdge = { seq, total: (this.#newest?.total ?? 0) + size, wall: ring.wall, size };
    const sealed = seal([seq, edge.total, edge.wall], ring.body);
    this.#insertBatch.run(seq, edge.total, edge.wall, sealed.crc, sealed.body);
    this.#newest = edge;
    this.#oldest ??= edge;
    this.#batchCount++;
  }

  #writeMeta(): void {
    this.#meta = { ...this.#meta, pagesCount: this.#digest.count, pagesDigest: this.#digest.sum };
    this.#store.metaTable.write(this.#meta);
    this.#isMetaChanged = false;
  }

  #trim(wallMs: number, countMax: number): void {
    for (let n = 0; n < countMax && this.#oldest !== null && this.#isOldestSpent(wallMs); n++) {
      this.#deleteBatch.run(this.#oldest.seq);
      this.#oldest = this.#nextEdge.get(this.#oldest.seq) ?? null;
      this.#walFrames += 1;
    }
  }

  /** Whether the oldest batch is only audit and has been kept long enough. The newest stays: it says where the log is. */
  #isOldestSpent(wallMs: number): boolean {
    const oldest = this.#oldest;
    if (oldest === null || oldest.seq >= this.#meta.replayFrom || oldest.seq >= this.lastSeq) return false;
    const { retainMs, retainBytes } = this.#store.settings;
    return this.logBytes > retainBytes || wallMs - oldest.wall > retainMs;
  }
}

const IDLE_TRIM_COUNT = 64;

type ShardColumns = [shard: number, epoch: number, era: number, config: string, crc: number];

function shardColumns(body: Buffer): ShardColumns {
  const row: unknown = JSON.parse(body.toString("utf8"));
  assert(isStoredShard(row), "store.ts writes a shard as it is read");
  const { crc } = seal([row.shard, row.epoch, row.era], Buffer.from(row.config));
  return [row.shard, row.epoch, row.era, row.config, crc];
}
