/**
 * The data directory of one node: what was fixed when it was made, and the lock by which two servers never share it.
 *
 *     holdfast-data/
 *       node.db          `facts` of this directory, `stores` made in it; the single node's control plane, too
 *       node.owner       who has it open: JSON {pid, command}; believed only while node.db is locked
 *       store-0.db ...   one store for each core of the machine on which it was made (store-database.ts)
 */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import type { Database } from "better-sqlite3";
import SqliteDatabase from "better-sqlite3";
import { assert } from "../words/assert.js";
import { StoreFault, storeFault } from "./store-fault.js";
import { syncDirectoryOf } from "./sync-directory.js";

const APPLICATION_ID = 0x48_46_6e_64; // "HFnd"
const FORMAT = 1;

const SCHEMA = `
  CREATE TABLE facts(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE stores(store INTEGER PRIMARY KEY, id TEXT NOT NULL);
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${FORMAT};
`;

/** What a new directory is made with. */
export interface DataDirOptions {
  /** Number of shards; an existing directory with another number is refused. */
  readonly shards: number;
  /** Number of stores of a new directory; an existing one keeps its own. */
  readonly stores: number;
  /** The cluster that a new directory is made for; left out: one of its own. */
  readonly clusterId?: string;
}

/** A data directory that this process alone has open. */
export class DataDir {
  readonly path: string;
  readonly clusterId: string;
  readonly nodeId: string;
  readonly shards: number;
  /** Number of stores, as fixed when the directory was made. */
  readonly stores: number;
  /** The database of the node, for the control plane of a single node. */
  readonly database: Database;

  /** Only `openDataDir` makes one. */
  constructor(path: string, database: Database, facts: ReadonlyMap<string, string>) {
    this.path = path;
    this.database = database;
    this.clusterId = fact(facts, "cluster_id", path);
    this.nodeId = fact(facts, "node_id", path);
    this.shards = wholeFact(facts, "shards", path);
    this.stores = wholeFact(facts, "stores", path);
  }

  /** Where store `index` lies. */
  storeFile(index: number): string {
    return join(this.path, `store-${index}.db`);
  }

  /** The ids of the stores by index; empty until they are made and recorded, so only then may `create` be true. */
  storeIds(): readonly string[] {
    const rows = this.database.prepare<[], { id: string }>("SELECT id FROM stores ORDER BY store").all();
    return rows.map((row) => row.id);
  }

  /** Records that all stores are made: from now on a missing one is a loss, and another in its place is refused. */
  recordStores(ids: readonly string[]): void {
    assert(ids.length === this.stores, "R-14: every store of a data directory is known by its id");
    const put = this.database.prepare<[number, string]>("INSERT INTO stores(store, id) VALUES (?, ?)");
    this.database.transaction(() => {
      for (const [store, id] of ids.entries()) put.run(store, id);
    })();
  }

  /** Gives the directory back. */
  close(): void {
    this.database.close();
  }
}

/** Whether there is a data directory at a path already. */
export function isDataDir(path: string): boolean {
  return existsSync(join(path, "node.db"));
}

/**
 * Opens a data directory, or makes it (mode 0700, a new cluster id and node id), and keeps it until `close`.
 * @throws StoreFault `data-dir-in-use` naming the process that has it, `data-dir-newer-format`, `data-dir-damaged`,
 *   `data-dir-mismatch` or `data-dir-unusable`
 */
export function openDataDir(path: string, options: DataDirOptions): DataDir {
  const file = join(path, "node.db");
  let database: Database | null = null;
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    refuseOrphans(path, file);
    database = new SqliteDatabase(file, { timeout: 0 });
    takeLock(database);
    prepareNode(database, file, options);
    writeOwner(path);
    return readNode(path, database, options);
  } catch (error) {
    database?.close();
    throw dataDirFault(error, path, file);
  }
}

/** Stores without their node.db are what is left of a directory: a new node.db beside them would give them up. */
function refuseOrphans(path: string, file: string): void {
  if (existsSync(file)) return;
  const orphan = readdirSync(path).find((name) => /^store-\d+\.db$/.test(name));
  if (orphan === undefined) return;
  throw storeFault("data-dir-damaged", { file }, `node.db is missing beside ${orphan}`);
}

/** The lock stays with the connection, because its mode is EXCLUSIVE, and ends with the process, however that ends. */
function takeLock(database: Database): void {
  database.pragma("locking_mode = EXCLUSIVE");
  database.pragma("journal_mode = WAL");
  database.pragma("synchronous = FULL");
  database.exec("BEGIN EXCLUSIVE; COMMIT");
}

