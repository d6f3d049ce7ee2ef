/** xxHash32 must be the published one: the checksums of every stored log rest on it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { xxhash32 } from "../../src/words/xxhash32.js";

function hashOf(text: string, seed: number): number {
  const bytes = new TextEncoder().encode(text);
  return xxhash32(new DataView(bytes.buffer), 0, bytes.length, seed);
}

test("xxHash32 gives the values that are published for it", () => {
  assert.equal(hashOf("", 0), 0x02cc5d05);
  assert.equal(hashOf("", 0x9e3779b1), 0x36b78ae7);
  assert.equal(hashOf("a", 0), 0x550d7456);
  assert.equal(hashOf("abc", 0), 0x32d153ff);
  assert.equal(hashOf("Nobody inspects the spammish repetition", 0), 0xe2293b2f);
});

test("xxHash32 tells every flipped bit of a log entry's size from the original", () => {
  const bytes = Uint8Array.from({ length: 161 }, (_, index) => (index * 37) & 255);
  const view = new DataView(bytes.buffer);
  const whole = xxhash32(view, 0, bytes.length, 7);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const at = bit >>> 3;
    bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7));
    assert.notEqual(xxhash32(view, 0, bytes.length, 7), whole);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7));
  }
});
