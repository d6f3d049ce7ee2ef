/** A simulated store loses what a real one may lose, and nothing else; and it says so as the real one does. */
import assert from "node:assert/strict";
import test from "node:test";
import { StoreFault } from "../../../src/log/store-fault.js";
import { CALM_DISK, Disk, type DiskSettings } from "./disk.js";
import { Machine } from "./machine.js";
import { SimStore } from "./store.js";
import { World } from "./world.js";

/** A node of one store. */
class Node {
  readonly world: World;
  readonly machine: Machine;
  readonly disk: Disk;
  store: SimStore;

  constructor(settings: Partial<DiskSettings> = {}, seed = 1) {
    this.world = new World({ seed });
    this.machine = new Machine(this.world, { name: "node-1", driftPpm: 0, wallAheadUs: 0, timerLateMaxUs: 0 });
    this.disk = new Disk(this.world, "node-1/store-0", { ...CALM_DISK, ...settings });
    this.machine.start();
    this.store = this.open();
  }

  open(createAs: string | null = "0123456789abcdef"): SimStore {
    const { world, disk, machine } = this;
    return SimStore.open({ world, disk, owner: machine, createAs, era: 0, ringBytes: 65_536 });
  }

  run(us: number): void {
    this.world.run(this.world.nowUs + us);
  }

  append(value: number): number {
    return this.store.append(Uint8Array.of(0, value), 1, 2, 1_000 + value);
  }

  /** Appends this many batches, one transaction for each, and waits until all are on disk. */
  commit(count: number): void {
    for (let i = 0; i < count; i++) {
      this.append(this.store.nextSeq % 256);
      this.store.flush();
      this.run(1_000_000);
    }
    assert.equal(this.store.committedSeq, this.store.nextSeq - 1);
  }

  kill(): void {
    this.store.end();
    this.machine.kill();
    this.machine.start();
  }

  losePower(): void {
    this.store.end();
    this.machine.losePower();
    this.disk.losePower();
    this.machine.start();
  }

  /** What a recovery gives: pages, then batches. */
  recovered(): string[] {
    const lines: string[] = [];
    this.store.recoverNow({
      page: (key, body) => lines.push(`page ${key} ${body.join(".")}`),
      batch: (seq, wall, body) => lines.push(`batch ${seq} ${wall} ${body.join(".")}`),
    });
    return lines;
  }
}

const throwsCode = (code: string, act: () => unknown): void => {
  assert.throws(act, (error) => error instanceof StoreFault && error.code === code);
};

test("what is flushed is committed after its fsync, in transactions that gather what waits", () => {
  const node = new Node();
  let told = 0;
  node.store.onCommitted = () => told++;
  const first = node.append(1);
  node.store.flush();
  node.append(2);
  node.run(100);
  assert.deepEqual([first, node.store.committedSeq, node.store.idle], [1, 0, false], "the disk takes 700 us at least");
  node.append(3);
  node.store.flush();
  node.append(4);
  node.run(1_000_000);
  assert.deepEqual([node.store.committedSeq, node.store.commits, told], [3, 2, 2]);
  assert.equal(node.store.idle, false, "the fourth was not flushed");
  node.store.flush();
  node.run(1_000_000);
  assert.deepEqual([node.store.committedSeq, node.store.idle, node.store.nextSeq], [4, true, 5]);
});

test("a recovery gives pages by key and batches from the checkpoint on, as they were written", () => {
  const node = new Node();
  node.commit(3);
  for (const key of [7, 2, 9]) node.store.writePage(key, Uint8Array.of(key, key), 0, 1);
  node.store.deletePage(9);
  node.store.setReplayFrom(3);
  node.store.setShard({ shard: 5, epoch: 2, era: 1, config: "x" });
  node.append(4);
  node.store.flush();
  node.run(1_000_000);
  node.kill();
  node.store = node.open(null);
  assert.deepEqual(node.store.info, {
    storeId: "0123456789abcdef",
    era: 0,
    lastSeq: 4,
    firstKept: 1,
    replayFrom: 3,
    pages: 2,
    lowDisk: false,
    shards: [{ shard: 5, epoch: 2, era: 1, config: "x" }],
    notices: [],
  });
  assert.throws(() => node.append(5), /after its recovery/);
  assert.deepEqual(node.recovered(), ["page 2 2", "page 7 7", "batch 3 1003 3", "batch 4 1004 4"]);
  assert.equal(node.append(5), 5);
});

