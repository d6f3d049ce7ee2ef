/**
 * Between workers, of one node or of two: what a client sent to one worker and another has to answer. Once a turn and worker, one
 * message with everything; answers come back the same way, as bytes that are only copied on (system.md §9).
 *
 *     record = u32 kind, u32 connection of the worker in front, u32 its generation, u32 count of messages, u32 size, bytes
 */
import { ByteBuffer } from "../tables/byte-buffer.js";

export const PEER_REQUESTS = 1;
export const PEER_ANSWERS = 2;
/** A connection begins; bytes: principal, zero byte, address. */
export const PEER_OPENED = 3;
export const PEER_CLOSED = 4;
/** A word on the way out (drain.ts), in the place of the connection. */
export const PEER_WORD = 5;
// What fronts and sources of watches say (watch-line.ts): the watch in the place of the connection, its attempt in that of
// the generation.
export const PEER_WATCH = 10;
export const PEER_WATCH_NEXT = 11;
export const PEER_UNWATCH = 12;
export const PEER_WATCHING = 13;
export const PEER_EVENTS = 14;
export const PEER_EVENTS_PART = 15;
export const PEER_WATCH_GONE = 16;
export const PEER_WATCH_LEFT = 17;

const HEADER = 20;

const BATCH_SIZE = 65_536;
const BATCH_SIZE_MAX = 2 ** 30;
const BATCH_KEPT_MAX = 2 ** 22;

function newBatch(): ByteBuffer {
  return new ByteBuffer(BATCH_SIZE, BATCH_SIZE_MAX);
}

/** One record as it is read. */
export interface PeerRecord {
  readonly kind: number;
  readonly connection: number;
  readonly generation: number;
  readonly count: number;
  readonly bytes: Uint8Array;
}

/** What carries batches: the message port to another worker of the node, or a connection to one of another node. */
export interface PeerPort {
  postMessage(batch: Uint8Array<ArrayBuffer>, transfer: readonly ArrayBuffer[]): void;
  on(event: "message", heard: (batch: unknown) => void): unknown;
  on(event: "close", closed: () => void): unknown;
  close(): void;
}

/** The line to one other worker. */
export class Peer {
  readonly worker: number;
  readonly #port: PeerPort;
  #out = newBatch();
  #last = -1;
  #lastKey = 0;

  /** Called when the other worker has closed its end, or is gone; nothing more comes from it. */
  onClosed: () => void = () => undefined;

  constructor(worker: number, port: PeerPort, receive: (peer: Peer, batch: Uint8Array) => void) {
    this.worker = worker;
    this.#port = port;
    port.on("message", (batch: unknown) => {
      if (batch instanceof Uint8Array) receive(this, batch);
    });
    port.on("close", () => {
      this.onClosed();
    });
  }

  /** Adds a record, or puts the bytes behind the last one if it is of the same kind and connection and may grow. */
  add(record: PeerRecord, mayJoin: boolean): void {
    const { bytes } = record;
    const key = record.kind * 2 ** 32 + record.connection;
    if (mayJoin && this.#last >= 0 && this.#lastKey === key) {
      const at = this.#out.reserve(bytes.length);
      this.#out.bytes.set(bytes, at);
      const { view } = this.#out;
      view.setUint32(this.#last + 12, view.getUint32(this.#last + 12) + record.count);
      view.setUint32(this.#last + 16, view.getUint32(this.#last + 16) + bytes.length);
      return;
    }
    const at = this.#out.reserve(HEADER + bytes.length);
    const { view } = this.#out;
    view.setUint32(at, record.kind);
    view.setUint32(at + 4, record.connection);
    view.setUint32(at + 8, record.generation);
    view.setUint32(at + 12, record.count);
    view.setUint32(at + 16, bytes.length);
    this.#out.bytes.set(bytes, at + HEADER);
    this.#last = record.kind === PEER_REQUESTS ? at : -1;
    this.#lastKey = key;
  }

  /** Sends what was gathered, as one message. */
  flush(): void {
    if (this.#out.length === 0) return;
    const batch = this.#out.bytes.slice(0, this.#out.length);
    this.#port.postMessage(batch, [batch.buffer]);
    if (this.#out.bytes.length <= BATCH_KEPT_MAX) this.#out.reset();
    else this.#out = newBatch(); // After a burst its memory goes back.
    this.#last = -1;
  }

  close(): void {
    this.#port.close();
  }
}

/** Calls `each` for every record of a batch. */
export function forEachRecord(batch: Uint8Array, each: (record: PeerRecord) => void): void {
  const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength);
  for (let at = 0; at + HEADER <= batch.length; ) {
    const size = view.getUint32(at + 16);
    each({
      kind: view.getUint32(at),
      connection: view.getUint32(at + 4),
      generation: view.getUint32(at + 8),
      count: view.getUint32(at + 12),
      bytes: batch.subarray(at + HEADER, at + HEADER + size),
    });
    at += HEADER + size;
  }
}
