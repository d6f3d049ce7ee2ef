/**
 * What lies on the disk of one store, and what only seems to: the simulator's counterpart of an SQLite file, its WAL and
 * its mark. It outlives processes and machines' starts.
 *
 *     image      all that was copied back; it stays
 *     wal        transactions since, in order:  synced ... synced | written, not synced ...
 *                a process that ends leaves all of them readable; a machine that loses power keeps the synced ones and
 *                any prefix of the rest, since SQLite's recovery ends at the first frame that is not whole
 *     mark       how far the log was committed, written after each commit and never synced by anyone (log/mark.ts)
 */
import { assert } from "../../../src/words/assert.js";
import { storeFault } from "../../../src/log/store-fault.js";
import type { StoredShard } from "../../../src/log/store-options.js";
import { emptyImage, type Image, copyOf, type Row, type Transaction, apply } from "./disk-image.js";
import type { Random } from "./random.js";
import type { World } from "./world.js";

/** What a disk is like for one seed. */
export interface DiskSettings {
  /** How long a transaction takes, fsync included. */
  readonly commitMedianUs: number;
  readonly commitMaxUs: number;
  /** Probability, for each transaction, that its fsync takes 0.5 to 3.5 s. */
  readonly slow: number;
  /** ... that it never comes back. */
  readonly hang: number;
  /** ... that it fails. */
  readonly fail: number;
  /** ... that opening the store after that makes nothing durable of what the cache alone has. */
  readonly phantom: number;
  /** The WAL is copied back when it has so many bytes. */
  readonly copyBackBytes: number;
  /** Batches that are only audit are kept for so many bytes. */
  readonly retainBytes: number;
}

/** A disk of which nothing is wrong; good for tests. */
export const CALM_DISK: DiskSettings = {
  commitMedianUs: 1_000,
  commitMaxUs: 100_000,
  slow: 0,
  hang: 0,
  fail: 0,
  phantom: 0,
  copyBackBytes: 65_536,
  retainBytes: 2 ** 20,
};

/** A copy of a disk, as an administrator or a machine snapshot makes one; give it to `replaceBy`. */
export interface DiskCopy {
  readonly image: Image;
  readonly markSeq: number;
}

/** What is read of a store when it is opened. */
export interface Contents {
  readonly storeId: string;
  readonly era: number;
  readonly rows: readonly Row[];
  readonly pages: ReadonlyMap<number, Uint8Array>;
  readonly shards: ReadonlyMap<number, StoredShard>;
  readonly replayFrom: number;
  readonly lastSeq: number;
}

/** The disk under one store. */
export class Disk {
  readonly name: string;
  readonly settings: DiskSettings;
  readonly #world: World;
  readonly #random: Random;
  #image: Image | null = null;
  #wal: Transaction[] = [];
  #syncedCount = 0; // Of the transactions of the WAL, from its beginning.
  #walBytes = 0;
  #markSeq = 0;
  #markSyncedSeq = 0; // What a loss of power leaves of the mark at the least.
  #markSyncedAtUs = 0;
  #holder: object | null = null;
  #isLow = false;
  #isFull = false;
  /** Asked before a fault of the disk by itself that may lose what was synced; the planner answers. */
  mayLose: () => boolean = () => false;

  constructor(world: World, name: string, settings: DiskSettings) {
    this.#world = world;
    this.name = name;
    this.settings = settings;
    this.#random = world.random(`disk/${name}`);
  }

