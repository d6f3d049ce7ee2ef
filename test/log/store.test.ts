/** A store keeps what it is given: commits, recovery, trimming, back-pressure, and who may open it. */
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { test } from "node:test";
import { Store } from "../../src/log/store.js";
import { appendText, committed, freshDirectory, optionsIn, recoverAll, withStore, writeText } from "./fresh-store.js";

test("a new store begins with seq 1, and what is committed is there when it is opened again", async (t) => {
  const options = optionsIn(freshDirectory(t));
  const storeId = await withStore(options, async (store) => {
    assert.equal(store.info.lastSeq, 0);
    assert.equal(await appendText(store, "one"), 1);
    assert.equal(await appendText(store, ""), 2);
    assert.equal(store.committedSeq, 2);
    return store.info.storeId;
  });
  await withStore({ ...options, create: false, storeId }, async (store) => {
    assert.equal(store.info.storeId, storeId);
    assert.equal(store.info.lastSeq, 2);
    assert.deepEqual(store.info.notices, []);
    const { batches } = await recoverAll(store);
    assert.deepEqual(
      [...batches],
      [
        [1, "one"],
        [2, ""],
      ],
    );
    assert.equal(await appendText(store, "three"), 3);
  });
});

test("close commits what was written before it, flushed or not", async (t) => {
  const options = optionsIn(freshDirectory(t));
  await withStore(options, (store) => {
    store.append(Buffer.from("last words"), 0, 10, 0);
    return Promise.resolve();
  });
  await withStore(options, async (store) => {
    assert.deepEqual([...(await recoverAll(store)).batches], [[1, "last words"]]);
  });
});

test("onCommitted is called after a commit, and the commit is known by then", async (t) => {
  await withStore(optionsIn(freshDirectory(t)), async (store) => {
    const seqs = await new Promise<number[]>((resolve) => {
      store.onCommitted = (): void => {
        store.onCommitted = null;
        resolve([store.append(Buffer.alloc(1), 0, 1, 0), store.committedSeq]);
      };
      store.append(Buffer.from("xyz"), 1, 2, 0);
      store.flush();
    });
    assert.deepEqual(seqs, [2, 1]);
  });
});

test("pages are replaced and deleted whole, and recovery begins at the checkpoint", async (t) => {
  const options = optionsIn(freshDirectory(t));
  await withStore(options, async (store) => {
    await appendText(store, "before");
    writeText(store, 7, "old");
    writeText(store, 8, "gone");
    writeText(store, 2 ** 40, "far");
    await committed(store);
    writeText(store, 7, "new");
    store.deletePage(8);
    store.deletePage(9);
    store.setReplayFrom(2);
    await appendText(store, "after");
    assert.equal(store.stats().pages, 2);
  });
  await withStore(options, async (store) => {
    assert.equal(store.info.replayFrom, 2);
    const { pages, batches } = await recoverAll(store);
    assert.deepEqual(
      [...pages],
      [
        [7, "new"],
        [2 ** 40, "far"],
      ],
    );
    assert.deepEqual([...batches], [[2, "after"]]);
    writeText(store, 7, "newer"); // The digest goes on from what was recovered.
    await committed(store);
  });
  await withStore(options, async (store) => {
    assert.equal((await recoverAll(store)).pages.get(7), "newer");
  });
});

test("a store remembers the configurations that it has heard of (R-9)", async (t) => {
  const options = optionsIn(freshDirectory(t));
  const shard = { shard: 3, epoch: 9, era: 1, config: '{"primary":"Zoë"}' };
  await withStore(options, async (store) => {
    store.setShard({ ...shard, epoch: 8 });
    store.setShard(shard);
    await committed(store);
  });
  await withStore(options, (store) => {
    assert.deepEqual(store.info.shards, [shard]);
    return Promise.resolve();
  });
});

test("a store that has something in it is not written before its recovery", async (t) => {
  const options = optionsIn(freshDirectory(t));
  await withStore(options, (store) => appendText(store, "one"));
  await withStore(options, (store) => {
    assert.throws(() => store.append(Buffer.alloc(1), 0, 1, 0), /after its recovery/);
    return Promise.resolve();
  });
});

test("what the sink of a recovery throws ends the recovery, and the store can be closed", async (t) => {
  const options = optionsIn(freshDirectory(t));
  await withStore(options, async (store) => {
    for (let n = 0; n < 30; n++) store.append(Buffer.alloc(400_000), 0, 400_000, 0);
    await committed(store);
  });
  await withStore(options, async (store) => {
    const sink = {
      page: (): void => undefined,
      batch: (): void => {
        throw new Error("no such event kind");
      },
    };
    await assert.rejects(store.recover(sink), /no such event kind/);
  });
});

test("readLog gives committed batches by size, at least one, and says what is gone", async (t) => {
  await withStore(optionsIn(freshDirectory(t)), async (store) => {
    for (const text of ["a".repeat(1000), "b".repeat(1000), "c".repeat(9000)]) await appendText(store, text, 77);
    const two = await store.readLog(1, 2200);
    assert.deepEqual(
      two.rows.map((row) => [row.seq, row.wall, row.body.length]),
      [
        [1, 77, 1000],
        [2, 77, 1000],
      ],
    );
    assert.equal(two.firstKept, 1);
    const large = await store.readLog(3, 10);
    assert.deepEqual(
      large.rows.map((row) => row.body.length),
      [9000],
    );
    assert.deepEqual((await store.readLog(4, 1000)).rows, []);
  });
});

