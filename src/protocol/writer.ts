/**
 * Writes one frame of msgpack for one receiver: messages are added as they come, the count is put in front at the end.
 * Hot path: `make micro`. Integers from 2^32 up are uint64, as every language's decoder reads them.
 */
import { assert, outOfRange } from "../words/assert.js";
import { ByteBuffer } from "../tables/byte-buffer.js";

const TWO_32 = 2 ** 32;
const HEADER = 5;

export class FrameWriter {
  readonly #buffer: ByteBuffer;
  #count = 0;
  /** The path of the last GROUP header, -1 before the first message. */
  group = -1;

  constructor(initialSize: number, sizeMax: number) {
    this.#buffer = new ByteBuffer(initialSize, sizeMax);
    this.begin();
  }

  /** Begins a new frame. */
  begin(): void {
    this.#buffer.reset();
    this.#buffer.reserve(HEADER);
    this.#count = 0;
    this.group = -1;
  }
  /** Messages so far. */
  get count(): number {
    return this.#count;
  }
  get size(): number {
    return this.#buffer.length;
  }
  /** Bytes of memory that it has grown to. */
  get capacity(): number {
    return this.#buffer.bytes.length;
  }
  /** Ends the frame and lends its bytes until the next `begin`. */
  finish(): Uint8Array {
    const { view, bytes, length } = this.#buffer;
    view.setUint8(0, 0xdd);
    view.setUint32(1, this.#count);
    return bytes.subarray(0, length);
  }

  /** Begins a message of so many fields, its kind included. */
  message(fields: number, kind: number): void {
    this.#count++;
    this.array(fields);
    this.integer(kind);
  }
  array(length: number): void {
    if (length < 16) this.#byte(0x90 | length);
    else if (length < 65_536) this.#tagged16(0xdc, length);
    else this.#tagged32(0xdd, length);
  }
  nil(): void {
    this.#byte(0xc0);
  }

  /** An integer between -2^31 and 2^53. */
  integer(value: number): void {
    if (value >= 0 && value < 128) return this.#byte(value);
    if (value < 0) return value >= -32 ? this.#byte(value + 256) : this.#tagged32(0xd2, value);
    if (value < 256) {
      const at = this.#buffer.reserve(2);
      this.#buffer.bytes[at] = 0xcc;
      this.#buffer.bytes[at + 1] = value;
    } else if (value < 65_536) this.#tagged16(0xcd, value);
    else if (value < TWO_32) this.#tagged32(0xce, value);
    else this.#wide(value);
  }
  #wide(value: number): void {
    assert(Number.isSafeInteger(value), "protocol: an integer is below 2^53");
    const at = this.#buffer.reserve(9);
    const { view } = this.#buffer;
    view.setUint8(at, 0xcf);
    view.setUint32(at + 1, Math.floor(value / TWO_32));
    view.setUint32(at + 5, value % TWO_32);
  }

  /** A string of UTF-8 bytes. */
  text(bytes: Uint8Array, start: number, end: number): void {
    const size = end - start;
    if (size < 32) this.#byte(0xa0 | size);
    else if (size < 256) {
      this.#byte(0xd9);
      this.#byte(size);
    } else if (size < 65_536) this.#tagged16(0xda, size);
    else this.#tagged32(0xdb, size);
    this.raw(bytes, start, end);
  }
  /** A string; for what is rare. */
  string(value: string): void {
    const bytes = encoder.encode(value);
    this.text(bytes, 0, bytes.length);
  }

  /** Bytes that are msgpack already. */
  raw(bytes: Uint8Array, start: number, end: number): void {
    const at = this.#buffer.reserve(end - start);
    if (end - start > 64) this.#buffer.bytes.set(bytes.subarray(start, end), at);
    else for (let i = start, j = at; i < end; i++, j++) this.#buffer.bytes[j] = bytes[i] ?? outOfRange(i);
  }
  /** Whole messages that are msgpack already. */
  messages(count: number, bytes: Uint8Array, start: number, end: number): void {
    this.#count += count;
    this.raw(bytes, start, end);
  }

  #byte(value: number): void {
    const at = this.#buffer.reserve(1);
    this.#buffer.bytes[at] = value;
  }
  #tagged16(tag: number, value: number): void {
    const at = this.#buffer.reserve(3);
    this.#buffer.view.setUint8(at, tag);
    this.#buffer.view.setUint16(at + 1, value);
  }
  #tagged32(tag: number, value: number): void {
    const at = this.#buffer.reserve(5);
    this.#buffer.view.setUint8(at, tag);
    this.#buffer.view.setInt32(at + 1, value | 0);
  }
}

const encoder = new TextEncoder();
