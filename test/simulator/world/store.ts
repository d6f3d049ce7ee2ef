/**
 * The simulator's store: what `log/store.ts` is to a worker (LogStore), over a simulated disk. Its "thread" takes all
 * that was flushed, makes one transaction of it, waits for the fsync, and tells the worker; what was flushed meanwhile is
 * the next transaction. All of it is callbacks by the world's queue.
 *
 * Where the real store answers by a promise there is a call that answers at once: `SimStore.open` for `Store.open`,
 * `recoverNow` for `recover`, `askLog` (by the queue) for `readLog`, `closeNow` for `close`. Whoever drives a node gives
 * each of them the time that it should take.
 */
import { assert } from "../../../src/words/assert.js";
import type { LogPosition, LogRead, LogStore } from "../../../src/log/log-store.js";
import { recordSize, RECORD_HEADER_SIZE } from "../../../src/log/record.js";
import type { RecoverySink } from "../../../src/log/store.js";
import { type StoreFault, storeFault } from "../../../src/log/store-fault.js";
import type { StoredShard, StoreInfo } from "../../../src/log/store-options.js";
import type { Contents, Disk } from "./disk.js";
import type { Row, Transaction } from "./disk-image.js";
import type { Random } from "./random.js";
import { Slab } from "./slab.js";
import type { World } from "./world.js";

/** Whose store it is: the process that dies with it. */
export interface StoreOwner {
  whenAwake(act: () => void): void;
}

/** How a store is opened. */
export interface SimStoreOptions {
  readonly world: World;
  readonly disk: Disk;
  readonly owner: StoreOwner;
  /** The id that a store gets if it is made now; null: one that is missing is refused. */
  readonly createAs: string | null;
  readonly era: number;
  /** Bytes of the ring, a power of two. */
  readonly ringBytes: number;
}

interface Pending {
  rows: Row[];
  pages: Map<number, Uint8Array | null>;
  shards: StoredShard[];
  replayFrom: number;
  ringBytes: number;
}

/** One open store. */
export class SimStore implements LogStore {
  onCommitted: (() => void) | null = null;
  onFailed: ((fault: StoreFault) => void) | null = null;
  readonly info: StoreInfo;
  readonly #world: World;
  readonly #disk: Disk;
  readonly #random: Random;
  readonly #owner: StoreOwner;
  readonly #ringBytes: number;
  readonly #slab = new Slab();
  #contents: Contents | null;
  #readable: Row[]; // What readers of the log may see: all that is committed and kept.
  #gathering: Pending = nothingPending();
  #submitted: Pending = nothingPending();
  #usedBytes = 0;
  #lastSeq: number;
  #replayFrom: number;
  #committedSeq: number;
  #fault: StoreFault | null = null;
  #isWriting = false; // The thread is awake, or will be.
  #isUnderWay = false; // A transaction is written, and its fsync has not come back.
  #isRecovered: boolean;
  #isEnded = false;
  /** Transactions and their bytes, since it was opened. */
  commits = 0;
  bytes = 0;

  private constructor(options: SimStoreOptions, contents: Contents) {
    this.#world = options.world;
    this.#disk = options.disk;
    this.#random = options.disk.random;
    this.#owner = options.owner;
    this.#ringBytes = options.ringBytes;
    this.#contents = contents;
    this.#readable = [...contents.rows];
    this.#lastSeq = contents.lastSeq;
    this.#replayFrom = contents.replayFrom;
    this.#committedSeq = contents.lastSeq;
    this.#isRecovered = contents.lastSeq === 0 && contents.pages.size === 0;
    this.info = {
      storeId: contents.storeId,
      era: contents.era,
      lastSeq: contents.lastSeq,
      firstKept: contents.rows[0]?.seq ?? contents.lastSeq + 1,
      replayFrom: contents.replayFrom,
      pages: contents.pages.size,
      lowDisk: options.disk.isLow,
      shards: [...contents.shards.values()],
      notices: [],
    };
  }

  /** Opens the store on a disk, or makes it. @throws StoreFault as the real one does; the disk's lock is free then. */
  static open(options: SimStoreOptions): SimStore {
    const { disk, createAs, era, world } = options;
    const lock = {};
    disk.lock(lock);
    try {
      if (!disk.isMade && createAs !== null) disk.make(createAs, era);
      const store = new SimStore(options, disk.open());
      disk.unlock(lock);
      disk.lock(store);
      world.tell(() => `store ${disk.name}: open, up to seq ${store.info.lastSeq}`);
      return store;
    } catch (error) {
      disk.unlock(lock);
      throw error;
    }
  }

