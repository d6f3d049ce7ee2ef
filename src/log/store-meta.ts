/**
 * What a store knows of itself: the table `meta`, written whole and only together with its check, because a flipped bit
 * in `replay_from` would silently skip events, and SQLite would not notice it.
 */
import { crc32 } from "node:zlib";
import type { Database, Statement } from "better-sqlite3";
import { storeFault } from "./store-fault.js";

/** The rows of `meta` as a value. */
export interface StoreMeta {
  /** 128 random bits in hex, made with the file. */
  readonly storeId: string;
  readonly storeIndex: number;
  readonly clusterId: string;
  /** The era in which the store was made. */
  readonly era: number;
  /** Recovery begins with this seq; rows before are only audit. */
  readonly replayFrom: number;
  readonly pagesCount: number;
  readonly pagesDigest: number;
}

interface MetaRow {
  readonly key: string;
  readonly value: string;
}

/** Writes and reads `meta`. */
export class MetaTable {
  readonly #database: Database;
  readonly #put: Statement<[string, string]>;
  #written: ReadonlyMap<string, string> = new Map();

  constructor(database: Database) {
    this.#database = database;
    this.#put = database.prepare(
      "INSERT INTO meta(key, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
    );
  }

  /** Writes what changed, and the check, in the transaction that the caller has begun. */
  write(meta: StoreMeta): void {
    const rows = rowsOf(meta);
    for (const [key, value] of rows) {
      if (this.#written.get(key) !== value) this.#put.run(key, value);
    }
    this.#put.run("check", checkOf(rows));
    this.#written = rows;
  }

  /** @param file named in the fault. @throws StoreFault `store-damaged` if it is not what was written */
  read(file: string): StoreMeta {
    const stored = this.#database.prepare<[], MetaRow>("SELECT key, value FROM meta").all();
    const rows = new Map(stored.map((row) => [row.key, row.value]));
    const meta: StoreMeta = {
      storeId: rows.get("store_id") ?? "",
      storeIndex: Number(rows.get("store_index")),
      clusterId: rows.get("cluster_id") ?? "",
      era: Number(rows.get("era")),
      replayFrom: Number(rows.get("replay_from")),
      pagesCount: Number(rows.get("pages_count")),
      pagesDigest: Number(rows.get("pages_digest")),
    };
    const again = rowsOf(meta);
    if (rows.get("check") !== checkOf(again) || rows.size !== again.size + 1) {
      throw storeFault("store-damaged", { file }, "the table meta does not have its checksum");
    }
    this.#written = again;
    return meta;
  }
}

function rowsOf(meta: StoreMeta): Map<string, string> {
  return new Map([
    ["store_id", meta.storeId],
    ["store_index", String(meta.storeIndex)],
    ["cluster_id", meta.clusterId],
    ["era", String(meta.era)],
    ["replay_from", String(meta.replayFrom)],
    ["pages_count", String(meta.pagesCount)],
    ["pages_digest", String(meta.pagesDigest)],
  ]);
}

function checkOf(rows: ReadonlyMap<string, string>): string {
  return String(crc32(JSON.stringify([...rows])));
}
