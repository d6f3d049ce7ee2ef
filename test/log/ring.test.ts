/** The ring gives back what was written, in order, over its end and however large the records are. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { recordSize } from "../../src/log/record.js";
import { RingReader, RingWriter } from "../../src/log/ring.js";
import { sharedMemory } from "../../src/log/store-memory.js";

const SIZE = 65_536;
/** Two of these fill the ring to the last byte: then not even a record without a body may be written. */
const FULL = { length: SIZE / 2 - 31, takes: false };

test("what is published is read in order, over the end of the ring, by sizes at random", () => {
  const step = fc.record({ length: fc.integer({ min: 0, max: SIZE / 2 - 24 }), takes: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 200 }), (steps) => {
      const shared = sharedMemory(SIZE);
      const writer = new RingWriter(shared, SIZE);
      const reader = new RingReader(shared, SIZE);
      const expected: [number, number][] = [];
      const takeAll = (): void => {
        reader.look();
        while (reader.next()) {
          const [number, length] = expected.shift() ?? [0, 0];
          assert.deepEqual([reader.number, reader.wall, reader.kind], [number, number / 2, 1]);
          assert.ok(reader.body.equals(Buffer.alloc(length, number)));
        }
        assert.equal(expected.length, 0);
        reader.release();
        assert.ok(writer.isEmpty);
      };
      for (const [number, { length, takes }] of steps.entries()) {
        if (length > writer.room) takeAll();
        writer.write(1, number, number / 2, Buffer.alloc(length, number));
        expected.push([number, length]);
        writer.publish();
        if (takes) takeAll();
      }
      takeAll();
    }),
    { numRuns: 60, examples: [[[FULL, FULL, { length: 0, takes: false }]]] },
  );
});

test("nothing is seen before it is published, and room is given back only by release", () => {
  const shared = sharedMemory(SIZE);
  const writer = new RingWriter(shared, SIZE);
  const reader = new RingReader(shared, SIZE);
  writer.write(1, 1, 0, Buffer.alloc(30_000));
  writer.write(2, 2, 0, Buffer.alloc(30_000));
  const left = SIZE - 2 * recordSize(30_000) - 24;
  assert.equal(reader.look(), false);
  assert.equal(writer.room, left);
  writer.publish();
  assert.ok(reader.look() && reader.next() && reader.next() && !reader.next());
  assert.equal(writer.room, left);
  assert.ok(!writer.isEmpty);
  reader.release();
  assert.equal(writer.room, SIZE / 2 - 24);
});

test("the counts may pass 2^32: four gigabytes go through", () => {
  const shared = sharedMemory(SIZE);
  const writer = new RingWriter(shared, SIZE);
  const reader = new RingReader(shared, SIZE);
  const body = new Uint8Array(SIZE / 2 - 24);
  for (let n = 0; n < 2 ** 32 / (SIZE / 2) + 10; n++) {
    body[7] = n;
    writer.write(1, n, 0, body);
    writer.publish();
    assert.ok(reader.look() && reader.next());
    assert.equal(reader.number, n);
    assert.equal(reader.body[7], n & 255);
    reader.release();
  }
});

test("a ring of another size than a power of two is our bug", () => {
  assert.throws(() => sharedMemory(100_000), /power of two/);
  assert.throws(() => sharedMemory(1024), /64 KiB/);
});
