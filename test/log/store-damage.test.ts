/** A store that is damaged, cut off or of another format is refused in clear words, or the damage changes nothing. */
import assert from "node:assert/strict";
import { closeSync, cpSync, openSync, readFileSync, rmSync, statSync, truncateSync, writeSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import SqliteDatabase from "better-sqlite3";
import { markPath } from "../../src/log/mark.js";
import { Store } from "../../src/log/store.js";
import { StoreFault } from "../../src/log/store-fault.js";
import { Random, seedOfRun } from "../tables/random.js";
import { BATCHES, checkWhole, flipAt, flipBit, flipOne, makeImage, type Suffix } from "./bit-flips.js";
import { appendText, committed, freshDirectory, optionsIn, recoverAll, withStore } from "./fresh-store.js";

async function imageOf(t: TestContext, copyBackBytes: number): Promise<string> {
  const image = freshDirectory(t);
  await makeImage(freshDirectory(t), image, copyBackBytes);
  return image;
}

/** Flips bits of `suffix`'s file one at a time, each in a new copy of the image. @returns how many were noticed */
async function flipMany(
  t: TestContext,
  image: string,
  { suffix, count }: { suffix: Suffix; count: number },
): Promise<number> {
  const seed = seedOfRun();
  const random = new Random(seed);
  const copy = join(freshDirectory(t), "copy");
  let noticed = 0;
  for (let n = 0; n < count; n++) if ((await flipOne(image, copy, { suffix, random })) === "noticed") noticed++;
  t.diagnostic(`SEED=${seed}: ${noticed} of ${count} flipped bits noticed, the others changed nothing`);
  return noticed;
}

test("an image of a power failure is whole, its WAL copied back at the next start (R-7)", async (t) => {
  const image = await imageOf(t, 2 ** 30);
  assert.ok(statSync(join(image, "store-0.db-wal")).size > 500_000);
  await checkWhole(image);
});

test("a flipped bit in the database is refused or changes nothing", async (t) => {
  const image = await imageOf(t, 100_000);
  await checkWhole(image);
  await flipMany(t, image, { suffix: "", count: 20 });
});

test("a flipped bit in the WAL is refused or changes nothing", async (t) => {
  assert.ok((await flipMany(t, await imageOf(t, 2 ** 30), { suffix: "-wal", count: 20 })) > 10);
});

test("a flipped bit in the mark is refused, and says that the mark may be deleted", async (t) => {
  const image = await imageOf(t, 2 ** 30);
  const copy = join(freshDirectory(t), "copy");
  for (const byte of [0, 4, 8, 15, 16, 23, 24, 27]) // The first and last of each of its fields.
    assert.equal(await flipAt(image, copy, { suffix: ".mark", bit: byte * 8 + (byte % 7) }), "noticed", `byte ${byte}`);
  assert.equal(
    await flipAt(image, copy, { suffix: ".mark", bit: 28 * 8 + 3 }),
    "harmless",
    "nothing is told by the rest",
  );
  flipBit(markPath(join(image, "store-0.db")), 70);
  await assert.rejects(Store.open(optionsIn(image)), { code: "store-damaged", message: /delete this one file/ });
  rmSync(markPath(join(image, "store-0.db")));
  await withStore(optionsIn(image), (store) => {
    assert.match(store.info.notices.join(), /no mark/);
    return Promise.resolve();
  });
  await checkWhole(image);
});

test("a WAL that is cut off, or gone, has lost data, and the message says from where (R-7)", async (t) => {
  const image = await imageOf(t, 2 ** 30);
  const wal = join(image, "store-0.db-wal");
  truncateSync(wal, statSync(wal).size - 5000);
  await assert.rejects(Store.open(optionsIn(image)), (error) => {
    assert.ok(error instanceof StoreFault);
    assert.equal(error.code, "store-lost-data");
    assert.equal(error.seq, BATCHES - 1);
    assert.match(
      error.message,
      /ends at seq 29, but was committed up to seq 30.*store-0\.db.*Copy the directory away/s,
    );
    return true;
  });
  await assert.rejects(Store.open(optionsIn(image)), { code: "store-lost-data" }, "a second try is refused, too");
});

test("an older copy of the database beside its mark has lost data", async (t) => {
  const directory = freshDirectory(t);
  const options = optionsIn(directory);
  await withStore(options, (store) => appendText(store, "one"));
  const older = readFileSync(options.file);
  await withStore(options, async (store) => {
    await recoverAll(store);
    await appendText(store, "two");
  });
  const descriptor = openSync(options.file, "w");
  writeSync(descriptor, older);
  closeSync(descriptor);
  await assert.rejects(Store.open(options), { code: "store-lost-data" });
});

test("a hole in the log, a page that is missing and a changed body are each found by the recovery", async (t) => {
  const cases: [string, RegExp][] = [
    ["DELETE FROM log WHERE seq = 12", /hole: seq 12 is missing/],
    ["DELETE FROM log WHERE seq < 8", /hole: seq 5 is missing/],
    ["DELETE FROM pages WHERE key = 3", /6 pages of 7/],
    ["UPDATE log SET body = zeroblob(length(body)) WHERE seq = 9", /checksum.*at seq 9/],
    ["UPDATE log SET wall = 5 WHERE seq = 9", /checksum.*at seq 9/],
    ["UPDATE pages SET body = x'00' WHERE key = 2", /page 2 has a wrong checksum/],
  ];
  const image = await imageOf(t, 100_000);
  for (const [sql, message] of cases) {
    const copy = freshDirectory(t);
    cpSync(image, copy, { recursive: true });
    const database = new SqliteDatabase(join(copy, "store-0.db"));
    database.exec(sql);
    database.close();
    await assert.rejects(checkWhole(copy), (error) => {
      assert.ok(error instanceof StoreFault);
      assert.equal(error.code, "store-damaged");
      assert.match(error.message, message);
      return true;
    });
  }
});

test("a changed meta, a newer format and a file that is no store are refused by name", async (t) => {
  const cases: [string, string][] = [
    ["UPDATE meta SET value = '9' WHERE key = 'replay_from'", "store-damaged"],
    ["UPDATE shards SET epoch = 9", "store-damaged"],
    ["PRAGMA user_version = 2", "store-newer-format"],
    ["PRAGMA application_id = 7", "store-damaged"],
  ];
  const image = await imageOf(t, 100_000);
  for (const [sql, code] of cases) {
    const copy = freshDirectory(t);
    cpSync(image, copy, { recursive: true });
    const database = new SqliteDatabase(join(copy, "store-0.db"));
    database.exec(sql);
    database.close();
    await assert.rejects(Store.open(optionsIn(copy)), { code }, sql);
  }
  const copy = freshDirectory(t);
  const descriptor = openSync(join(copy, "store-0.db"), "w");
  writeSync(descriptor, "this is a letter, not a database. ".repeat(100));
  closeSync(descriptor);
  await assert.rejects(Store.open(optionsIn(copy)), { code: "store-damaged" });
});

test("a damaged row that is only audit spoils the reading of it, not the store", async (t) => {
  const image = await imageOf(t, 100_000);
  const database = new SqliteDatabase(join(image, "store-0.db"));
  database.exec("UPDATE log SET body = x'01' WHERE seq = 2");
  database.close();
  await withStore(optionsIn(image), async (store) => {
    await recoverAll(store);
    await assert.rejects(store.readLog(1, 100_000), { code: "store-damaged", seq: 2 });
    assert.equal((await store.readLog(5, 100)).rows.length, 1);
    await appendText(store, "goes on");
    await committed(store);
  });
});
