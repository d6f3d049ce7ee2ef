/**
 * Opens the SQLite file of one store, or makes it, and believes nothing in it unseen: a store that is damaged, of
 * another format, of another cluster or shorter than its mark is refused before anything of it is told.
 *
 *     meta    key TEXT, value                              who this store is, where recovery begins (store-meta.ts)
 *     log     seq INTEGER, total, wall, crc, body          one row for each batch (T-9); total: bytes of all bodies so far
 *     pages   key INTEGER, crc, body                       the checkpoint, replaced page by page
 *     shards  shard INTEGER, epoch, era, config, crc       the configurations that this store has heard of
 */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import type { Database } from "better-sqlite3";
import SqliteDatabase from "better-sqlite3";
import { assert } from "../words/assert.js";
import { Mark, readMark } from "./mark.js";
import { open as openSealed } from "./seal.js";
import { faultOf, storeFault } from "./store-fault.js";
import { MetaTable, type StoreMeta } from "./store-meta.js";
import type { StoredShard, StoreSettings } from "./store-options.js";
import { syncDirectoryOf } from "./sync-directory.js";

const APPLICATION_ID = 0x48_46_73_74; // "HFst"
/** The format that this version writes; it reads no other. */
const FORMAT = 1;

const SCHEMA = `
  CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE log(seq INTEGER PRIMARY KEY, total REAL NOT NULL, wall REAL NOT NULL, crc INTEGER NOT NULL,
    body BLOB NOT NULL);
  CREATE TABLE pages(key INTEGER PRIMARY KEY, crc INTEGER NOT NULL, body BLOB NOT NULL);
  CREATE TABLE shards(shard INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, era INTEGER NOT NULL, config TEXT NOT NULL,
    crc INTEGER NOT NULL);
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${FORMAT};
`;

/** A row of the table `log`. */
export interface LogRow {
  readonly seq: number;
  readonly total: number;
  readonly wall: number;
  readonly crc: number;
  readonly body: Buffer;
}

/** A row of the log without its body: what trimming needs to know. */
export interface LogEdge {
  readonly seq: number;
  /** Bytes of all bodies that were ever logged, this one included. */
  readonly total: number;
  readonly wall: number;
  /** Bytes of the body. */
  readonly size: number;
}

/** A store that is open, whole as far as can be seen without reading all of it, and copied back. */
export interface OpenedStore {
  readonly database: Database;
  readonly settings: StoreSettings;
  readonly metaTable: MetaTable;
  readonly meta: StoreMeta;
  readonly mark: Mark;
  /** The newest row; null before the first. */
  readonly newest: LogEdge | null;
  readonly shards: readonly StoredShard[];
  readonly notices: readonly string[];
}

/** The columns of `LogEdge`; the length of a body is read without the body. */
export const EDGE_COLUMNS: string = "seq, total, wall, length(body) AS size";

/** @throws StoreFault for whatever is wrong with the store; the file is then closed and its lock given back. */
export function openStoreDatabase(settings: StoreSettings): OpenedStore {
  const { file } = settings;
  if (!existsSync(file) && !settings.create) {
    throw storeFault("store-missing", { file }, "the file of a store that should be there is missing");
  }
  let database: Database | null = null;
  try {
    database = new SqliteDatabase(file, { timeout: 0 });
    prepareConnection(database, settings);
    return readStore(database, settings);
  } catch (error) {
    database?.close();
    throw faultOf(error, file);
  }
}

/** Bytes of a page of the database; a body that is larger takes several. */
export const PAGE_SIZE: number = 16384;
/** Bytes that a page takes in the WAL. */
export const WAL_FRAME_SIZE: number = PAGE_SIZE + 24;

/**
 * Copies the WAL back, synced, and lets the next commit begin it anew. PASSIVE, because nobody else reads: TRUNCATE was
 * measured to cost half the commits (it gives the file's blocks back and takes them again), RESTART and FULL the same.
 * @returns frames that the WAL had
 */
export function copyBack(database: Database): number {
  return copiedBack(database, "PASSIVE").log;
}

/**
 * Copies the whole WAL back into the database, synced, and empties it.
 * @throws StoreFault `disk-failed` if not all of it was copied
 */
export function copyBackAll(database: Database, file: string): void {
  const { busy, log } = copiedBack(database, "TRUNCATE");
  if (busy !== 0 || log !== 0) {
    throw storeFault("disk-failed", { file }, `the WAL could not be copied back: ${log} frames are left`);
  }
}

function copiedBack(database: Database, mode: "PASSIVE" | "TRUNCATE"): { busy: number; log: number } {
  const rows: unknown = database.pragma(`wal_checkpoint(${mode})`);
  const row: unknown = Array.isArray(rows) ? rows[0] : null;
  assert(typeof row === "object" && row !== null && "busy" in row && "log" in row, "wal_checkpoint answers one row");
  return { busy: Number(row.busy), log: Number(row.log) };
}

/**
 * Every setting that safety or speed needs is set, none left to a default. The lock is taken before anything is read;
 * the file must be opened by nothing else in this process, since closing it elsewhere would drop POSIX locks.
 */
