/** The keyed hash is HalfSipHash-1-3, and keeps names that were chosen to collide apart. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as zlib from "node:zlib";
import { bytesOf } from "../../src/tables/byte-buffer.js";
import { HashIndex } from "../../src/tables/hash-index.js";
import { KeyedHash } from "../../src/tables/keyed-hash.js";

/**
 * Vector n is the hash of the bytes 0 to n - 1 under the key 00 01 ... 07: those that the Linux kernel tests its
 * HalfSipHash-1-3 with (lib/tests/siphash_kunit.c, for 32-bit machines).
 */
const VECTORS = `
  5814c896 e7e864ca bc4b0e30 01539939 7e059ea6 88e3d89b a0080b65 9d38d9d6
  577999b1 c839caed e4fa32cf 959246ee 6b28096c 66dd9cd6 16658a7c d0257b04
  8b31d501 2b1cd04b 06712339 522aca67 911bb605 90a65f0e f826ef7b 62512deb
  57150ad7 5d473507 1ec47442 ab64afd3 0a4100d0 6d2ce652 2331b6a3 08d8791a
  bc6dda8d e0f6c934 b0652033 9b9851cc 7c46fb7f 732ba8cb f142997a fcc9aa1b
  05327eb2 e110131c f9e5e7c0 a7d708a6 11795ab1 65671619 9f5fff91 d89c5267
  007783eb 95766243 ab639262 9c7e1390 c368dda6 38ddc455 fa13d379 979ea4e8
  53ecd77e 2ee80657 33dbb66a ae3f0577 88b4c4cc 3e7f480b 74c1ebf8 87178304
`;
const KEY0 = 0x03020100;
const KEY1 = 0x07060504;

test("The hash is HalfSipHash-1-3 without its lowest bit, by the published vectors, at every alignment", () => {
  const vectors = VECTORS.trim()
    .split(/\s+/)
    .map((hex) => Number.parseInt(hex, 16));
  assert.equal(vectors.length, 64);
  const hash = new KeyedHash(KEY0, KEY1);
  for (const [size, vector] of vectors.entries()) {
    for (let start = 0; start < 4; start += 1) {
      const bytes = Uint8Array.from({ length: 70 }, (_, at) => at - start);
      assert.equal(
        hash.hash(bytesOf(bytes), start, start + size),
        vector >>> 1,
        `${String(size)} bytes from ${String(start)}`,
      );
    }
  }
});

test("The hash of four words is that of their sixteen bytes, be they signed or not", () => {
  const hash = new KeyedHash(KEY0, KEY1);
  assert.equal(hash.hashWords(0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c), 0x8b31d501 >>> 1);
  assert.equal(hash.hashWords(-1, -2, 3, 4), hash.hashWords(0xffffffff, 0xfffffffe, 3, 4));
});

test("Another key gives other hashes", () => {
  const name = new TextEncoder().encode("order:12345");
  const bytes = bytesOf(name);
  const hashes = new Set<number>();
  for (let key = 0; key < 1_000; key += 1) {
    hashes.add(new KeyedHash(key, 1).hash(bytes, 0, name.length));
    hashes.add(new KeyedHash(1, ~key).hash(bytes, 0, name.length));
  }
  assert.ok(hashes.size >= 1_999, `${String(hashes.size)} different hashes under 2,000 keys`);
});

test("A range that leaves the bytes is refused", () => {
  const hash = new KeyedHash(KEY0, KEY1);
  assert.throws(() => hash.hash(bytesOf(new Uint8Array(8)), 0, 9), RangeError);
  assert.throws(() => hash.hash(bytesOf(new Uint8Array(8)), 5, 9), RangeError);
});

/** Names of 53 bytes that differ in some of their last 47: bit n of `choice` turns the dot at 6 + n into a slash. */
function nameOf(choice: bigint): Uint8Array {
  const name = new TextEncoder().encode(`order:${".".repeat(47)}`);
  for (let bit = 0; bit < 47; bit += 1) if (((choice >> BigInt(bit)) & 1n) === 1n) name[6 + bit] = 0x2f;
  return name;
}

/** Choices that leave the CRC-32 as it is. It is linear, so Gauss finds 15 = 47 - 32 that can be combined at will. */
function harmlessChoices(): bigint[] {
  const base = zlib.crc32(nameOf(0n));
  const basis = new Map<number, { readonly effect: number; readonly choice: bigint }>(); // By leading zeros of effect.
  const harmless: bigint[] = [];
  for (let bit = 0; bit < 47; bit += 1) {
    let choice = 1n << BigInt(bit);
    let effect = zlib.crc32(nameOf(choice)) ^ base;
    for (let other = basis.get(Math.clz32(effect)); effect !== 0 && other !== undefined; ) {
      effect ^= other.effect;
      choice ^= other.choice;
      other = basis.get(Math.clz32(effect));
    }
    if (effect === 0) harmless.push(choice);
    else basis.set(Math.clz32(effect), { effect, choice });
  }
  return harmless;
}

/** Different names with one and the same CRC-32. */
function collidingNames(count: number): Uint8Array[] {
  const harmless = harmlessChoices();
  return Array.from({ length: count }, (_, index) =>
    nameOf(harmless.reduce((choice, each, bit) => (((index >>> bit) & 1) === 1 ? choice ^ each : choice), 0n)),
  );
}

/** The most rows under one hash, by a walk through the index. */
function longestWalk(index: HashIndex, hashes: readonly number[]): number {
  let longest = 0;
  for (const hash of hashes) {
    let length = 0;
    for (let row = index.first(hash); row !== 0; row = index.next(row)) length += 1;
    longest = Math.max(longest, length);
  }
  return longest;
}

test("Names chosen to collide under CRC-32 are spread by the keyed hash", () => {
  const names = collidingNames(10_000);
  assert.equal(names.length, 10_000);
  assert.equal(new Set(names.map((name) => Buffer.from(name).toString("hex"))).size, 10_000);
  assert.equal(new Set(names.map((name) => zlib.crc32(name))).size, 1, "all of them collide under CRC-32");

  const hash = new KeyedHash(0x12345678, 0x9abcdef0);
  const hashes = names.map((name) => hash.hash(bytesOf(name), 0, name.length));
  const index = new HashIndex(names.length);
  for (const [at, each] of hashes.entries()) index.insert(at + 1, each);
  assert.ok(longestWalk(index, hashes) <= 3, "rows with the very same 31 bits");

  // Buckets are the low bits: 16,384 of them for 10,000 names hold few names each, as for random hashes.
  const inBucket = new Map<number, number>();
  for (const each of hashes) inBucket.set(each & 0x3fff, (inBucket.get(each & 0x3fff) ?? 0) + 1);
  assert.ok(Math.max(...inBucket.values()) <= 10, `longest chain ${String(Math.max(...inBucket.values()))}`);
});
