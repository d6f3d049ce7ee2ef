/** The turn's buffer: what was written survives growth, and the limit holds. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteBuffer } from "../../src/tables/byte-buffer.js";
import { Random, seedOfRun } from "./random.js";

test("Bytes written at random sizes survive every growth, and the view shows the same memory", (t) => {
  const seed = seedOfRun();
  t.diagnostic(`SEED=${String(seed)}`);
  const random = new Random(seed);
  const buffer = new ByteBuffer(1, 100_000);
  for (let turn = 0; turn < 20; turn += 1) {
    const model: number[] = [];
    for (;;) {
      const size = random.below(random.pick([2, 10, 3_000]));
      if (!buffer.fits(size)) break;
      assert.equal(buffer.reserve(size), model.length);
      for (let count = 0; count < size; count += 1) {
        const byte = random.below(256);
        buffer.bytes[model.length] = byte;
        model.push(byte);
      }
      assert.equal(buffer.length, model.length);
    }
    assert.deepEqual(buffer.bytes.subarray(0, buffer.length), Uint8Array.from(model));
    assert.equal(buffer.view.getUint32(4, true), new DataView(buffer.bytes.buffer).getUint32(4, true));
    buffer.reset();
    assert.equal(buffer.length, 0);
  }
});

test("A buffer doubles, never beyond its limit, and keeps its memory through a reset", () => {
  const buffer = new ByteBuffer(8, 100);
  buffer.reserve(9);
  assert.equal(buffer.bytes.length, 16);
  buffer.reserve(50);
  assert.equal(buffer.bytes.length, 59);
  buffer.reserve(41);
  assert.equal(buffer.bytes.length, 100);
  const bytes = buffer.bytes;
  buffer.reset();
  buffer.reserve(100);
  assert.equal(buffer.bytes, bytes);
  assert.equal(buffer.fits(0), true);
  assert.equal(buffer.fits(1), false);
  assert.throws(() => buffer.reserve(1), /within its limit/);
  assert.equal(buffer.length, 100);
});

test("A buffer that begins with nothing, or above its limit, is refused", () => {
  assert.throws(() => new ByteBuffer(0, 10), /between one byte/);
  assert.throws(() => new ByteBuffer(11, 10), /between one byte/);
});

test("What a burst left is given back once less is needed, never while something is written, and what is needed stays", () => {
  const buffer = new ByteBuffer(16, 2 ** 20);
  buffer.reserve(100_000);
  buffer.reset();
  const { bytes: ofBurst } = buffer;
  buffer.shrink();
  assert.equal(buffer.bytes, ofBurst, "the burst was since the last look");
  buffer.reserve(100);
  buffer.shrink();
  assert.equal(buffer.bytes, ofBurst, "something is written");
  buffer.reset();
  buffer.shrink();
  assert.equal(buffer.bytes.length, 200);
  assert.equal(buffer.view.byteLength, 200);
  for (let turn = 0; turn < 3; turn++) {
    buffer.reserve(150);
    buffer.reset();
    buffer.shrink();
    assert.equal(buffer.bytes.length, 200, "as much is needed all the while");
  }
  buffer.shrink();
  buffer.shrink();
  assert.equal(buffer.bytes.length, 16);
});
