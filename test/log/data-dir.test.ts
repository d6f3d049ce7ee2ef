/** A data directory belongs to one server at a time, and what was fixed when it was made stays. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import SqliteDatabase from "better-sqlite3";
import { openDataDir } from "../../src/log/data-dir.js";
import { freshDirectory } from "./fresh-store.js";

const MADE = { shards: 64, stores: 2 };

test("a new directory is the user's own, and keeps its ids and its number of stores", (t) => {
  const path = join(freshDirectory(t), "deep", "data");
  const made = openDataDir(path, MADE);
  assert.equal(statSync(path).mode & 0o777, 0o700);
  assert.equal(made.stores, 2);
  assert.deepEqual(made.storeIds(), []);
  made.recordStores(["aa", "bb"]);
  made.close();
  const again = openDataDir(path, { shards: 64, stores: 16 });
  t.after(() => {
    again.close();
  });
  assert.equal(again.stores, 2);
  assert.deepEqual(again.storeIds(), ["aa", "bb"]);
  assert.equal(again.clusterId, made.clusterId);
  assert.equal(again.nodeId, made.nodeId);
  assert.equal(again.storeFile(1), join(path, "store-1.db"));
});

test("a second server is refused and told who has the directory, until that one ends", async (t) => {
  const path = freshDirectory(t);
  const script = `
    import { openDataDir } from ${JSON.stringify(new URL("../../src/log/data-dir.js", import.meta.url).href)};
    openDataDir(${JSON.stringify(path)}, ${JSON.stringify(MADE)});
    console.log("open");
    process.stdin.resume();
  `;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["pipe", "pipe", "inherit"] });
  await once(child.stdout, "data");
  assert.throws(() => openDataDir(path, MADE), {
    code: "data-dir-in-use",
    message: new RegExp(`process ${child.pid}, .*node`),
  });
  child.kill("SIGKILL");
  await once(child, "close");
  openDataDir(path, MADE).close();
});

test("a directory is not opened twice by one process either", (t) => {
  const path = freshDirectory(t);
  const first = openDataDir(path, MADE);
  assert.throws(() => openDataDir(path, MADE), { code: "data-dir-in-use" });
  first.close();
  openDataDir(path, MADE).close();
});

test("another number of shards, a newer format, changed facts and strange files are refused by name", (t) => {
  const path = freshDirectory(t);
  const file = join(path, "node.db");
  openDataDir(path, MADE).close();
  assert.throws(() => openDataDir(path, { ...MADE, shards: 65 }), { code: "data-dir-mismatch", message: /64.*65/ });
  const change = (sql: string): void => {
    const database = new SqliteDatabase(file);
    database.exec(sql);
    database.close();
  };
  change("PRAGMA user_version = 9");
  assert.throws(() => openDataDir(path, MADE), { code: "data-dir-newer-format" });
  change("PRAGMA user_version = 1; UPDATE facts SET value = 'f00' WHERE key = 'node_id'");
  assert.throws(() => openDataDir(path, MADE), { code: "data-dir-damaged" });
  change("DROP TABLE facts");
  assert.throws(() => openDataDir(path, MADE), { code: "data-dir-damaged" });
  writeFileSync(file, "a letter, not a database".repeat(100));
  assert.throws(() => openDataDir(path, MADE), { code: "data-dir-damaged" });
  rmSync(file);
  writeFileSync(join(path, "store-1.db"), "");
  assert.throws(() => openDataDir(path, MADE), { code: "data-dir-damaged", message: /missing beside store-1.db/ });
});

test("a path that is no directory is refused, with what to do", (t) => {
  const path = join(freshDirectory(t), "file");
  writeFileSync(path, "");
  assert.throws(() => openDataDir(path, MADE), { code: "data-dir-unusable", message: /Name another directory/ });
});