test("a loss of power leaves a prefix that has all that was synced", () => {
  const left = new Map<number, number>();
  for (let seed = 0; seed < 300; seed++) {
    const node = new Node({ copyBackBytes: seed % 2 === 0 ? 1 : 1_000_000 }, seed);
    node.commit(3);
    for (let i = 0; i < 2; i++) node.append(4 + i);
    node.store.flush();
    node.run(seed % 3 === 0 ? 5 : 300); // Before the thread has woken, or while the disk is at it.
    const committed = node.store.committedSeq;
    node.losePower();
    node.store = node.open(null);
    const { lastSeq } = node.store.info;
    assert.ok(lastSeq >= committed, `seq ${lastSeq} of ${committed} is left`);
    assert.deepEqual(
      node.recovered(),
      Array.from({ length: lastSeq }, (_, i) => `batch ${i + 1} ${1_001 + i} ${i + 1}`),
    );
    left.set(lastSeq, (left.get(lastSeq) ?? 0) + 1);
  }
  assert.deepEqual([...left.keys()].sort(), [3, 5], "a transaction is there whole, or not at all");
});

test("a process that ends leaves what it wrote to the kernel, but a transaction may be half written", () => {
  const left = new Set<number>();
  for (let seed = 0; seed < 60; seed++) {
    const node = new Node({}, seed);
    node.commit(2);
    node.append(3);
    node.store.flush();
    node.run(100);
    node.kill();
    node.store = node.open(null);
    left.add(node.store.info.lastSeq);
    node.losePower();
    node.store = node.open(null);
    assert.ok(node.store.info.lastSeq >= 2);
    left.add(node.store.info.lastSeq);
  }
  assert.deepEqual([...left].sort(), [2, 3]);
});

test("what a start has read is on disk: a loss of power after it takes nothing away", () => {
  for (let seed = 0; seed < 60; seed++) {
    const node = new Node({}, seed);
    node.commit(2);
    node.append(3);
    node.store.flush();
    node.run(100);
    node.kill();
    node.store = node.open(null);
    const { lastSeq } = node.store.info;
    node.losePower();
    assert.equal(node.open(null).info.lastSeq, lastSeq);
  }
});

test("a failed fsync ends the store's part for good, and is never tried again", () => {
  const node = new Node({ fail: 1 });
  const faults: string[] = [];
  node.store.onFailed = (fault) => faults.push(fault.code);
  node.append(1);
  node.store.flush();
  node.run(5_000_000);
  assert.deepEqual([faults, node.store.committedSeq, node.store.fault?.code], [["disk-failed"], 0, "disk-failed"]);
  node.append(2);
  node.store.flush();
  node.run(5_000_000);
  assert.deepEqual([faults, node.store.committedSeq], [["disk-failed"], 0]);
  node.kill();
  node.store = node.open(null);
  assert.equal(node.store.info.lastSeq, 1, "the next process reads what the cache has");
});

test("what only the cache has is lost with the power, if the planner allowed it, and the mark may tell", () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 40; seed++) {
    const node = new Node({ fail: 1, phantom: 1 }, seed);
    node.disk.mayLose = () => seed % 2 === 0;
    node.append(1);
    node.store.flush();
    node.run(5_000_000);
    node.kill();
    node.store = node.open(null);
    assert.equal(node.store.info.lastSeq, 1);
    assert.equal(node.disk.durableSeq, seed % 2 === 0 ? 0 : 1);
    node.losePower();
    try {
      seen.add(`${seed % 2} ${node.open(null).info.lastSeq}`);
    } catch (error) {
      seen.add(`${seed % 2} ${error instanceof StoreFault ? error.code : "?"}`);
    }
  }
  assert.deepEqual([...seen].sort(), ["0 0", "0 1", "0 store-lost-data", "1 1"]);
});

test("an fsync that hangs commits nothing more, and its process can be ended", () => {
  const node = new Node({ hang: 1 });
  node.append(1);
  node.store.flush();
  node.run(600_000_000);
  assert.deepEqual([node.store.committedSeq, node.store.fault, node.store.idle], [0, null, false]);
  node.kill();
  node.store = node.open(null);
});

