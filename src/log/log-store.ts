/**
 * What a worker needs of a store while it serves: no more, so that the simulator can put a disk of its own behind the
 * same worker. How a store is opened, recovered and closed is the business of who owns the file (store.ts). Hot path
 * (native-bench/micro-log.ts): `append`, `writePage`, `flush` and the getters.
 */
import type { StoreFault } from "./store-fault.js";
import type { StoredShard, StoreInfo } from "./store-options.js";

/** One batch as it is read back from the log. */
export interface LogRowRead {
  readonly seq: number;
  readonly wall: number;
  readonly body: Uint8Array;
}

/** What a reader of the log is answered. */
export interface LogRead {
  readonly rows: readonly LogRowRead[];
  /** The oldest seq that is kept: what is before it is gone. */
  readonly firstKept: number;
}

/** One open store in the hands of its worker. */
export interface LogStore {
  /** Called after each commit, or once for several; the worker sets it. */
  onCommitted: (() => void) | null;
  /** Called once, when a write has failed: nothing that is not yet committed ever will be. The worker sets it. */
  onFailed: ((fault: StoreFault) => void) | null;

  /** What was in the store when it was opened. */
  readonly info: StoreInfo;
  /** Bytes that the next body may have; at most half the ring. */
  readonly room: number;
  /** The seq that the next batch gets. */
  readonly nextSeq: number;
  /** The largest seq that is on disk. */
  readonly committedSeq: number;
  /** Whether only the reserve of the disk is left. */
  readonly lowDisk: boolean;
  /** Whether all that was written is committed. */
  readonly idle: boolean;
  /** Why the store is of no use any more; null while it is. */
  readonly fault: StoreFault | null;

  /** Adds one batch, which is copied; answers its seq. `wall` is in ms. */
  append(bytes: Uint8Array, start: number, end: number, wall: number): number;
  /** Writes page `key` whole, in the same transaction as all else before the next `flush`. */
  writePage(key: number, bytes: Uint8Array, start: number, end: number): void;
  /** Deletes page `key`; nothing happens if it is not there. */
  deletePage(key: number): void;
  /** Batches before `seq` are only audit from now on. */
  setReplayFrom(seq: number): void;
  /** Keeps what this store has heard of a shard's configuration. */
  setShard(row: StoredShard): void;
  /** Submits all that was written since, as one piece of one transaction. */
  flush(): void;
  /** Reads committed batches; exactly one of the two is called, once, and not before the read is done or has failed. */
  askLog(from: LogPosition, answer: (read: LogRead) => void, fail: (fault: Error) => void): void;
}

/** Where to read the log: from `seq` on, as many batches as `bytesMax` holds, but at least one if there is one. */
export interface LogPosition {
  readonly seq: number;
  readonly bytesMax: number;
}
