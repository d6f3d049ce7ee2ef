/**
 * CRC-32 (IEEE 802.3) of a range of bytes, equal to `zlib.crc32`: it names a resource's shard and seals log entries.
 * Hot path (native-bench/micro-tables.ts). Written out because a call into zlib costs more than a resource name's
 * 20 bytes. Eight tables take eight bytes at a time (slicing-by-8: Kounavis and Berry, 2005).
 */
import { outOfRange } from "./assert.js";

const POLYNOMIAL = 0xedb88320; // Reflected, as in zlib.
const SLICES = 8;

/** Table `s` (256 cells from `s * 256`): what a byte does to the checksum when `s` more bytes follow it. */
const TABLE: Int32Array = makeTable();

/**
 * The checksum of `bytes[start..end)`, an unsigned 32-bit integer.
 * @param seed the checksum of what stands before (0 for nothing), so that parts can be chained.
 * @throws BrokenInvariant if the range leaves `bytes`.
 */
export function crc32(bytes: Uint8Array, start: number, end: number, seed: number): number {
  let crc = ~seed;
  let at = start;
  // Spelt out: as functions of their own these reads are too many for V8 to inline, and take twice as long.
  for (; at + SLICES <= end; at += SLICES) {
    const low =
      crc ^
      ((bytes[at] ?? outOfRange(at)) |
        ((bytes[at + 1] ?? outOfRange(at)) << 8) |
        ((bytes[at + 2] ?? outOfRange(at)) << 16) |
        ((bytes[at + 3] ?? outOfRange(at)) << 24));
    crc =
      (TABLE[0x700 | (low & 0xff)] ?? outOfRange(low)) ^
      (TABLE[0x600 | ((low >>> 8) & 0xff)] ?? outOfRange(low)) ^
      (TABLE[0x500 | ((low >>> 16) & 0xff)] ?? outOfRange(low)) ^
      (TABLE[0x400 | (low >>> 24)] ?? outOfRange(low)) ^
      (TABLE[0x300 | (bytes[at + 4] ?? outOfRange(at))] ?? outOfRange(at)) ^
      (TABLE[0x200 | (bytes[at + 5] ?? outOfRange(at))] ?? outOfRange(at)) ^
      (TABLE[0x100 | (bytes[at + 6] ?? outOfRange(at))] ?? outOfRange(at)) ^
      (TABLE[bytes[at + 7] ?? outOfRange(at)] ?? outOfRange(at));
  }
  for (; at < end; at += 1) {
    crc = (crc >>> 8) ^ (TABLE[(crc ^ (bytes[at] ?? outOfRange(at))) & 0xff] ?? outOfRange(at));
  }
  return ~crc >>> 0;
}

function makeTable(): Int32Array {
  const table = new Int32Array(SLICES * 256);
  for (let index = 0; index < 256; index += 1) {
    let crc = index;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1) === 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    table[index] = crc;
  }
  for (let index = 256; index < table.length; index += 1) {
    const before = table[index - 256] ?? outOfRange(index - 256);
    table[index] = (before >>> 8) ^ (table[before & 0xff] ?? outOfRange(before & 0xff));
  }
  return table;
}
