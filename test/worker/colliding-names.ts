/**
 * Names with one and the same CRC-32, as an attacker makes them: CRC-32 is linear, so of the letters whose case can be
 * switched, some sets together change nothing.
 */
import assert from "node:assert/strict";
import { crc32 } from "../../src/words/crc32.js";

const LETTERS = 64;
const CASE = 0x20;

/** So many different names of 66 bytes with one CRC-32; at most 2^31. */
export function collidingNames(count: number): readonly string[] {
  const base = Buffer.from(`x:${"a".repeat(LETTERS)}`);
  const plain = sum(base);
  // Gauss: `rows[bit]` is a set of letters (as bits) whose switching changes that bit of the sum and no higher one.
  const rows = new Map<number, { readonly delta: number; readonly letters: bigint }>();
  const neutral: bigint[] = [];
  for (let letter = 0; letter < LETTERS; letter++) {
    let delta = (sum(switched(base, 1n << BigInt(letter))) ^ plain) >>> 0;
    let letters = 1n << BigInt(letter);
    for (let row = rows.get(Math.clz32(delta)); delta !== 0 && row !== undefined; row = rows.get(Math.clz32(delta))) {
      delta = (delta ^ row.delta) >>> 0;
      letters ^= row.letters;
    }
    if (delta === 0) neutral.push(letters);
    else rows.set(Math.clz32(delta), { delta, letters });
  }
  assert.ok(2 ** neutral.length >= count);
  return Array.from({ length: count }, (_, index) => {
    const letters = neutral.reduce((set, one, at) => (((index >>> at) & 1) === 1 ? set ^ one : set), 0n);
    return switched(base, letters).toString();
  });
}

function switched(base: Buffer, letters: bigint): Buffer {
  const name = Buffer.from(base);
  for (let at = 0; at < LETTERS; at++) {
    if (((letters >> BigInt(at)) & 1n) === 1n) name.writeUInt8(name.readUInt8(at + 2) ^ CASE, at + 2);
  }
  return name;
}

function sum(bytes: Buffer): number {
  return crc32(bytes, 0, bytes.length, 0);
}
