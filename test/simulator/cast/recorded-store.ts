/** A store of replicas that also writes the books: each batch as it is handed in, and what of it is on disk. */
import type { LogPosition, LogRead } from "../../../src/log/log-store.js";
import type { StoreFault } from "../../../src/log/store-fault.js";
import type { PartRange } from "../../../src/log/store-messages.js";
import type { StoredShard, StoreInfo } from "../../../src/log/store-options.js";
import type { PartSink, ReplicaDisk } from "../../../src/worker/replica-log.js";
import type { ReplicaBooks } from "../replica-books.js";

export class RecordedStore implements ReplicaDisk {
  onCommitted: (() => void) | null = null;
  onFailed: ((fault: StoreFault) => void) | null = null;
  readonly #store: ReplicaDisk;
  readonly #books: ReplicaBooks;
  readonly #name: string;

  constructor(store: ReplicaDisk, books: ReplicaBooks, name: string) {
    this.#store = store;
    this.#books = books;
    this.#name = name;
    store.onCommitted = () => {
      this.#note();
      this.onCommitted?.();
    };
    store.onFailed = (fault) => this.onFailed?.(fault);
  }

  get info(): StoreInfo {
    return this.#store.info;
  }
  get room(): number {
    return this.#store.room;
  }
  get nextSeq(): number {
    return this.#store.nextSeq;
  }
  get committedSeq(): number {
    this.#note(); // The worker may look before it is told.
    return this.#store.committedSeq;
  }
  get lowDisk(): boolean {
    return this.#store.lowDisk;
  }
  get idle(): boolean {
    return this.#store.idle;
  }
  get fault(): StoreFault | null {
    return this.#store.fault;
  }

  append(bytes: Uint8Array, start: number, end: number, wall: number): number {
    const seq = this.#store.append(bytes, start, end, wall);
    this.#books.appended(this.#name, seq, bytes.slice(start, end));
    return seq;
  }

  writePage(key: number, bytes: Uint8Array, start: number, end: number): void {
    this.#store.writePage(key, bytes, start, end);
  }
  deletePage(key: number): void {
    this.#store.deletePage(key);
  }
  setReplayFrom(seq: number): void {
    this.#store.setReplayFrom(seq);
  }
  setShard(row: StoredShard): void {
    this.#store.setShard(row);
  }
  flush(): void {
    this.#store.flush();
  }
  askLog(from: LogPosition, answer: (read: LogRead) => void, fail: (fault: Error) => void): void {
    this.#store.askLog(from, answer, fail);
  }

  readParts(sink: PartSink, of: PartRange): void {
    this.#store.readParts(sink, of);
  }

  #note(): void {
    this.#books.durable(this.#name, this.#store.committedSeq);
  }
}
