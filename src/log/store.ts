/**
 * A worker's end of one store: it hands batches to the store's thread and is told when they are on disk, without ever
 * waiting itself. Hot path (native-bench/micro-log.ts): `append`, `writePage`, `flush` and the getters make no object
 * but one view of the caller's bytes for a batch.
 *
 *     worker:  append, writePage ... flush ─▶ ring ─▶ thread: one transaction, fsync, mark
 *              onCommitted, committedSeq   ◀─ message, shared word ◀─┘
 */
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { assert, unreachable } from "../words/assert.js";
import { readChunk } from "./chunk.js";
import type { LogPosition, LogRead, LogRowRead, LogStore } from "./log-store.js";
import { RECORD_BATCH, RECORD_PAGE, RECORD_PAGE_DELETED, RECORD_REPLAY_FROM, RECORD_SHARD } from "./record.js";
import { RingWriter } from "./ring.js";
import { type PlainFault, StoreFault, storeFault } from "./store-fault.js";
import {
  COUNTER_BYTES,
  COUNTER_COMMITS,
  COUNTER_COPY_BACK_MICROS_MAX,
  COUNTER_COPY_BACKS,
  COUNTER_LOG_BYTES,
  COUNTER_PAGES,
  COUNTER_WAL_BYTES,
  commitHistogram,
  controlWords,
  counters,
  sharedMemory,
  WORD_COMMITTED,
  WORD_CREDIT,
  WORD_LOW_DISK,
  WORD_REQUESTS,
  WORD_SIGNALLED,
  WORD_WAKE,
} from "./store-memory.js";
import type { Chunk, PartRange, StoreMessage, StoreRequest } from "./store-messages.js";
import { takePart } from "./take-part.js";
import {
  type StoredShard,
  type StoreInfo,
  type StoreOptions,
  type StoreSettings,
  settingsOf,
} from "./store-options.js";

/** Takes what a recovery reads. Bodies are views of memory that is not used again. */
export interface RecoverySink {
  page(key: number, body: Uint8Array): void;
  /** `wall` is what `append` was given, ms. */
  batch(seq: number, wall: number, body: Uint8Array): void;
  /** Pages and batches done, of how many. */
  progress?(done: number, total: number): void;
}

/** Figures of one store since it was opened. */
export interface StoreStats {
  readonly commits: number;
  /** Bytes of all bodies written. */
  readonly bytes: number;
  /** A living view: bucket i counts commits of `commitBucketMicros(i)` microseconds and more (store-memory.ts). */
  readonly commitMicros: Float64Array;
  readonly copyBacks: number;
  readonly copyBackMicrosMax: number;
  /** Bytes that the WAL had when it was last copied back. */
  readonly walBytes: number;
  /** Bytes of the bodies in the log. */
  readonly logBytes: number;
  readonly pages: number;
}

interface Waiting<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (fault: Error) => void;
}

interface Reading {
  readonly answer: (read: LogRead) => void;
  readonly fail: (fault: Error) => void;
}

/** One open store; made by `Store.open`, used by one thread only. */
export class Store implements LogStore {
  /** Called after each commit, or once for several; the worker sets it. */
  onCommitted: (() => void) | null = null;
  /** Called once, when a write has failed: nothing that is not yet committed ever will be. The worker sets it. */
  onFailed: ((fault: StoreFault) => void) | null = null;

  readonly #file: string;
  readonly #shared: SharedArrayBuffer;
  readonly #control: Int32Array;
  readonly #ring: RingWriter;
  readonly #thread: Worker;
  readonly #exited: Promise<void>;
  readonly #reads = new Map<number, Reading>();
  #opening: Waiting<StoreInfo> | null = null;
  #info: StoreInfo | null = null;
  #recovery: (Waiting<void> & { readonly sink: RecoverySink }) | null = null;
  #fault: StoreFault | null = null;
  #isRecovered = false;
  #isClosed = false;
  #lastSeq = 0; // Of the last append.
  #committed = 0; // As of the last look at WORD_COMMITTED.
  #readId = 0;

