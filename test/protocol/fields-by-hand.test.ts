/** The client's msgpack, written by hand, says the same bytes as the library of the format, and reads what that writes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Packr } from "msgpackr";
import { FieldReader } from "../../src/protocol/field-reader.js";
import { type Field, packField } from "../../src/protocol/field-writer.js";
import { ProtocolError } from "../../src/protocol/fields.js";

const packr = new Packr({ useRecords: false, variableMapSize: true, int64AsType: "number", mapsAsObjects: false });

const leaf = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.integer(),
  fc.maxSafeNat(),
  fc.double({ noNaN: true }).filter((number) => !Object.is(number, -0)),
  fc.string({ unit: "binary", maxLength: 80 }),
  fc.string({ maxLength: 400 }),
  fc.uint8Array({ maxLength: 300 }),
);
const { field } = fc.letrec<{ field: Field }>((tie) => ({
  field: fc.oneof(
    { maxDepth: 4 },
    leaf,
    fc.array(tie("field"), { maxLength: 20 }),
    fc.dictionary(fc.string({ maxLength: 12 }), tie("field"), { maxKeys: 20 }),
  ),
}));

/** As the reader gives it: maps are Maps. */
function read(value: Field): unknown {
  if (Array.isArray(value)) return value.map((one: Field) => read(one));
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  return new Map(Object.entries(value).map(([name, one]) => [name, read(one)]));
}

test("what is written is what the library of the format reads, and what the own reader reads", () => {
  fc.assert(
    fc.property(field, (value) => {
      const bytes = packField(value);
      assert.deepEqual(new FieldReader(bytes).field(), read(value));
      const foreign: unknown = packr.unpack(bytes);
      assert.deepEqual(packr.pack(foreign), packr.pack(read(value)));
    }),
    { numRuns: 2000, examples: [["\uFEFFa name may begin so"]] },
  );
});

test("what the library of the format writes is read, its floats for large integers too (T-6)", () => {
  fc.assert(
    fc.property(field, (value) => {
      const bytes: Uint8Array = packr.pack(read(value));
      assert.deepEqual(new FieldReader(bytes).field(), read(value));
    }),
    { numRuns: 2000, examples: [["\uFEFFa name may begin so"]] },
  );
});

test("integers take the shortest format, at each bound", () => {
  for (const value of [
    0,
    127,
    128,
    255,
    256,
    65_535,
    65_536,
    2 ** 32 - 1,
    -1,
    -32,
    -33,
    -128,
    -129,
    -32_768,
    -32_769,
  ]) {
    assert.deepEqual(packField(value), new Uint8Array(packr.pack(value)), String(value));
  }
});

test("lengths that promise more than there is, tags of classes, and depths without end are refused", () => {
  const broken = [
    [0xdd, 0xff, 0xff, 0xff, 0xff, 0x01],
    [0xdf, 0x7f, 0xff, 0xff, 0xff, 0xa1, 0x61, 0x01],
    [0xc6, 0xff, 0xff, 0xff, 0xff],
    [0xdb, 0x00, 0x00, 0x00, 0x09, 0x61],
    [0xd6, 0xff, 0, 0, 0, 0],
    [0xc7, 0x01, 0x01, 0x00],
    [0x81, 0x01, 0x01],
    [0xcf, 0x00],
    Array.from({ length: 100_000 }, () => 0x91),
  ];
  for (const bytes of broken) assert.throws(() => new FieldReader(Uint8Array.from(bytes)).field(), ProtocolError);
});
