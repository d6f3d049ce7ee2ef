/**
 * The thread of one store: it alone has the connection to SQLite, so no worker ever waits for a disk. It sleeps until
 * the worker publishes, commits all that is there in one transaction, says so, and copies the WAL back when that has
 * grown (T-12), in this order: commit, mark, publish, copy back.
 */
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { assert, unreachable } from "../words/assert.js";
import { DiskSpace } from "./disk-space.js";
import { readLogChunk, streamPart, streamStore } from "./read-store.js";
import { RingReader } from "./ring.js";
import { copyBack, copyBackAll, type OpenedStore, openStoreDatabase, WAL_FRAME_SIZE } from "./store-database.js";
import { faultOf, type StoreFault } from "./store-fault.js";
import {
  COUNTER_BYTES,
  COUNTER_COMMITS,
  COUNTER_COPY_BACK_MICROS_MAX,
  COUNTER_COPY_BACKS,
  COUNTER_LOG_BYTES,
  COUNTER_PAGES,
  COUNTER_WAL_BYTES,
  commitBucket,
  commitHistogram,
  controlWords,
  count,
  counters,
  WORD_COMMITTED,
  WORD_CREDIT,
  WORD_LOW_DISK,
  WORD_PARTS,
  WORD_REQUESTS,
  WORD_SIGNALLED,
  WORD_WAKE,
} from "./store-memory.js";
import {
  type Chunk,
  isStoreRequest,
  isThreadStart,
  type PartMessage,
  type StoreMessage,
  type StoreRequest,
  type ThreadStart,
} from "./store-messages.js";
import { StoreWriter } from "./store-writer.js";

/** Chunks of a recovery that may be under way at once: its memory stays bounded. */
const CHUNKS_UNTAKEN_MAX = 8;
/** How long the thread sleeps at most: then it looks at the disk's space and trims. */
const IDLE_MS = 1000;
/** After so long without a commit SQLite gives back its page cache, which a burst has filled. */
const SHRINK_AFTER_MS = 5000;

class StoreThread {
  readonly #control: Int32Array;
  readonly #counters: Float64Array;
  readonly #histogram: Float64Array;
  readonly #ring: RingReader;
  readonly #store: OpenedStore;
  readonly #writer: StoreWriter;
  readonly #disk: DiskSpace;
  #requestsSeen = 0;
  #chunksSent = 0;
  #lastCommitted: number;
  #isClosing = false;
  /** When the last commit was, by the monotonic clock; Infinity once the cache was given back after it. */
  #committedAtMs = Number.POSITIVE_INFINITY;

  constructor(start: ThreadStart) {
    this.#control = controlWords(start.shared);
    this.#counters = counters(start.shared);
    this.#histogram = commitHistogram(start.shared);
    this.#ring = new RingReader(start.shared, start.settings.ringBytes);
    this.#store = openStoreDatabase(start.settings);
    this.#writer = new StoreWriter(this.#store);
    this.#lastCommitted = this.#writer.lastSeq;
    this.#disk = new DiskSpace(start.settings.file, start.settings.reserveBytes);
  }

