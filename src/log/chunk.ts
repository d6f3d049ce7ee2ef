/** Packs records into chunks that change threads without a copy: recovery and readers of the log share this path. */
import { outOfRange } from "../words/assert.js";
import { RECORD_HEADER_SIZE, type RecordHead, type RecordMemory, recordMemory, recordSize } from "./record.js";
import type { Chunk } from "./store-messages.js";

/** A chunk under construction. */
export class ChunkWriter {
  readonly #sizeMin: number;
  #buffer: ArrayBuffer;
  #memory: RecordMemory;
  #size = 0;

  /** @param sizeMin bytes of a chunk; one with a larger record is as large as that record */
  constructor(sizeMin: number) {
    this.#sizeMin = sizeMin;
    this.#buffer = new ArrayBuffer(sizeMin);
    this.#memory = recordMemory(this.#buffer, 0, sizeMin);
  }

  /** Bytes of the records in it. */
  get size(): number {
    return this.#size;
  }

  /** Whether a record with a body of `length` bytes still goes into it; always true for an empty one. */
  hasRoom(length: number): boolean {
    return this.#size === 0 || this.#size + recordSize(length) <= this.#buffer.byteLength;
  }

  /** Adds one record; the body is copied. */
  put(head: RecordHead, body: Uint8Array): void {
    const size = recordSize(head.length);
    if (this.#size + size > this.#buffer.byteLength) this.#renew(size);
    const { bytes, words, numbers } = this.#memory;
    const offset = this.#size;
    words[offset >>> 2] = head.kind;
    words[(offset >>> 2) + 1] = head.length;
    numbers[(offset >>> 3) + 1] = head.number;
    numbers[(offset >>> 3) + 2] = head.wall;
    bytes.set(body, offset + RECORD_HEADER_SIZE);
    this.#size += size;
  }

  /** What was packed; the writer begins a new chunk. */
  take(): Chunk {
    const chunk = { buffer: this.#buffer, size: this.#size };
    this.#renew(this.#sizeMin);
    return chunk;
  }

  #renew(size: number): void {
    this.#buffer = new ArrayBuffer(Math.max(size, this.#sizeMin));
    this.#memory = recordMemory(this.#buffer, 0, this.#buffer.byteLength);
    this.#size = 0;
  }
}

/** Reads the records of `chunk` in order; the bodies are views of its buffer. */
export function readChunk(chunk: Chunk, visit: (head: RecordHead, body: Uint8Array) => void): void {
  const { bytes, words, numbers } = recordMemory(chunk.buffer, 0, chunk.buffer.byteLength);
  let offset = 0;
  while (offset < chunk.size) {
    const head: RecordHead = {
      kind: words[offset >>> 2] ?? outOfRange(offset),
      length: words[(offset >>> 2) + 1] ?? outOfRange(offset),
      number: numbers[(offset >>> 3) + 1] ?? outOfRange(offset),
      wall: numbers[(offset >>> 3) + 2] ?? outOfRange(offset),
    };
    const start = offset + RECORD_HEADER_SIZE;
    visit(head, bytes.subarray(start, start + head.length));
    offset += recordSize(head.length);
  }
}