test("a store is opened once, and its lock ends with it", async (t) => {
  const options = optionsIn(freshDirectory(t));
  await withStore(options, async () => {
    await assert.rejects(Store.open(options), { code: "store-in-use" });
  });
  await withStore(options, () => Promise.resolve());
});

test("a missing store is not made anew unless told so, nor one of another cluster, index or id taken", async (t) => {
  const options = optionsIn(freshDirectory(t));
  await assert.rejects(Store.open({ ...options, create: false }), { code: "store-missing" });
  await withStore(options, () => Promise.resolve());
  await assert.rejects(Store.open({ ...options, clusterId: "decaf" }), { code: "store-foreign" });
  await assert.rejects(Store.open({ ...options, storeIndex: 1 }), { code: "store-foreign" });
  await assert.rejects(Store.open({ ...options, storeId: "00".repeat(16) }), { code: "store-foreign" });
});

test("a disk with less than the reserve is reported, and commits go on", async (t) => {
  await withStore(optionsIn(freshDirectory(t), { reserveBytes: 2 ** 62 }), async (store) => {
    assert.ok(store.info.lowDisk);
    assert.ok(store.lowDisk);
    assert.equal(await appendText(store, "a release"), 1);
  });
  await withStore(optionsIn(freshDirectory(t)), (store) => {
    assert.ok(!store.lowDisk);
    return Promise.resolve();
  });
});

test("room shrinks by what is written, a record beyond it is refused, and commits give it back", async (t) => {
  await withStore(optionsIn(freshDirectory(t), { ringBytes: 65_536 }), async (store) => {
    const half = 32_768 - 24;
    assert.equal(store.room, half);
    store.append(Buffer.alloc(half), 0, half, 0);
    assert.equal(store.room, half);
    store.append(Buffer.alloc(half - 80), 0, half - 80, 0);
    assert.equal(store.room, 80 - 24);
    assert.throws(() => store.append(Buffer.alloc(57), 0, 57, 0), /ask `room` first/);
    assert.ok(!store.idle);
    await committed(store);
    assert.equal(store.room, half);
  });
});

test("the WAL stays small, and the file too once what is only audit is trimmed by size", async (t) => {
  const options = optionsIn(freshDirectory(t), { retainBytes: 1_000_000 });
  const body = Buffer.alloc(40_000, 1);
  await withStore(options, async (store) => {
    for (let n = 0; n < 500; n++) {
      store.setReplayFrom(Math.max(1, store.append(body, 0, body.length, Date.now()) - 3));
      await committed(store);
    }
    assert.ok(statSync(`${options.file}-wal`).size < 3_000_000, "the WAL grows");
    assert.ok(store.stats().logBytes <= 1_040_000, `kept ${store.stats().logBytes}`);
    assert.ok(store.stats().copyBacks > 10);
  });
  assert.ok(statSync(options.file).size < 5_000_000, `the file grows: ${statSync(options.file).size}`);
  await withStore(options, async (store) => {
    assert.equal((await recoverAll(store)).batches.size, 4);
    assert.ok(store.info.firstKept > 450);
  });
});

test("audit is trimmed by age, the newest batch and all from the checkpoint on never are", async (t) => {
  await withStore(optionsIn(freshDirectory(t), { retainMs: 1000 }), async (store) => {
    for (const wall of [1, 2, 3, 4]) await appendText(store, "old", wall);
    store.setReplayFrom(3);
    await appendText(store, "new");
    await appendText(store, "newer");
    assert.equal((await store.readLog(1, 1000)).firstKept, 3);
    store.setReplayFrom(7);
    await appendText(store, "newest", 5);
    await appendText(store, "of all", 5);
    assert.deepEqual(
      (await store.readLog(1, 1000)).rows.map((row) => row.seq),
      [5, 6, 7, 8],
    );
  });
});

test("a recovery of 100 MB takes less than three seconds", async (t) => {
  const options = optionsIn(freshDirectory(t));
  await withStore(options, async (store) => {
    const body = Buffer.alloc(500_000, 5);
    for (let n = 0; n < 100; n++) {
      store.append(body, 0, body.length, 0);
      store.writePage(n, body, 0, body.length);
      if (store.room < 2_000_000) await committed(store);
    }
    await committed(store);
  });
  await withStore(options, async (store) => {
    let bytes = 0;
    let last = [0, 0];
    const take = (_number: number, body: Uint8Array): void => {
      bytes += body.length;
    };
    const startMs = performance.now();
    await store.recover({
      page: take,
      batch: (seq, _wall, body) => {
        take(seq, body);
      },
      progress: (done, total) => {
        last = [done, total];
      },
    });
    const tookMs = performance.now() - startMs;
    t.diagnostic(`${bytes / 1e6} MB in ${tookMs.toFixed(0)} ms`);
    assert.equal(bytes, 100_000_000);
    assert.deepEqual(last, [200, 200]);
    assert.ok(tookMs < 3000, `${tookMs} ms`);
  });
});