test("a stopped process hears of its commit when it goes on, and what is on disk is on disk", () => {
  const node = new Node();
  let told = 0;
  node.store.onCommitted = () => told++;
  node.append(1);
  node.store.flush();
  node.run(200);
  node.machine.halt("stopped");
  node.run(60_000_000);
  assert.deepEqual([told, node.store.committedSeq, node.disk.durableSeq], [0, 0, 1]);
  node.machine.go("stopped");
  node.run(1_000);
  assert.deepEqual([told, node.store.committedSeq], [1, 1]);
});

test("a log cut short is noticed by its mark, and not without it", () => {
  for (const hasMark of [true, false]) {
    const node = new Node({ copyBackBytes: 1_000_000 });
    node.commit(3);
    node.kill();
    assert.equal(node.disk.cutShort(2), 2);
    if (hasMark) throwsCode("store-lost-data", () => node.open(null));
    else {
      node.disk.loseMark();
      assert.equal(node.open(null).info.lastSeq, 1);
    }
  }
});

test("a flipped bit is found by the recovery, and by no other", () => {
  for (let seed = 0; seed < 20; seed++) {
    const node = new Node({}, seed);
    node.commit(2);
    node.store.writePage(1, Uint8Array.of(1), 0, 1);
    node.commit(1);
    node.kill();
    assert.equal(node.disk.flipBit(), true);
    node.store = node.open(null);
    throwsCode("store-damaged", () => node.recovered());
    node.kill();
  }
});

test("a store is replaced by an older copy, or by none", () => {
  const node = new Node();
  node.commit(2);
  const copy = node.disk.copy();
  node.commit(3);
  node.kill();
  node.disk.replaceBy(copy);
  node.store = node.open(null);
  assert.equal(node.recovered().length, 2);
  node.commit(1);
  node.kill();
  node.disk.replaceBy(null);
  throwsCode("store-missing", () => node.open(null));
  node.store = node.open("fedcba9876543210");
  assert.deepEqual([node.store.info.storeId, node.store.info.lastSeq], ["fedcba9876543210", 0]);
});

test("the newest batch stays, though it is only audit: it says where the log is", () => {
  const node = new Node({ retainBytes: 0, copyBackBytes: 1 });
  node.commit(3);
  node.store.setReplayFrom(4);
  node.store.flush();
  node.run(1_000_000);
  node.kill();
  node.store = node.open(null);
  assert.deepEqual([node.store.info.firstKept, node.store.info.lastSeq], [3, 3]);
});

test("one process has a store at a time, and a full disk says so", () => {
  const node = new Node();
  throwsCode("store-in-use", () => node.open(null));
  node.disk.setLow(true);
  assert.equal(node.store.lowDisk, true);
  node.disk.setFull(true);
  node.append(1);
  node.store.flush();
  node.run(1_000_000);
  assert.equal(node.store.fault?.code, "disk-full");
});

test("the ring's room is what the real ring says, and comes back with the commit", () => {
  const node = new Node();
  assert.equal(node.store.room, 32_768 - 24);
  for (let i = 0; i < 3; i++) node.store.append(new Uint8Array(16_000), 0, 16_000, 0);
  assert.equal(node.store.room, 65_536 - 3 * 16_024 - 24);
  assert.throws(() => node.store.append(new Uint8Array(20_000), 0, 20_000, 0), /ask `room` first/);
  node.store.flush();
  node.run(1_000_000);
  assert.equal(node.store.room, 32_768 - 24);
});

test("the log is read from where it is kept, as many batches as fit but one at least", () => {
  const node = new Node({ retainBytes: 2 });
  node.commit(6);
  const read = (seq: number, bytesMax: number): string => {
    let said = "nothing";
    const fail = (fault: Error): void => assert.fail(fault);
    node.store.askLog(
      { seq, bytesMax },
      ({ rows, firstKept }) => {
        said = `${rows.map((row) => row.seq).join(" ")} of ${firstKept}`;
      },
      fail,
    );
    assert.equal(said, "nothing", "it takes its time");
    node.run(200_000);
    return said;
  };
  assert.equal(read(2, 3), "2 3 4 of 1");
  assert.equal(read(5, 0), "5 of 1");
  assert.equal(read(7, 100), " of 1");
  node.store.setReplayFrom(5);
  node.store.flush();
  node.run(1_000_000);
  assert.equal(read(1, 100), "5 6 of 5");
  node.kill();
  node.store = node.open(null);
  assert.deepEqual([node.store.info.firstKept, node.recovered().length], [5, 2]);
});
