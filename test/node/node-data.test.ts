// What a node has in hand before its workers start: new epochs, stores that are on record, numbers never used before.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { test } from "node:test";
import { openNodeData } from "../../src/node/node-data.js";
import { readSettings } from "../../src/node/settings.js";
import type { Settings } from "../../src/node/settings-schema.js";
import { freshDirectory } from "./server-process.js";

function settingsIn(dataDir: string, workers: number): Settings {
  const flags = { "--data-dir": dataDir, "--workers": String(workers), "--stores": "3", "--shards": "8" };
  const result = readSettings({ flags, environment: {}, configPath: null });
  if (result.kind === "refused") assert.fail(result.message);
  return result.settings;
}

test("each start takes office in a new epoch of every shard (R-14)", () => {
  const dataDir = freshDirectory();
  for (const epoch of [1, 2, 3]) {
    const data = openNodeData(settingsIn(dataDir, 2));
    assert.deepEqual(
      data.configurations.map((configuration) => [configuration.epoch, configuration.era]),
      Array.from({ length: 8 }, () => [epoch, 0]),
    );
    data.directory.close();
  }
});

test("stores are made and recorded once, and each shard's primary is this node with its store", () => {
  const dataDir = freshDirectory();
  const first = openNodeData(settingsIn(dataDir, 2));
  first.directory.close();
  const second = openNodeData(settingsIn(dataDir, 5));
  assert.equal(first.storeIds.length, 3);
  assert.deepEqual(second.storeIds, first.storeIds);
  for (const { shard, primary } of second.configurations) {
    const store = second.spread.storeOfShard[shard] ?? -1;
    assert.equal(primary, `${second.directory.nodeId}/${second.storeIds[store]}`);
  }
  second.directory.close();
});

test("a start that broke off before the stores were recorded finds those that it made", () => {
  const dataDir = freshDirectory();
  const first = openNodeData(settingsIn(dataDir, 1));
  first.directory.database.exec("DELETE FROM stores");
  first.directory.close();
  const second = openNodeData(settingsIn(dataDir, 1));
  assert.deepEqual(second.storeIds, first.storeIds);
  second.directory.close();
});

test("no start of a worker has a number that another had (R-18)", () => {
  const dataDir = freshDirectory();
  const numbers: number[] = [];
  for (const workers of [2, 5, 1, 4]) {
    const data = openNodeData(settingsIn(dataDir, workers));
    assert.equal(data.starts.length, workers);
    numbers.push(...data.starts);
    data.directory.close();
  }
  assert.equal(new Set(numbers).size, 12);
});

test("numbers of starts begin again below 2^20, in a row for each start, and are never 0", () => {
  const dataDir = freshDirectory();
  const first = openNodeData(settingsIn(dataDir, 1));
  first.directory.database.exec(`UPDATE counters SET value = ${2 ** 20 - 3} WHERE name = 'starts'`);
  first.directory.close();
  for (const starts of [
    [2 ** 20 - 2, 2 ** 20 - 1],
    [1, 2],
    [3, 4],
  ]) {
    const data = openNodeData(settingsIn(dataDir, 2));
    assert.deepEqual(data.starts, starts);
    data.directory.close();
  }
});

test("a data directory is given back when a start fails", () => {
  const dataDir = freshDirectory();
  const first = openNodeData(settingsIn(dataDir, 1));
  first.directory.database.exec("UPDATE configurations SET in_sync = 'somebody-else', primary_node = 'somebody-else'");
  first.directory.close();
  assert.throws(() => openNodeData(settingsIn(dataDir, 1)), /R-14/);
  assert.throws(() => openNodeData(settingsIn(dataDir, 1)), /R-14/); // And not: the directory is in use.
  rmSync(dataDir, { recursive: true });
});