function prepareConnection(database: Database, settings: StoreSettings): void {
  database.pragma("locking_mode = EXCLUSIVE");
  const applicationId: unknown = database.pragma("application_id", { simple: true });
  const version: unknown = database.pragma("user_version", { simple: true });
  const { file } = settings;
  const isNew = settings.create && applicationId === 0 && isEmpty(database);
  if (!isNew) {
    if (applicationId !== APPLICATION_ID) {
      throw storeFault("store-damaged", { file }, "the file is empty or not the database of a store");
    }
    if (typeof version !== "number" || version < 1) {
      throw storeFault("store-damaged", { file }, `the store has format ${String(version)}, which never was`);
    }
    if (version > FORMAT) {
      const seen = `the store has format ${version}, and this version of Holdfast knows ${FORMAT}`;
      throw storeFault("store-newer-format", { file }, seen);
    }
  }
  database.pragma(`page_size = ${PAGE_SIZE}`);
  const mode: unknown = database.pragma("journal_mode = WAL", { simple: true });
  if (mode !== "wal") throw storeFault("disk-failed", { file }, `SQLite has no WAL here, but ${String(mode)}`);
  database.pragma("synchronous = FULL");
  database.pragma("wal_autocheckpoint = 0"); // T-12: the thread copies back by itself, right after a commit.
  database.pragma(`journal_size_limit = ${4 * settings.copyBackBytes}`);
  database.pragma("cache_size = -16384");
  database.pragma("temp_store = MEMORY");
  database.pragma("cell_size_check = ON");
  database.exec("BEGIN EXCLUSIVE; COMMIT");
  if (isNew) makeStore(database, settings);
}

function isEmpty(database: Database): boolean {
  return database.prepare<[], { n: number }>("SELECT count(*) AS n FROM sqlite_schema").get()?.n === 0;
}

function makeStore(database: Database, settings: StoreSettings): void {
  database.exec("BEGIN EXCLUSIVE");
  database.exec(SCHEMA);
  new MetaTable(database).write({
    storeId: settings.storeId ?? randomBytes(16).toString("hex"),
    storeIndex: settings.storeIndex,
    clusterId: settings.clusterId,
    era: settings.era,
    replayFrom: 1,
    pagesCount: 0,
    pagesDigest: 0,
  });
  database.exec("COMMIT");
}

function readStore(database: Database, settings: StoreSettings): OpenedStore {
  const { file } = settings;
  const metaTable = new MetaTable(database);
  const meta = metaTable.read(file);
  refuseForeign(meta, settings);
  const newest = readNewest(database, file);
  const lastSeq = newest?.seq ?? 0;
  const marked = readMark(file, meta.storeId);
  if (marked !== null && marked > lastSeq) {
    const seen = `the log ends at seq ${lastSeq}, but was committed up to seq ${marked}: its end is lost`;
    throw storeFault("store-lost-data", { file, seq: lastSeq }, seen);
  }
  if (meta.replayFrom > lastSeq + 1) {
    const seen = `the log ends at seq ${lastSeq}, but the checkpoint begins at seq ${meta.replayFrom}: its end is lost`;
    throw storeFault("store-lost-data", { file, seq: lastSeq }, seen);
  }
  const shards = readShards(database, file);
  copyBackAll(database, file); // all of it on disk and synced before its last seq is told to anyone.
  syncDirectoryOf(file); // SQLite does so too where it makes a WAL, and goes on if that fails: it could lose the file.
  const notices =
    marked === null && lastSeq > 0
      ? [`${file} had no mark beside it, so a loss of its end could not be seen at this start; the mark is made anew`]
      : [];
  return {
    database,
    settings,
    metaTable,
    meta,
    mark: Mark.open(file, meta.storeId, lastSeq),
    newest,
    shards,
    notices,
  };
}

function refuseForeign(meta: StoreMeta, settings: StoreSettings): void {
  const expected = [
    ["store", settings.storeId ?? meta.storeId, meta.storeId],
    ["cluster", settings.clusterId, meta.clusterId],
    ["index", String(settings.storeIndex), String(meta.storeIndex)],
  ];
  for (const [what, wanted, found] of expected) {
    if (wanted === found) continue;
    const seen = `the file is of ${what} ${found ?? ""}, and ${what} ${wanted ?? ""} belongs here`;
    throw storeFault("store-foreign", { file: settings.file }, seen);
  }
}

function readNewest(database: Database, file: string): LogEdge | null {
  const row = database
    .prepare<[], LogRow>("SELECT seq, total, wall, crc, body FROM log ORDER BY seq DESC LIMIT 1")
    .get();
  if (row === undefined) return null;
  if (openSealed([row.seq, row.total, row.wall], row) === null) {
    throw storeFault("store-damaged", { file, seq: row.seq }, "the last batch of the log has a wrong checksum");
  }
  return { seq: row.seq, total: row.total, wall: row.wall, size: row.body.length };
}

function readShards(database: Database, file: string): readonly StoredShard[] {
  const rows = database
    .prepare<[], StoredShard & { readonly crc: number }>(
      "SELECT shard, epoch, era, config, crc FROM shards ORDER BY shard",
    )
    .all();
  return rows.map(({ crc, ...row }) => {
    if (openSealed([row.shard, row.epoch, row.era], { crc, body: Buffer.from(row.config) }) === null) {
      throw storeFault("store-damaged", { file }, `what is stored of shard ${row.shard} has a wrong checksum`);
    }
    return row;
  });
}
