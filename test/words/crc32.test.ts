/** CRC-32 must be the very one of zlib, since clients in other languages compute a resource's shard by theirs. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as zlib from "node:zlib";
import { crc32 } from "../../src/words/crc32.js";
import { Random, seedOfRun } from "../tables/random.js";

const CHECK = new TextEncoder().encode("123456789");

test("The checksum of 123456789 is the catalogued check value", () => {
  assert.equal(crc32(CHECK, 0, CHECK.length, 0), 0xcbf43926);
});

test("The checksum of nothing is its seed", () => {
  assert.equal(crc32(CHECK, 3, 3, 0), 0);
  assert.equal(crc32(CHECK, 3, 3, 0xdeadbeef), 0xdeadbeef);
});

test("A checksum of parts, chained by the seed, is that of the whole", () => {
  const first = crc32(CHECK, 0, 4, 0);
  assert.equal(crc32(CHECK, 4, CHECK.length, first), 0xcbf43926);
});

test("A checksum is zlib's for every size to 300, every alignment and any seed", (t) => {
  const seed = seedOfRun();
  t.diagnostic(`SEED=${String(seed)}`);
  const random = new Random(seed);
  const bytes = Uint8Array.from({ length: 320 }, () => random.below(256));
  for (let size = 0; size <= 300; size += 1) {
    const start = random.below(20);
    const before = random.pick([0, 1, 0xffffffff, random.bits()]);
    const expected = zlib.crc32(bytes.subarray(start, start + size), before);
    assert.equal(crc32(bytes, start, start + size, before), expected, `size ${String(size)}`);
  }
});

test("A range that leaves the bytes is refused", () => {
  assert.throws(() => crc32(CHECK, 0, 10, 0), /outside its table/);
  assert.throws(() => crc32(CHECK, -1, 9, 0), /outside its table/);
});