  /** Tells that the store is open, and what is in it. */
  announce(): void {
    const { meta, newest, shards, notices } = this.#store;
    this.#lookAtDisk();
    this.#count();
    Atomics.store(this.#control, WORD_COMMITTED, this.#writer.lastSeq | 0);
    const info = {
      storeId: meta.storeId,
      era: meta.era,
      lastSeq: newest?.seq ?? 0,
      firstKept: this.#writer.firstKept,
      replayFrom: meta.replayFrom,
      pages: meta.pagesCount,
      lowDisk: Atomics.load(this.#control, WORD_LOW_DISK) === 1,
      shards,
      notices,
    };
    post({ kind: "opened", info });
  }

  /** Works until it is told to close. @throws StoreFault, or what SQLite says, when a write fails */
  run(): void {
    for (;;) {
      const seen = Atomics.load(this.#control, WORD_WAKE);
      this.#serveRequests();
      if (this.#commitSubmitted()) continue;
      if (this.#isClosing) break; // Only once all that was submitted before the request is committed.
      if (Atomics.wait(this.#control, WORD_WAKE, seen, IDLE_MS) === "timed-out") this.#beIdle();
    }
    copyBackAll(this.#store.database, this.#store.settings.file);
    this.#store.database.close();
    this.#store.mark.close();
  }

  /** What `error` means, which ended `run`. */
  faultOf(error: unknown): StoreFault {
    return faultOf(error, this.#store.settings.file, this.#lastCommitted + 1);
  }

  #commitSubmitted(): boolean {
    if (!this.#ring.look()) return false;
    const startMs = performance.now();
    const bytes = this.#writer.commit(this.#ring, Date.now());
    const { lastSeq } = this.#writer;
    this.#lastCommitted = lastSeq;
    this.#store.mark.write(lastSeq); // Before anybody is told, so that no answer rests on a commit without a mark.
    Atomics.store(this.#control, WORD_COMMITTED, lastSeq | 0);
    this.#ring.release();
    if (Atomics.exchange(this.#control, WORD_SIGNALLED, 1) === 0) post(COMMITTED);
    const endMs = performance.now();
    this.#committedAtMs = endMs;
    count(this.#counters, COUNTER_COMMITS, 1);
    count(this.#counters, COUNTER_BYTES, bytes);
    count(this.#histogram, commitBucket((endMs - startMs) * 1000), 1);
    this.#count();
    this.#lookAtDisk();
    if (this.#writer.walBytes >= this.#store.settings.copyBackBytes) this.#copyBack();
    return true;
  }

  #copyBack(): void {
    const startMs = performance.now();
    const frames = copyBack(this.#store.database);
    this.#writer.walRestarts();
    const micros = (performance.now() - startMs) * 1000;
    count(this.#counters, COUNTER_COPY_BACKS, 1);
    this.#counters[COUNTER_WAL_BYTES] = frames * WAL_FRAME_SIZE;
    const longest = this.#counters[COUNTER_COPY_BACK_MICROS_MAX] ?? 0;
    this.#counters[COUNTER_COPY_BACK_MICROS_MAX] = Math.max(longest, micros);
  }

  #beIdle(): void {
    this.#lookAtDisk();
    if (this.#writer.trimIdle(Date.now())) this.#count();
    if (performance.now() < this.#committedAtMs + SHRINK_AFTER_MS) return;
    this.#store.database.pragma("shrink_memory");
    this.#committedAtMs = Number.POSITIVE_INFINITY;
  }

  #lookAtDisk(): void {
    Atomics.store(this.#control, WORD_LOW_DISK, this.#disk.isLow(performance.now()) ? 1 : 0);
  }

  #count(): void {
    this.#counters[COUNTER_LOG_BYTES] = this.#writer.logBytes;
    this.#counters[COUNTER_PAGES] = this.#writer.meta.pagesCount;
  }

  #serveRequests(): void {
    while (this.#requestsSeen !== Atomics.load(this.#control, WORD_REQUESTS)) {
      assert(parentPort !== null, "a store's thread is a worker thread");
      const received: unknown = receiveMessageOnPort(parentPort);
      if (received === undefined) return; // Counted, but still under way: its wake-up comes with it.
      this.#requestsSeen++;
      assert(typeof received === "object" && received !== null && "message" in received, "a port gives messages");
      assert(isStoreRequest(received.message), "a worker sends only requests of its store");
      this.#serve(received.message);
    }
  }

  #serve(request: StoreRequest): void {
    switch (request.kind) {
      case "recover":
        this.#recover();
        return;
      case "read":
        this.#read(request);
        return;
      case "parts":
        this.#readPart(request);
        return;
      case "close":
        this.#isClosing = true;
        return;
      default:
        unreachable(request);
    }
  }

  #recover(): void {
    const now = { meta: this.#writer.meta, lastSeq: this.#writer.lastSeq };
    const digest = streamStore(this.#store, now, (chunk, done, total) => {
      for (;;) {
        const taken = Atomics.load(this.#control, WORD_CREDIT);
        if (this.#chunksSent - taken < CHUNKS_UNTAKEN_MAX) break;
        Atomics.wait(this.#control, WORD_CREDIT, taken);
      }
      this.#chunksSent++;
      post({ kind: "chunk", chunk, done, total }, chunk);
    });
    this.#writer.takeDigest(digest);
    post({ kind: "recovered" });
  }

  /** The worker stands still meanwhile: it has submitted all that it knows of, and that comes first. */
  #readPart({ of, port }: Extract<StoreRequest, { readonly kind: "parts" }>): void {
    const tell = (message: PartMessage, transfer: readonly ArrayBuffer[]): void => {
      port.postMessage(message, transfer);
      Atomics.add(this.#control, WORD_PARTS, 1);
      Atomics.notify(this.#control, WORD_PARTS);
    };
    while (this.#commitSubmitted());
    try {
      const { replayFrom } = this.#writer.meta;
      streamPart(this.#store, { replayFrom, of }, (chunk) => tell({ kind: "chunk", chunk }, [chunk.buffer]));
      tell({ kind: "done" }, []);
    } catch (error) {
      tell({ kind: "unreadable", fault: faultOf(error, this.#store.settings.file).plain() }, []);
    }
  }

  /** A damaged row of the audit part is told to who asked for it; the log goes on, since nothing rests on that row. */
  #read(request: { readonly id: number; readonly fromSeq: number; readonly bytesMax: number }): void {
    const { firstKept } = this.#writer;
    const { id, fromSeq: seq, bytesMax } = request;
    try {
      const chunk = readLogChunk(this.#store, { seq, firstKept, bytesMax });
      post({ kind: "rows", id, chunk, firstKept }, chunk);
    } catch (error) {
      post({ kind: "unreadable", id, fault: faultOf(error, this.#store.settings.file).plain() });
    }
  }
}

const COMMITTED: StoreMessage = { kind: "committed" };

function post(message: StoreMessage, chunk?: Chunk): void {
  assert(parentPort !== null, "a store's thread is a worker thread");
  parentPort.postMessage(message, chunk === undefined ? [] : [chunk.buffer]);
}

/**
 * After a failed write nothing more is done here and the thread ends. The connection is then closed by SQLite,
 * which copies back what was committed by writing it anew from the WAL, so no failed sync is merely repeated.
 */
function main(): void {
  const start: unknown = workerData;
  assert(isThreadStart(start), "a store's thread is started by store.ts");
  let thread: StoreThread | null = null;
  try {
    thread = new StoreThread(start);
    thread.announce();
    thread.run();
  } catch (error) {
    const fault = thread === null ? faultOf(error, start.settings.file) : thread.faultOf(error);
    post({ kind: "failed", fault: fault.plain() });
  }
}

main();
