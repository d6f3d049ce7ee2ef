/** What the client writes is what the server reads, and both agree with msgpackr about every value. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Packr } from "msgpackr";
import { encodeFrame, type Field } from "../../src/protocol/client-codec.js";
import { Reader } from "../../src/protocol/reader.js";
import { FrameWriter } from "../../src/protocol/writer.js";
import { LIMITS_DEFAULT } from "../../src/words/limits.js";
import {
  KIND_ACQUIRE,
  KIND_ASK_POSITION,
  KIND_ASK_STATUS,
  KIND_CANCEL,
  KIND_CHECK,
  KIND_CLOSE,
  KIND_FORCE_RELEASE,
  KIND_GROUP,
  KIND_KEEPALIVE,
  KIND_LIST,
  KIND_OPEN,
  KIND_RELEASE,
  KIND_RENEW,
  KIND_REVOKE,
  KIND_UNWATCH,
  KIND_WATCH,
} from "../../src/words/kinds.js";
import { DecoderRig, type DecodedRequest } from "./decoder-rig.js";

const packr = new Packr({ useRecords: false, variableMapSize: true, int64AsType: "number" });
const RUNS = 2_000;

const id = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const token = fc.maxSafeNat();
const milliseconds = fc.oneof(fc.nat(), fc.constantFrom(0, 50, 5_000, 300_000, 2 ** 32, Number.MAX_SAFE_INTEGER));
const part = fc
  .string({ minLength: 1, maxLength: 60, unit: "grapheme" })
  .map((text) => text.replaceAll(/[\p{Cc}:]/gu, "x"));
const resource = fc.tuple(part, part).map(([type, name]) => `${type}:${name}`);
const text = fc.string({ maxLength: 80, unit: "grapheme" });

/** What a row says of a field that was left out. */
const NOTHING = { token: 0, ttlMs: 0, waitMs: 0, mode: 0, permits: 0, lockDelayMs: 0, extra: "" };

type Example = readonly [message: readonly Field[], meaning: Omit<DecodedRequest, "shard">];

const acquire: fc.Arbitrary<Example> = fc
  .record({
    id,
    resource,
    ttlMs: fc.option(milliseconds),
    waitMs: milliseconds,
    mode: fc.integer({ min: 0, max: 2 }),
    permits: milliseconds,
    lockDelayMs: milliseconds,
    extra: text,
  })
  .map((asked) => [
    [
      KIND_ACQUIRE,
      asked.id,
      asked.resource,
      asked.ttlMs,
      asked.waitMs,
      asked.mode,
      asked.permits,
      asked.lockDelayMs,
      asked.extra,
    ],
    { ...NOTHING, op: KIND_ACQUIRE, ...asked, ttlMs: asked.ttlMs ?? LIMITS_DEFAULT.ttlDefaultMs },
  ]);
const shortRequest: fc.Arbitrary<Example> = fc
  .tuple(fc.constantFrom(KIND_RELEASE, KIND_CANCEL, KIND_ASK_POSITION), id, resource, token)
  .map(([op, one, name, number]) => [
    [op, one, name, number],
    { ...NOTHING, op, id: one, resource: name, token: number },
  ]);
const renew: fc.Arbitrary<Example> = fc
  .record({ id, resource, token, ttlMs: milliseconds })
  .map((asked) => [
    [KIND_RENEW, asked.id, asked.resource, asked.token, asked.ttlMs],
    { ...NOTHING, op: KIND_RENEW, ...asked },
  ]);
const check: fc.Arbitrary<Example> = fc
  .record({ id, resource })
  .map((asked) => [[KIND_CHECK, asked.id, asked.resource], { ...NOTHING, op: KIND_CHECK, ...asked }]);
const order: fc.Arbitrary<Example> = fc
  .record({ op: fc.constantFrom(KIND_REVOKE, KIND_FORCE_RELEASE), id, resource, token, extra: text })
  .map((asked) => [[asked.op, asked.id, asked.resource, asked.token, asked.extra], { ...NOTHING, ...asked }]);
const list: fc.Arbitrary<Example> = fc
  .record({ id, resource: text, permits: milliseconds, shard: fc.nat(31), row: fc.nat() })
  .map(({ shard, row, ...asked }) => {
    const cursor = `l${shard * 2}.${row}`;
    return [
      [KIND_LIST, asked.id, asked.resource, asked.permits, cursor],
      { ...NOTHING, op: KIND_LIST, ...asked, token: row, extra: cursor },
    ];
  });

