/**
 * Msgpack to fields, by hand, for what comes from a server: only what the protocol has (nil, booleans, numbers, strings,
 * bytes, arrays, maps with names) is let through, so no byte of a peer can make a date, a class or code. Hot path of the
 * client: the two answers that nearly all frames consist of are read without anything between bytes and value.
 */
import { outOfRange } from "../words/assert.js";
import { KIND_GRANTED, KIND_RELEASED } from "../words/kinds.js";
import { ProtocolError } from "./fields.js";
import type { Answer } from "./server-messages.js";

const TWO_32 = 2 ** 32;
/** No message of the protocol nests deeper than half of this. */
const DEPTH_MAX = 16;
/** A count that is none: larger than any that a message has. */
const NO_COUNT: number = Number.POSITIVE_INFINITY;

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Reads one frame front to back. The bytes are lent until it is read. */
export class FieldReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** The length of the array that the frame is. @throws ProtocolError */
  frame(): number {
    const tag = this.#byte();
    if (tag >= 0x90 && tag < 0xa0) return tag & 0x0f;
    if (tag === 0xdc) return this.#length(2);
    if (tag === 0xdd) return this.#length(4);
    throw new ProtocolError("malformed: a frame is an array of messages");
  }

  /** @throws ProtocolError if something stands behind the last message. */
  end(): void {
    if (this.#at < this.#bytes.length) throw this.#broken("bytes stand behind the last message");
  }

  /** A GRANTED without a wait, or a RELEASED, if that is what comes next in its usual form; else nothing is read. */
  usual(): Answer | undefined {
    const start = this.#at;
    const header = this.#bytes[start] ?? 0;
    const kind = this.#bytes[start + 1] ?? 0;
    this.#at = start + 2;
    if (header === 0x92 && kind === KIND_RELEASED) {
      const id = this.#count();
      if (id < NO_COUNT) return { kind: "released", id };
    } else if (header === 0x95 && kind === KIND_GRANTED) {
      const id = this.#count();
      const token = this.#count();
      const ttlMs = this.#count();
      if (this.#count() === 0 && Math.max(id, token, ttlMs) < NO_COUNT) {
        return { kind: "granted", id, token, ttlMs, waited: false, leftMs: undefined, heardCount: 0, ageMs: 0 };
      }
    }
    this.#at = start;
    return undefined;
  }

  /** An unsigned integer in its own format and below 2^53; infinity if something else comes. */
  #count(): number {
    const at = this.#at;
    const tag = this.#bytes[at] ?? 0xc1;
    if (tag < 0x80) {
      this.#at = at + 1;
      return tag;
    }
    const size = tag >= 0xcc && tag <= 0xcf ? 1 << (tag - 0xcc) : 0;
    if (size === 0 || at + size >= this.#bytes.length) return NO_COUNT;
    this.#at = at + 1 + size;
    const value = this.#unsigned(at + 1, size);
    return Number.isSafeInteger(value) ? value : NO_COUNT;
  }

  /** The next field, whatever it is; arrays, maps and bytes are copies. @throws ProtocolError */
  field(depth: number = 0): unknown {
    if (depth > DEPTH_MAX) throw this.#broken("it nests too deep");
    const tag = this.#byte();
    if (tag < 0x80) return tag;
    if (tag < 0x90) return this.#map(tag & 0x0f, depth);
    if (tag < 0xa0) return this.#array(tag & 0x0f, depth);
    if (tag < 0xc0) return this.#text(tag & 0x1f);
    if (tag >= 0xe0) return tag - 256;
    return this.#tagged(tag, depth);
  }

  #tagged(tag: number, depth: number): unknown {
    switch (tag) {
      case 0xc0:
        return null;
      case 0xc2:
      case 0xc3:
        return tag === 0xc3;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#data(this.#length(1 << (tag - 0xc4)));
      case 0xca:
        return this.#view.getFloat32(this.#take(4));
      case 0xcb:
        return this.#view.getFloat64(this.#take(8));
      case 0xcc:
      case 0xcd:
      case 0xce:
      case 0xcf:
        return this.#integer(1 << (tag - 0xcc));
      case 0xd0:
        return this.#view.getInt8(this.#take(1));
      case 0xd1:
        return this.#view.getInt16(this.#take(2));
      case 0xd2:
        return this.#view.getInt32(this.#take(4));
      case 0xd3:
        return Number(this.#view.getBigInt64(this.#take(8)));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#length(1 << (tag - 0xd9)));
      case 0xdc:
      case 0xdd:
        return this.#array(this.#length(2 << (tag - 0xdc)), depth);
      case 0xde:
      case 0xdf:
        return this.#map(this.#length(2 << (tag - 0xde)), depth);
      default:
        throw this.#broken(`the tag ${tag} is none of the protocol's`);
    }
  }

  #array(length: number, depth: number): unknown[] {
    this.#mustHave(length);
    const fields: unknown[] = [];
    for (let i = 0; i < length; i++) fields.push(this.field(depth + 1));
    return fields;
  }

  #map(length: number, depth: number): ReadonlyMap<string, unknown> {
    this.#mustHave(length * 2);
    const entries = new Map<string, unknown>();
    for (let i = 0; i < length; i++) {
      const name = this.field(depth + 1);
      if (typeof name !== "string") throw this.#broken("the key of a map is not a string");
      entries.set(name, this.field(depth + 1));
    }
    return entries;
  }

  #text(size: number): string {
    const at = this.#take(size);
    return decoder.decode(this.#bytes.subarray(at, at + size));
  }

  #data(size: number): Uint8Array {
    const at = this.#take(size);
    return new Uint8Array(this.#bytes.subarray(at, at + size)); // Not slice: that of a Buffer lends.
  }

  #integer(size: number): number {
    return this.#unsigned(this.#take(size), size);
  }

  #length(size: number): number {
    return this.#unsigned(this.#take(size), size);
  }

  #unsigned(at: number, size: number): number {
    if (size === 1) return this.#bytes[at] ?? outOfRange(at);
    if (size === 2) return this.#view.getUint16(at);
    if (size === 4) return this.#view.getUint32(at);
    return this.#view.getUint32(at) * TWO_32 + this.#view.getUint32(at + 4);
  }

  #byte(): number {
    const at = this.#take(1);
    return this.#bytes[at] ?? outOfRange(at);
  }

  /** Steps over `size` bytes; answers where they begin. */
  #take(size: number): number {
    const at = this.#at;
    this.#mustHave(size);
    this.#at = at + size;
    return at;
  }

  /** Each element has a byte at least: a length that promises more is a lie that must not reserve memory. */
  #mustHave(size: number): void {
    if (size > this.#bytes.length - this.#at) throw this.#broken("it ends in the middle of a field");
  }

  #broken(why: string): ProtocolError {
    return new ProtocolError(`malformed: the bytes are not msgpack as the protocol has it at ${this.#at}: ${why}`);
  }
}
