/**
 * Fields to msgpack, by hand: a library that compiles its readers at run time may not run in a page with a strict
 * content policy, and is half of what a browser would have to load. Hot path of the client: it allocates the copy that it
 * hands out, and nothing else. `make micro`.
 */
/** A field of a message to be sent. */
export type Field =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly Field[]
  | { readonly [name: string]: Field };

const TWO_32 = 2 ** 32;
const INITIAL_SIZE = 64 * 1024;
/** A longer string is measured before it is written, a shorter one written where its header will end. */
const SHORT_STRING = 10;
/** A UTF-16 unit has at most so many bytes in UTF-8. */
const BYTES_OF_UNIT = 3;
const HEADER_MAX = 9;

const encoder = new TextEncoder();
let bytes = new Uint8Array(INITIAL_SIZE);
let view = new DataView(bytes.buffer);
let end = 0;

/** The msgpack bytes of a field, a copy of its own. Integers from 2^32 up are uint64 (trap T-6). */
export function packField(field: Field): Uint8Array {
  end = 0;
  write(field);
  return bytes.slice(0, end);
}

function write(field: Field): void {
  if (typeof field === "number") writeNumber(field);
  else if (typeof field === "string") writeString(field);
  else if (field === null) writeByte(0xc0);
  else if (typeof field === "boolean") writeByte(field ? 0xc3 : 0xc2);
  else if (isList(field)) {
    writeHeader(field.length, 0x90, 0xdc);
    for (const one of field) write(one);
  } else if (field instanceof Uint8Array) writeBytes(field);
  else writeMap(field);
}

function isList(field: Field): field is readonly Field[] {
  return Array.isArray(field);
}

function writeMap(map: { readonly [name: string]: Field }): void {
  const entries = Object.entries(map);
  writeHeader(entries.length, 0x80, 0xde);
  for (const [name, value] of entries) {
    writeString(name);
    write(value);
  }
}

/** The header of an array or map: up to 15 in the tag itself, then two kinds of tag that stand beside each other. */
function writeHeader(length: number, short: number, tag16: number): void {
  if (length < 16) writeByte(short | length);
  else if (length < 65_536) writeTagged16(tag16, length);
  else writeTagged32(tag16 + 1, length);
}

function writeNumber(value: number): void {
  if (!Number.isSafeInteger(value)) writeDouble(value);
  else if (value >= 0) writeCount(value);
  else if (value >= -32) writeByte(value + 256);
  else if (value >= -128) writeTagged8(0xd0, value + 256);
  else if (value >= -32_768) writeTagged16(0xd1, value + 65_536);
  else if (value >= -2_147_483_648) writeTagged32(0xd2, value + TWO_32);
  else writeDouble(value);
}

function writeCount(value: number): void {
  if (value < 128) writeByte(value);
  else if (value < 256) writeTagged8(0xcc, value);
  else if (value < 65_536) writeTagged16(0xcd, value);
  else if (value < TWO_32) writeTagged32(0xce, value);
  else {
    const at = reserve(9);
    view.setUint8(at, 0xcf);
    view.setUint32(at + 1, Math.floor(value / TWO_32));
    view.setUint32(at + 5, value % TWO_32);
  }
}

function writeDouble(value: number): void {
  const at = reserve(9);
  view.setUint8(at, 0xcb);
  view.setFloat64(at + 1, value);
}

function writeString(text: string): void {
  if (text.length <= SHORT_STRING) {
    const at = reserve(1 + text.length * BYTES_OF_UNIT);
    const { written } = encoder.encodeInto(text, bytes.subarray(at + 1));
    bytes[at] = 0xa0 | written;
    end = at + 1 + written;
    return;
  }
  const at = reserve(HEADER_MAX + text.length * BYTES_OF_UNIT);
  const { written } = encoder.encodeInto(text, bytes.subarray(at + HEADER_MAX));
  end = at;
  if (written < 32) writeByte(0xa0 | written);
  else if (written < 256) writeTagged8(0xd9, written);
  else if (written < 65_536) writeTagged16(0xda, written);
  else writeTagged32(0xdb, written);
  bytes.copyWithin(end, at + HEADER_MAX, at + HEADER_MAX + written);
  end += written;
}

function writeBytes(data: Uint8Array): void {
  if (data.length < 256) writeTagged8(0xc4, data.length);
  else if (data.length < 65_536) writeTagged16(0xc5, data.length);
  else writeTagged32(0xc6, data.length);
  bytes.set(data, reserve(data.length));
}

function writeByte(value: number): void {
  bytes[reserve(1)] = value;
}

function writeTagged8(tag: number, value: number): void {
  const at = reserve(2);
  bytes[at] = tag;
  bytes[at + 1] = value;
}

function writeTagged16(tag: number, value: number): void {
  const at = reserve(3);
  bytes[at] = tag;
  view.setUint16(at + 1, value);
}

function writeTagged32(tag: number, value: number): void {
  const at = reserve(5);
  bytes[at] = tag;
  view.setUint32(at + 1, value);
}

/** Room for `size` more bytes; answers where they begin. */
function reserve(size: number): number {
  const at = end;
  end += size;
  if (end > bytes.length) {
    const larger = new Uint8Array(Math.max(end, bytes.length * 2));
    larger.set(bytes);
    bytes = larger;
    view = new DataView(bytes.buffer);
  }
  return at;
}