/** Those of its fields that the operation has; other columns hold what an older turn left. */
function meaningOf(row: DecodedRequest): Omit<DecodedRequest, "shard"> {
  const { op, id: one, resource: name, token: number, ttlMs, extra } = row;
  const told = { ...NOTHING, op, id: one, resource: name, token: number, ttlMs, extra };
  if (op === KIND_LIST) return { ...told, permits: row.permits };
  if (op !== KIND_ACQUIRE) return told;
  return { ...told, waitMs: row.waitMs, mode: row.mode, permits: row.permits, lockDelayMs: row.lockDelayMs };
}

test("each request to a shard is read as its client meant it, alone and on a path, with fields of a later version", () => {
  const rig = new DecoderRig();
  let read = 0;
  const examples = fc.array(fc.oneof(acquire, shortRequest, renew, check, order, list), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(examples, fc.boolean(), fc.boolean(), (asked, isLater, isOnPath) => {
      const messages = asked.map(([message]) => (isLater ? [...message, null, { later: [1] }] : message));
      rig.decode(encodeFrame(isOnPath ? [[KIND_GROUP, rig.path, 7, 1, 3, 4], ...messages] : messages));
      const forwarded = rig.said.filter(
        ({ what }) => what === "forward" || what === "moved" || what === "fault",
      ).length;
      const rows = rig.requests();
      read += rows.length;
      assert.equal(rows.length + forwarded, asked.length);
      for (const row of rows) {
        const same = asked
          .filter(([, meaning]) => meaning.id === row.id && meaning.op === row.op)
          .map(([, meaning]) => meaning);
        assert.ok(
          same.some((meaning) => isSame(meaning, meaningOf(row))),
          JSON.stringify([meaningOf(row), same]),
        );
      }
    }),
    { numRuns: RUNS },
  );
  assert.ok(read > RUNS / 2, "hardly any request was read: the examples are too wild");
});

function isSame(one: object, other: object): boolean {
  return JSON.stringify(Object.entries(one).sort()) === JSON.stringify(Object.entries(other).sort());
}

test("a request of another worker's shard is forwarded byte for byte", () => {
  const rig = new DecoderRig();
  fc.assert(
    fc.property(fc.array(fc.oneof(acquire, shortRequest, renew, check), { minLength: 1, maxLength: 5 }), (asked) => {
      rig.decode(encodeFrame(asked.map(([message]) => message)));
      for (const said of rig.said) {
        assert.ok(said.what === "forward" && said.worker === 1 && !said.isGrouped);
        assert.ok(asked.some(([message]) => Buffer.from(encodeFrame([message]).subarray(1)).equals(said.bytes)));
      }
      assert.equal(rig.inbox.count + rig.said.length, asked.length);
    }),
    { numRuns: RUNS },
  );
});

test("a group of a path of another worker goes there whole, its header first", () => {
  const rig = new DecoderRig();
  const frame = encodeFrame([
    [KIND_GROUP, rig.pathElsewhere, 1, 0, ...Array.from({ length: 600 }, (_, at) => at)],
    [KIND_CHECK, 1, "a:b"],
    [KIND_CHECK, 2, "a:c"],
    [KIND_GROUP, 0],
    [KIND_KEEPALIVE, 3, 1, []],
  ]);
  rig.decode(frame);
  assert.deepEqual(
    rig.said.map((said) => (said.what === "forward" ? [said.worker, said.isGrouped] : said.what)),
    [[1, false], [1, true], [1, true], "rare"],
  );
  assert.equal(rig.inbox.count, 0);
});

test("what concerns the connection or all shards is handed on with its kind, its id and its bytes", () => {
  const rig = new DecoderRig();
  const key = fc.uint8Array({ minLength: 16, maxLength: 16 });
  const tail = fc.oneof(
    fc.tuple(fc.constant(KIND_OPEN), id, fc.nat(3), fc.array(fc.tuple(key, milliseconds, token), { maxLength: 4 })),
    fc.tuple(fc.constant(KIND_KEEPALIVE), id, token, fc.array(token, { maxLength: 20 })),
    fc.tuple(fc.constantFrom(KIND_CLOSE, KIND_UNWATCH), id, token),
    fc.tuple(fc.constant(KIND_WATCH), id, text, text),
    fc.tuple(fc.constant(KIND_ASK_STATUS), id),
  );
  fc.assert(
    fc.property(tail, (message) => {
      rig.decode(encodeFrame([message]));
      const [said] = rig.said;
      assert.ok(said?.what === "rare" && rig.said.length === 1);
      assert.deepEqual([said.kind, said.id], [message[0], message[1]]);
      assert.deepEqual(Buffer.from(said.bytes), Buffer.from(encodeFrame([message]).subarray(1)));
    }),
    { numRuns: RUNS },
  );
});