  /** The dice of this disk; for its store. */
  get random(): Random {
    return this.#random;
  }
  /** Whether only the reserve is left. */
  get isLow(): boolean {
    return this.#isLow;
  }
  /** Whether nothing more can be written. */
  get isFull(): boolean {
    return this.#isFull;
  }
  /** Whether a store was made on it. */
  get isMade(): boolean {
    return this.#image !== null;
  }
  /** The seq that stays whatever happens but the destructive faults below; for checkers. */
  get durableSeq(): number {
    return lastSeqOf(this.#image, this.#wal.slice(0, this.#syncedCount));
  }

  /** Says that only the reserve is left, or no longer. */
  setLow(isLow: boolean): void {
    this.#isLow = isLow;
  }
  /** Says that nothing more can be written, or no longer; a full disk is low, too. */
  setFull(isFull: boolean): void {
    this.#isFull = isFull;
    this.#isLow = isFull;
  }

  /** A process takes the store's lock. @throws StoreFault `store-in-use` if another has it */
  lock(holder: object): void {
    if (this.#holder !== null) throw storeFault("store-in-use", { file: this.name }, "the store is locked");
    this.#holder = holder;
  }

  /** Whether some process has the lock. */
  get isLocked(): boolean {
    return this.#holder !== null;
  }

  /** Whether this process has the lock. */
  isLockedBy(holder: object): boolean {
    return this.#holder === holder;
  }

  /** Gives the lock back; nothing happens if it is another's. */
  unlock(holder: object): void {
    if (this.#holder === holder) this.#holder = null;
  }

  /** Makes an empty store. */
  make(storeId: string, era: number): void {
    this.#image = emptyImage(storeId, era);
    this.#wal = [];
    this.#syncedCount = 0;
    this.#walBytes = 0;
    this.#markSeq = 0;
    this.#markSyncedSeq = 0;
  }

  /**
   * All that can be read, cache included, copied back and synced: what R-7 asks of a start.
   * @throws StoreFault as the real store does: missing, damaged, or shorter than its mark
   */
  open(): Contents {
    const file = this.name;
    const image = this.#image;
    if (image === null)
      throw storeFault("store-missing", { file }, "the file of a store that should be there is missing");
    const lastSeq = lastSeqOf(image, this.#wal);
    if (this.#markSeq > lastSeq) {
      const seen = `the log ends at seq ${lastSeq}, but was committed up to seq ${this.#markSeq}: its end is lost`;
      throw storeFault("store-lost-data", { file, seq: lastSeq }, seen);
    }
    const replayFrom = this.#wal.reduce(
      (from, transaction) => Math.max(from, transaction.replayFrom),
      image.replayFrom,
    );
    if (replayFrom > lastSeq + 1) {
      const seen = `the log ends at seq ${lastSeq}, but the checkpoint begins at seq ${replayFrom}: its end is lost`;
      throw storeFault("store-lost-data", { file, seq: lastSeq }, seen);
    }
    const isPhantom =
      this.#random.chance(this.settings.phantom) && this.#syncedCount < this.#wal.length && this.mayLose();
    if (this.#world.decide(`${this.name}/phantom`, isPhantom)) return this.#phantom(lastSeq);
    this.#copyBack(this.#wal.length);
    this.#markSeq = lastSeq;
    return contentsOf(image);
  }

  /** A transaction is in the WAL; it is not synced. */
  write(transaction: Transaction): void {
    this.#wal.push(transaction);
    this.#walBytes += transaction.size;
  }

  /** The process ended in the middle of its last write: a transaction whose frames are not all there is none. */
  tearLast(): void {
    if (this.#wal.length > this.#syncedCount) this.#cut(this.#wal.length - 1);
  }

  /** All that was written is synced now, and the mark says so. */
  synced(): void {
    this.#syncedCount = this.#wal.length;
    this.#markSeq = lastSeqOf(this.#image, this.#wal);
    if (this.#world.nowUs - this.#markSyncedAtUs > MARK_SYNC_US) {
      this.#markSyncedAtUs = this.#world.nowUs; // The kernel writes back what is dirty after some seconds, by itself.
      this.#markSyncedSeq = this.#markSeq;
    }
    if (this.#walBytes > this.settings.copyBackBytes) this.#copyBack(this.#syncedCount);
  }

  /** The machine loses power: what is not synced stays as a prefix, or not at all. */
  losePower(): void {
    this.#holder = null;
    const unsynced = this.#wal.length - this.#syncedCount;
    const kept = unsynced === 0 ? 0 : this.#random.below(unsynced + 1);
    this.#cut(this.#syncedCount + kept);
    this.#syncedCount = this.#wal.length;
    if (this.#random.chance(0.5)) this.#markSeq = Math.min(this.#markSeq, this.#markSyncedSeq);
    this.#world.tell(() => `disk ${this.name}: power lost, ${kept} of ${unsynced} unsynced transactions are there`);
  }

  /** Destructive: loses the last `count` transactions of the WAL, synced or not. Answers how many seqs are lost. */
  cutShort(count: number): number {
    const before = lastSeqOf(this.#image, this.#wal);
    this.#cut(Math.max(0, this.#wal.length - count));
    this.#syncedCount = Math.min(this.#syncedCount, this.#wal.length);
    const lost = before - lastSeqOf(this.#image, this.#wal);
    this.#world.tell(() => `disk ${this.name}: its WAL ends ${lost} batches early`);
    return lost;
  }

  /** Destructive: the mark is gone, too, or an old one, so that a log cut short can't be told by it. */
  loseMark(): void {
    this.#markSeq = 0;
    this.#markSyncedSeq = 0;
  }

  /** Destructive: turns a bit of some batch or page that a recovery reads. Answers false where there is none. */
  flipBit(): boolean {
    const image = this.#image;
    if (image === null) return false;
    this.#copyBack(this.#wal.length);
    const rows = image.rows.filter((row) => row.seq >= image.replayFrom);
    const keys = [...image.pages.keys()];
    if (rows.length + keys.length === 0) return false;
    const picked = this.#random.below(rows.length + keys.length);
    const row = rows[picked];
    if (row !== undefined) image.damagedRows.add(row.seq);
    else image.damagedPages.add(keys[picked - rows.length] ?? 0);
    this.#world.tell(() => `disk ${this.name}: a bit is flipped`);
    return true;
  }

  /** A copy of what is on it now. */
  copy(): DiskCopy | null {
    const image = this.#image;
    if (image === null) return null;
    const whole = copyOf(image);
    for (const transaction of this.#wal) apply(whole, transaction, this.settings.retainBytes);
    return { image: whole, markSeq: lastSeqOf(whole, []) };
  }

  /** Destructive: another, older copy lies there, or none (null), as when a wrong disk was mounted. */
  replaceBy(copy: DiskCopy | null): void {
    assert(this.#holder === null, "a store is replaced while no process has it");
    this.#image = copy === null ? null : copyOf(copy.image);
    this.#wal = [];
    this.#syncedCount = 0;
    this.#walBytes = 0;
    this.#markSeq = copy === null ? 0 : copy.markSeq;
    this.#markSyncedSeq = this.#markSeq;
    this.#world.tell(() => `disk ${this.name}: replaced by ${copy === null ? "an empty one" : "an older copy"}`);
  }

  /** @throws StoreFault `store-damaged` if a bit of what is to be read was flipped */
  checkDamage(): void {
    const image = this.#image;
    if (image === null) return;
    const [page] = image.damagedPages;
    const file = this.name;
    if (page !== undefined) {
      throw storeFault("store-damaged", { file }, `checkpoint page ${page} has a wrong checksum`);
    }
    for (const seq of image.damagedRows) {
      if (seq >= image.replayFrom) throw storeFault("store-damaged", { file, seq }, "a batch has a wrong checksum");
    }
  }

  /** What the cache has looks like the disk, and is not on it before the next fsync. */
  #phantom(lastSeq: number): Contents {
    const image = this.#image;
    assert(image !== null, "a store that has a WAL was made");
    this.#markSeq = lastSeq;
    this.#world.tell(() => `disk ${this.name}: what is read is not on disk`);
    const seen = copyOf(image);
    for (const transaction of this.#wal) apply(seen, transaction, this.settings.retainBytes);
    return contentsOf(seen);
  }

  #copyBack(count: number): void {
    const image = this.#image;
    assert(image !== null, "a store that has a WAL was made");
    for (const transaction of this.#wal.slice(0, count)) apply(image, transaction, this.settings.retainBytes);
    this.#wal = this.#wal.slice(count);
    this.#syncedCount = Math.max(0, this.#syncedCount - count);
    this.#walBytes = sizeOf(this.#wal);
  }

  #cut(count: number): void {
    this.#wal.length = count;
    this.#walBytes = sizeOf(this.#wal);
  }
}

const MARK_SYNC_US = 5_000_000;

function contentsOf(image: Image): Contents {
  return { ...image, rows: [...image.rows], lastSeq: lastSeqOf(image, []) };
}

function lastSeqOf(image: Image | null, wal: readonly Transaction[]): number {
  for (let i = wal.length - 1; i >= 0; i--) {
    const last = wal[i]?.lastSeq ?? 0;
    if (last > 0) return last;
  }
  return image?.rows.at(-1)?.seq ?? 0;
}

function sizeOf(wal: readonly Transaction[]): number {
  return wal.reduce((sum, transaction) => sum + transaction.size, 0);
}
