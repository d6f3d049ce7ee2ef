/** A store in a worker's hands that also writes the books: each batch as it is handed in, and what of it is on disk. */
import type { LogPosition, LogRead, LogStore } from "../../../src/log/log-store.js";
import type { StoreFault } from "../../../src/log/store-fault.js";
import type { StoredShard, StoreInfo } from "../../../src/log/store-options.js";
import type { Books } from "../books.js";
import { readBatch } from "../log-reader.js";

interface Handed {
  readonly seq: number;
  readonly shard: number;
  readonly lsn: number;
}

export class TappedStore implements LogStore {
  onCommitted: (() => void) | null = null;
  onFailed: ((fault: StoreFault) => void) | null = null;
  readonly #store: LogStore;
  readonly #books: Books;
  readonly #node: string;
  #handed: Handed[] = [];

  constructor(store: LogStore, books: Books, node: string) {
    this.#store = store;
    this.#books = books;
    this.#node = node;
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
    const batch = bytes.subarray(start, end);
    const seq = this.#store.append(bytes, start, end, wall);
    for (const { shard, lastLsn } of readBatch(batch)) this.#handed.push({ seq, shard, lsn: lastLsn });
    this.#books.appended(this.#node, batch);
    return seq;
  }

  writePage(key: number, bytes: Uint8Array, start: number, end: number): void {
    this.#store.writePage(key, bytes, start, end);
    this.#books.checkpointing(this.#node);
  }
  deletePage(key: number): void {
    this.#store.deletePage(key);
  }
  setReplayFrom(seq: number): void {
    this.#store.setReplayFrom(seq);
    this.#books.checkpointed(this.#node);
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

  #note(): void {
    const seq = this.#store.committedSeq;
    let count = 0;
    for (const handed of this.#handed) {
      if (handed.seq > seq) break;
      this.#books.committed(this.#node, handed.shard, handed.lsn);
      count++;
    }
    if (count > 0) this.#handed.splice(0, count);
  }
}