test("while a node drains or its log is behind, each request is refused with the reason, and nothing is kept", () => {
  const rig = new DecoderRig();
  for (const refusal of ["draining", "overloaded"] as const) {
    rig.decode(
      encodeFrame([
        [KIND_CHECK, 1, "a:b"],
        [KIND_ACQUIRE, 2, "a:b"],
        [KIND_LIST, 3, ""],
      ]),
      refusal,
    );
    assert.deepEqual(
      rig.said.map((said) => (said.what === "fault" ? [said.id, said.code] : said)),
      [1, 2, 3].map((one) => [one, refusal]),
    );
    assert.equal(rig.inbox.count, 0);
  }
});

test("the reader understands every value as msgpackr does, and steps over it whole", () => {
  const reader = new Reader();
  const leaf = fc.oneof(
    fc.integer(),
    fc.maxSafeInteger(),
    fc.double(),
    fc.string({ maxLength: 300 }),
    fc.uint8Array(),
    fc.boolean(),
  );
  const tree = fc.letrec<{ node: unknown }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 5 },
      leaf,
      fc.array(tie("node"), { maxLength: 20 }),
      fc.dictionary(fc.string(), tie("node"), { maxKeys: 5 }),
    ),
  }));
  fc.assert(
    fc.property(tree.node, (value) => {
      const bytes = packr.pack(value);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      reader.begin(bytes, view, 0, bytes.length);
      reader.skip();
      assert.deepEqual([reader.hasFailed(), reader.at], [false, bytes.length]);
      reader.begin(bytes, view, 0, bytes.length);
      if (typeof value === "number" && Number.isSafeInteger(value)) assert.equal(reader.integer() + 0, value + 0);
      else if (typeof value === "string") {
        reader.text();
        assert.equal(Buffer.from(bytes.subarray(reader.textAt, reader.textEnd)).toString(), value);
      } else if (Array.isArray(value)) assert.equal(reader.array(), value.length);
      else if (typeof value === "number") {
        reader.integer();
        assert.ok(reader.hasFailed(), `${value} is no integer below 2^53`);
      }
    }),
    { numRuns: RUNS },
  );
});

test("msgpackr reads what the frame writer wrote, integers from 2^32 up as 64-bit integers (T-6)", () => {
  const field = fc.oneof(
    fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    fc.maxSafeNat(),
    fc.constantFrom(0, 31, 32, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1),
    fc.string({ maxLength: 300 }),
    fc.constantFrom("a".repeat(31), "a".repeat(32), "a".repeat(255), "a".repeat(256), "a".repeat(65_536)),
    fc.constant(null),
  );
  const messages = fc.array(
    fc.tuple(fc.nat(127), fc.array(fc.oneof(field, fc.array(field, { maxLength: 40 })), { maxLength: 20 })),
  );
  const writer = new FrameWriter(64, 2 ** 24);
  fc.assert(
    fc.property(messages, (frame) => {
      writer.begin();
      for (const [kind, fields] of frame) {
        writer.message(fields.length + 1, kind);
        for (const one of fields) writeField(writer, one);
      }
      const bytes = writer.finish();
      assert.deepEqual(
        packr.unpack(bytes),
        frame.map(([kind, fields]) => [kind, ...fields]),
      );
      assert.equal(writer.count, frame.length);
    }),
    { numRuns: RUNS },
  );
  writer.begin();
  writer.message(2, 15);
  writer.integer(2 ** 40);
  assert.equal(Buffer.from(writer.finish()).toString("hex"), "dd00000001920fcf0000010000000000");
});

function writeField(writer: FrameWriter, field: number | string | null | readonly (number | string | null)[]): void {
  if (field === null) writer.nil();
  else if (typeof field === "number") writer.integer(field);
  else if (typeof field === "string") writer.string(field);
  else {
    writer.array(field.length);
    for (const one of field) writeField(writer, one);
  }
}