  /** All pages by key, then all batches from `info.replayFrom` on; what `recover` of the real store gives, at once. */
  recoverNow(sink: RecoverySink): void {
    const contents = this.#contents;
    assert(contents !== null, "a store is recovered once");
    this.#disk.checkDamage();
    for (const key of [...contents.pages.keys()].sort((one, other) => one - other)) {
      sink.page(key, contents.pages.get(key) ?? new Uint8Array(0));
    }
    for (const row of contents.rows) if (row.seq >= contents.replayFrom) sink.batch(row.seq, row.wall, row.body);
    this.#contents = null;
    this.#isRecovered = true;
  }

  /** What a process reads of its own store while it has it open: all that is written, synced or not. */
  readParts(sink: {
    page(key: number, body: Uint8Array): void;
    batch(seq: number, wall: number, body: Uint8Array): void;
  }): void {
    const copy = this.#disk.copy();
    assert(copy !== null, "an open store was made");
    const { pages, rows, replayFrom } = copy.image;
    for (const key of [...pages.keys()].sort((one, other) => one - other)) sink.page(key, pages.get(key) ?? NO_BYTES);
    for (const row of rows) if (row.seq >= replayFrom) sink.batch(row.seq, row.wall, row.body);
  }

  get room(): number {
    const free = this.#ringBytes - this.#usedBytes;
    return Math.max(0, Math.min(free, this.#ringBytes / 2) - RECORD_HEADER_SIZE);
  }
  get nextSeq(): number {
    return this.#lastSeq + 1;
  }
  get committedSeq(): number {
    return this.#committedSeq;
  }
  get lowDisk(): boolean {
    return this.#disk.isLow;
  }
  get idle(): boolean {
    return this.#usedBytes === 0;
  }
  get fault(): StoreFault | null {
    return this.#fault;
  }

  append(bytes: Uint8Array, start: number, end: number, wall: number): number {
    this.#take(end - start);
    this.#lastSeq++;
    this.#gathering.rows.push({ seq: this.#lastSeq, wall, body: this.#slab.copy(bytes, start, end) });
    return this.#lastSeq;
  }

  writePage(key: number, bytes: Uint8Array, start: number, end: number): void {
    this.#take(end - start);
    this.#gathering.pages.set(key, this.#slab.copy(bytes, start, end));
  }

  deletePage(key: number): void {
    this.#take(0);
    this.#gathering.pages.set(key, null);
  }

  setReplayFrom(seq: number): void {
    assert(seq <= this.#lastSeq + 1, "a checkpoint is never ahead of the log");
    assert(seq >= this.#replayFrom, "a checkpoint never goes back");
    this.#take(0);
    this.#replayFrom = seq;
    this.#gathering.replayFrom = seq;
  }

  setShard(row: StoredShard): void {
    this.#take(row.config.length);
    this.#gathering.shards.push(row);
  }

  flush(): void {
    const { rows, pages, shards, replayFrom, ringBytes } = this.#gathering;
    if (ringBytes === 0) return;
    const to = this.#submitted;
    to.rows.push(...rows);
    for (const [key, body] of pages) to.pages.set(key, body);
    to.shards.push(...shards);
    to.replayFrom = Math.max(to.replayFrom, replayFrom);
    to.ringBytes += ringBytes;
    this.#gathering = nothingPending();
    if (this.#isWriting) return; // A thread whose write has failed, or hangs, stays in it.
    this.#isWriting = true;
    this.#world.in(WAKE_US, () => this.#owner.whenAwake(() => this.#write()));
  }

  askLog(from: LogPosition, answer: (read: LogRead) => void, fail: (fault: Error) => void): void {
    this.#world.in(this.#random.longTail(200, 100_000), () =>
      this.#owner.whenAwake(() => {
        if (this.#fault === null) answer(this.#readLog(from));
        else fail(this.#fault);
      }),
    );
  }

  /** The process ends well: all that was flushed is committed (`idle`), and the lock is given back. */
  closeNow(): void {
    assert(this.idle || this.#fault !== null, "a store is closed when it is idle, or has failed");
    this.end();
  }

  /**
   * The process is gone. What it had flushed into a transaction under way may be written or not; a transaction that waits
   * for its fsync is in the kernel's hands, and is there unless the power goes, too.
   */
  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    if (this.#isUnderWay && this.#random.chance(TORN) && this.#disk.isLockedBy(this)) this.#disk.tearLast();
    this.#disk.unlock(this);
  }

  #readLog({ seq, bytesMax }: LogPosition): LogRead {
    const firstKept = this.#readable[0]?.seq ?? this.#committedSeq + 1;
    const rows: Row[] = [];
    let left = bytesMax;
    for (let i = Math.max(0, seq - firstKept); i < this.#readable.length; i++) {
      const row = this.#readable[i];
      if (row === undefined || (rows.length > 0 && row.body.length > left)) break;
      rows.push(row);
      left -= row.body.length;
    }
    return { rows, firstKept };
  }

  /** Takes room of the ring, as `log/ring.ts` counts it. */
  #take(size: number): void {
    assert(this.#isRecovered && !this.#isEnded, "a store is written after its recovery and before its close");
    assert(size <= this.room, "a record overtakes its store's thread: ask `room` first");
    this.#usedBytes += recordSize(size);
    this.#gathering.ringBytes += recordSize(size);
  }

  /** The thread has woken: one transaction of all that is submitted. */
  #write(): void {
    if (!this.#disk.isLockedBy(this)) return;
    const pending = this.#submitted;
    this.#submitted = nothingPending();
    const { settings, name } = this.#disk;
    const random = this.#random;
    if (this.#disk.isFull) {
      this.#fail(storeFault("disk-full", { file: name, seq: this.#committedSeq + 1 }, "nothing more can be written"));
      return;
    }
    this.#disk.write(transactionOf(pending));
    this.#isUnderWay = true;
    const takesUs = random.longTail(settings.commitMedianUs, settings.commitMaxUs);
    const slowUs = random.between(500_000, 3_500_000);
    const isHung = this.#world.decide(`${name}/fsync-hangs`, random.chance(settings.hang));
    const isFailed = this.#world.decide(`${name}/fsync-fails`, random.chance(settings.fail));
    const isSlow = this.#world.decide(`${name}/fsync-slow`, random.chance(settings.slow));
    if (isHung) {
      this.#world.tell(() => `store ${name}: an fsync hangs`);
      return;
    }
    this.#world.in(takesUs + (isSlow ? slowUs : 0), () => (isFailed ? this.#syncFailed() : this.#synced(pending)));
  }

  /** On disk from this instant; the worker knows when its process can act. */
  #synced(pending: Pending): void {
    if (!this.#disk.isLockedBy(this)) return; // Its process is gone: the next one reads it, synced or not.
    this.#isUnderWay = false;
    this.#disk.synced();
    this.#owner.whenAwake(() => {
      const last = pending.rows.at(-1);
      if (last !== undefined) this.#committedSeq = last.seq;
      this.#readable.push(...pending.rows);
      this.#trim(pending.replayFrom);
      this.#usedBytes -= pending.ringBytes;
      this.commits++;
      this.bytes += pending.ringBytes;
      this.#isWriting = this.#submitted.ringBytes > 0;
      if (this.#isWriting) this.#world.in(0, () => this.#owner.whenAwake(() => this.#write()));
      this.#world.in(TELL_US, () => this.#owner.whenAwake(() => this.#tell()));
    });
  }

  #tell(): void {
    if (!this.#isEnded) this.onCommitted?.();
  }

  /** Pages of the cache that could not be written count as clean: the next process reads what the disk lacks. */
  #syncFailed(): void {
    if (!this.#disk.isLockedBy(this)) return;
    this.#isUnderWay = false;
    const where = { file: this.#disk.name, seq: this.#committedSeq + 1 };
    this.#owner.whenAwake(() => this.#fail(storeFault("disk-failed", where, "disk I/O error [SQLITE_IOERR_FSYNC]")));
  }

  #fail(fault: StoreFault): void {
    if (this.#fault !== null || this.#isEnded) return;
    this.#fault = fault;
    this.#world.tell(() => `store ${this.#disk.name}: ${fault.code}`);
    this.onFailed?.(fault);
  }

  /** What is only audit goes when there is too much of it, as on the disk (disk-image.ts). */
  #trim(replayFrom: number): void {
    if (replayFrom === 0 && this.#readable.length < 4_096) return;
    let size = this.#readable.reduce((sum, row) => sum + row.body.length, 0);
    let spent = 0;
    for (const row of this.#readable) {
      if (size <= this.#disk.settings.retainBytes || row.seq >= this.#replayFrom || row.seq === this.#committedSeq)
        break;
      size -= row.body.length;
      spent++;
    }
    if (spent > 0) this.#readable.splice(0, spent);
  }
}

/** A process that ends while a transaction is under way leaves it half written so often. */
const TORN = 0.3;
const WAKE_US = 10;
const NO_BYTES = new Uint8Array(0);
const TELL_US = 20;

function nothingPending(): Pending {
  return { rows: [], pages: new Map(), shards: [], replayFrom: 0, ringBytes: 0 };
}

function transactionOf(pending: Pending): Transaction {
  const { rows, pages, shards, replayFrom, ringBytes } = pending;
  return { rows, pages, shards, replayFrom, lastSeq: rows.at(-1)?.seq ?? 0, size: ringBytes };
}