  private constructor(settings: StoreSettings) {
    this.#file = settings.file;
    this.#shared = sharedMemory(settings.ringBytes);
    this.#control = controlWords(this.#shared);
    this.#ring = new RingWriter(this.#shared, settings.ringBytes);
    this.#thread = new Worker(new URL("./store-thread.js", import.meta.url), {
      name: `store-${settings.storeIndex}`,
      workerData: { shared: this.#shared, settings },
    });
    this.#thread.on("message", (message: StoreMessage) => {
      this.#receive(message);
    });
    this.#thread.on("error", (error) => {
      this.#fail(this.#stopped(error.message));
    });
    this.#exited = new Promise((resolve) => {
      this.#thread.on("exit", () => {
        if (!this.#isClosed) this.#fail(this.#stopped("its thread has ended"));
        resolve();
      });
    });
  }

  /**
   * Starts the store's thread, which opens the file (or makes it, if `create`), copies its WAL back and syncs it.
   * @throws StoreFault if the store can't be used; no thread and no lock is left then
   */
  static async open(options: StoreOptions): Promise<Store> {
    const store = new Store(settingsOf(options));
    try {
      const info = await new Promise<StoreInfo>((resolve, reject) => {
        store.#opening = { resolve, reject };
      });
      store.#lastSeq = info.lastSeq;
      store.#committed = info.lastSeq;
      store.#isRecovered = info.lastSeq === 0 && info.pages === 0;
      return store;
    } catch (error) {
      await store.#exited;
      throw error;
    }
  }

  /** What was in the store when it was opened. */
  get info(): StoreInfo {
    assert(this.#info !== null, "a store is open when it is given out");
    return this.#info;
  }

  /**
   * Reads all pages by key, then all batches from `info.replayFrom` on, each checked. A store that has anything in it
   * must be recovered once before it is written.
   * @throws StoreFault `store-damaged` if anything is not as it was written; what `sink` throws. Then only close it.
   */
  recover(sink: RecoverySink): Promise<void> {
    assert(this.#recovery === null, "a store is recovered once at a time");
    if (this.#fault !== null) return Promise.reject(this.#fault);
    return new Promise((resolve, reject) => {
      this.#recovery = { resolve, reject, sink };
      this.#request({ kind: "recover" });
    });
  }

  /** Bytes that the next body may have; at most half the ring. 0 to 24 bytes more are taken by each record. */
  get room(): number {
    return this.#ring.room;
  }

  /** The seq that the next batch gets. */
  get nextSeq(): number {
    return this.#lastSeq + 1;
  }

  /**
   * Adds one batch: `bytes` from `start` to `end`, which are copied. It is written with the next `flush`.
   * @param wall the wall clock in ms, for people and for retention
   * @returns its seq, by one more than the last
   */
  append(bytes: Uint8Array, start: number, end: number, wall: number): number {
    this.#lastSeq++;
    this.#write(RECORD_BATCH, this.#lastSeq, wall, slice(bytes, start, end));
    return this.#lastSeq;
  }

  /** Writes page `key` (a safe integer) whole, in the same transaction as all else before the next `flush`. */
  writePage(key: number, bytes: Uint8Array, start: number, end: number): void {
    this.#write(RECORD_PAGE, key, 0, slice(bytes, start, end));
  }

  /** Deletes page `key`; nothing happens if it is not there. */
  deletePage(key: number): void {
    this.#mark(RECORD_PAGE_DELETED, key);
  }

  /** Batches before `seq` are only audit from now on: never less than before, at most the last append + 1. */
  setReplayFrom(seq: number): void {
    assert(seq <= this.#lastSeq + 1, "a checkpoint is never ahead of the log");
    this.#mark(RECORD_REPLAY_FROM, seq);
  }

  /** Keeps what this store has heard of a shard's configuration. Not for hot paths. */
  setShard(row: StoredShard): void {
    this.#write(RECORD_SHARD, row.shard, 0, new TextEncoder().encode(JSON.stringify(row)));
  }

  /** Submits all that was written since, as one piece of one transaction, and wakes the thread. Once a turn. */
  flush(): void {
    this.#ring.publish();
  }

  /** The largest seq that is on disk. */
  get committedSeq(): number {
    const low = Atomics.load(this.#control, WORD_COMMITTED);
    this.#committed += (low - (this.#committed | 0)) | 0; // The whole number from its low half: it only grows.
    return this.#committed;
  }

  /** Whether only the reserve of the disk is left; looked up once a second. */
  get lowDisk(): boolean {
    return Atomics.load(this.#control, WORD_LOW_DISK) === 1;
  }

  /** Whether all that was written is committed. */
  get idle(): boolean {
    return this.#ring.isEmpty;
  }

  /** Why the store is of no use any more; null while it is. */
  get fault(): StoreFault | null {
    return this.#fault;
  }

  /**
   * Reads committed batches from `fromSeq` on, between two commits: as many as `bytesMax` holds (4 MiB at most), but at
   * least one if there is one.
   * @throws StoreFault `store-damaged` if one of them is not as it was written; the store goes on
   */
  readLog(fromSeq: number, bytesMax: number): Promise<LogRead> {
    return new Promise((resolve, reject) => this.askLog({ seq: fromSeq, bytesMax }, resolve, reject));
  }

  /** As `readLog`, for who has no promise; exactly one of the two is called. */
  askLog(from: LogPosition, answer: (read: LogRead) => void, fail: (fault: Error) => void): void {
    if (this.#fault !== null) {
      fail(this.#fault);
      return;
    }
    const id = ++this.#readId;
    this.#reads.set(id, { answer, fail });
    this.#request({ kind: "read", id, fromSeq: from.seq, bytesMax: from.bytesMax });
  }

  /**
   * Reads what there is of one shard, and stands still meanwhile: its pages, then its records from the last checkpoint on,
   * all that was submitted before. For what is rare (replicas that come back, a change of office).
   * @throws StoreFault `store-damaged` if anything is not as it was written; the fault of a store that has failed
   */
  readParts(sink: Pick<RecoverySink, "page" | "batch">, of: PartRange): void {
    const { port1: port, port2 } = new MessageChannel();
    this.flush();
    this.#request({ kind: "parts", of, port: port2 }, [port2]);
    takePart(port, this.#control, sink, () => this.#fault ?? this.#stopped("its thread does not answer"));
  }

  /** Figures since the store was opened. */
  stats(): StoreStats {
    const table = counters(this.#shared);
    return {
      commits: table[COUNTER_COMMITS] ?? 0,
      bytes: table[COUNTER_BYTES] ?? 0,
      commitMicros: commitHistogram(this.#shared),
      copyBacks: table[COUNTER_COPY_BACKS] ?? 0,
      copyBackMicrosMax: table[COUNTER_COPY_BACK_MICROS_MAX] ?? 0,
      walBytes: table[COUNTER_WAL_BYTES] ?? 0,
      logBytes: table[COUNTER_LOG_BYTES] ?? 0,
      pages: table[COUNTER_PAGES] ?? 0,
    };
  }

  /**
   * Commits what was written, copies back, closes the file and ends the thread.
   * @throws StoreFault if the store has failed, now or before: what was not committed is not on disk
   */
  async close(): Promise<void> {
    if (!this.#isClosed && this.#fault === null) {
      this.#isClosed = true;
      this.flush();
      this.#request({ kind: "close" });
    }
    await this.#exited;
    if (this.#fault !== null) throw this.#fault;
  }

  #write(kind: number, number: number, wall: number, bytes: Uint8Array): void {
    assert(this.#isRecovered && !this.#isClosed, "a store is written after its recovery and before its close");
    if (this.#fault === null) this.#ring.write(kind, number, wall, bytes);
  }

  #mark(kind: number, number: number): void {
    assert(this.#isRecovered && !this.#isClosed, "a store is written after its recovery and before its close");
    if (this.#fault === null) this.#ring.mark(kind, number);
  }

  #request(request: StoreRequest, transfer: readonly MessagePort[] = []): void {
    this.#thread.postMessage(request, transfer);
    Atomics.add(this.#control, WORD_REQUESTS, 1);
    Atomics.add(this.#control, WORD_WAKE, 1);
    Atomics.notify(this.#control, WORD_WAKE);
  }

  #receive(message: StoreMessage): void {
    switch (message.kind) {
      case "committed":
        Atomics.store(this.#control, WORD_SIGNALLED, 0); // First, so that a commit from now on is told anew.
        this.onCommitted?.();
        return;
      case "opened":
        this.#info = message.info;
        this.#opening?.resolve(message.info);
        this.#opening = null;
        return;
      case "chunk":
        this.#takeChunk(message.chunk, message.done, message.total);
        return;
      case "recovered":
        this.#isRecovered = this.#recovery !== null;
        this.#recovery?.resolve();
        this.#recovery = null;
        return;
      case "rows":
        this.#takeRows(message.id, message.chunk, message.firstKept);
        return;
      case "unreadable":
        this.#takeRead(message.id)?.fail(revive(message.fault));
        return;
      case "failed":
        this.#fail(revive(message.fault));
        return;
      default:
        unreachable(message);
    }
  }

  #takeChunk(chunk: Chunk, done: number, total: number): void {
    const recovery = this.#recovery;
    try {
      if (recovery !== null) {
        readChunk(chunk, (head, body) => {
          if (head.kind === RECORD_PAGE) recovery.sink.page(head.number, body);
          else recovery.sink.batch(head.number, head.wall, body);
        });
        recovery.sink.progress?.(done, total);
      }
    } catch (error) {
      this.#recovery = null; // The rest is read and thrown away, so that the thread can be closed.
      recovery?.reject(error instanceof Error ? error : new Error(String(error)));
    }
    Atomics.add(this.#control, WORD_CREDIT, 1);
    Atomics.notify(this.#control, WORD_CREDIT);
  }

  #takeRows(id: number, chunk: Chunk, firstKept: number): void {
    const rows: LogRowRead[] = [];
    readChunk(chunk, (head, body) => rows.push({ seq: head.number, wall: head.wall, body }));
    this.#takeRead(id)?.answer({ rows, firstKept });
  }

  #takeRead(id: number): Reading | undefined {
    const read = this.#reads.get(id);
    this.#reads.delete(id);
    return read;
  }

  #fail(fault: StoreFault): void {
    if (this.#fault !== null) return;
    this.#fault = fault;
    this.#opening?.reject(fault);
    this.#opening = null;
    this.#recovery?.reject(fault);
    this.#recovery = null;
    for (const read of this.#reads.values()) read.fail(fault);
    this.#reads.clear();
    this.onFailed?.(fault);
  }

  #stopped(why: string): StoreFault {
    return storeFault("store-stopped", { file: this.#file, seq: this.committedSeq + 1 }, `the store stopped: ${why}`);
  }
}

function slice(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end);
}

function revive(plain: PlainFault): StoreFault {
  return new StoreFault(plain);
}