function prepareNode(database: Database, file: string, options: DataDirOptions): void {
  const applicationId: unknown = database.pragma("application_id", { simple: true });
  const version: unknown = database.pragma("user_version", { simple: true });
  if (applicationId === 0 && isEmpty(database)) {
    makeNode(database, file, options);
    return;
  }
  if (applicationId !== APPLICATION_ID || typeof version !== "number" || version < 1) {
    throw storeFault("data-dir-damaged", { file }, "the file is not the database of a node");
  }
  if (version > FORMAT) {
    const seen = `the directory has format ${version}, and this version of Holdfast knows ${FORMAT}`;
    throw storeFault("data-dir-newer-format", { file }, seen);
  }
}

function isEmpty(database: Database): boolean {
  return database.prepare<[], { n: number }>("SELECT count(*) AS n FROM sqlite_schema").get()?.n === 0;
}

function makeNode(database: Database, file: string, options: DataDirOptions): void {
  const facts = new Map([
    ["cluster_id", options.clusterId ?? randomBytes(16).toString("hex")],
    ["node_id", randomBytes(8).toString("hex")],
    ["shards", String(options.shards)],
    ["stores", String(options.stores)],
  ]);
  facts.set("check", checkOf(facts));
  const put = (key: string, value: string): void => {
    database.prepare<[string, string]>("INSERT INTO facts(key, value) VALUES (?, ?)").run(key, value);
  };
  database.transaction(() => {
    database.exec(SCHEMA);
    for (const [key, value] of facts) put(key, value);
  })();
  syncDirectoryOf(file);
}

/** SQLite has no checksums: a flipped bit in a fact would make this another node. */
function checkOf(facts: ReadonlyMap<string, string>): string {
  const named = ["cluster_id", "node_id", "shards", "stores"].map((key) => [key, facts.get(key) ?? ""]);
  return String(crc32(JSON.stringify(named)));
}

function readNode(path: string, database: Database, options: DataDirOptions): DataDir {
  const rows = database.prepare<[], { key: string; value: string }>("SELECT key, value FROM facts").all();
  const facts = new Map(rows.map((row) => [row.key, row.value]));
  if (facts.get("check") !== checkOf(facts)) {
    throw storeFault("data-dir-damaged", { file: path }, "the table facts of node.db does not have its checksum");
  }
  const directory = new DataDir(path, database, facts);
  if (directory.shards !== options.shards) {
    const seen = `the directory was made with ${directory.shards} shards, and the settings say ${options.shards}`;
    throw storeFault("data-dir-mismatch", { file: path }, seen);
  }
  return directory;
}

function fact(facts: ReadonlyMap<string, string>, key: string, file: string): string {
  const value = facts.get(key);
  if (value === undefined) throw storeFault("data-dir-damaged", { file }, `the fact ${key} is missing in node.db`);
  return value;
}

function wholeFact(facts: ReadonlyMap<string, string>, key: string, file: string): number {
  const value = Number(fact(facts, key, file));
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw storeFault("data-dir-damaged", { file }, `the fact ${key} in node.db is no number from 1`);
}

function ownerPath(path: string): string {
  return join(path, "node.owner");
}

function writeOwner(path: string): void {
  const owner = { pid: process.pid, command: process.argv.join(" ") };
  writeFileSync(ownerPath(path), `${JSON.stringify(owner)}\n`, { mode: 0o600 });
}

/** Whom the directory's lock belongs to, as far as its own word goes. */
function readOwner(path: string): string {
  if (!existsSync(ownerPath(path))) return "a process that has not said who it is";
  const text = readFileSync(ownerPath(path), "utf8");
  const match = /^\{"pid":(\d+),"command":(".*")\}\n$/.exec(text);
  return match === null ? "a process that is just starting" : `process ${match[1] ?? ""}, ${match[2] ?? ""}`;
}

function dataDirFault(error: unknown, path: string, file: string): StoreFault {
  if (error instanceof StoreFault) return error;
  const code = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
  const text = error instanceof Error ? error.message : String(error);
  if (code.startsWith("SQLITE_BUSY") || code.startsWith("SQLITE_LOCKED")) {
    return storeFault("data-dir-in-use", { file: path }, `${readOwner(path)} has the directory open`, error);
  }
  if (code.startsWith("SQLITE_CORRUPT") || code === "SQLITE_NOTADB" || code === "SQLITE_ERROR") {
    return storeFault("data-dir-damaged", { file }, `node.db can't be read: ${text} [${code}]`, error);
  }
  return storeFault("data-dir-unusable", { file: path }, `${text} [${code}]`, error);
}
