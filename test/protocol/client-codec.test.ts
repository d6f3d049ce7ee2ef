/**
 * The client's codec: what it writes other languages can read, and what it reads has a shape or is refused.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Packr } from "msgpackr";
import { decodeFrame, encodeFrame, type Field } from "../../src/protocol/client-codec.js";
import { ProtocolError } from "../../src/protocol/fields.js";
import type { ServerMessage } from "../../src/protocol/server-messages.js";

const packr = new Packr({ useRecords: false, variableMapSize: true });
const holder: Field = [0, 7, 100, -1, "you", "ab", "127.0.0.1:1", "meta", 2, 0];
const map: Field = { version: 1, shards: 2, ringId: 5, workers: ["a:1", null], owners: [0, 1] };

const heldBySession = {
  mode: "exclusive" as const,
  token: 7,
  heldMs: 100,
  leftMs: undefined,
  principal: "you",
  client: "ab",
  address: "127.0.0.1:1",
  metadata: "meta",
  renewCount: 2,
  permits: 0,
};
const readMap = { version: 1, shards: 2, ringId: 5, workers: ["a:1", undefined], owners: [0, 1] };

/** Each kind that a server says, as fields and as the value that they mean. */
const KINDS: readonly (readonly [readonly Field[], ServerMessage])[] = [
  [[2, 9], { kind: "group", path: 9 }],
  [[3, 1, [4, 5]], { kind: "opened", id: 1, paths: [4, 5] }],
  [
    [
      4,
      1,
      2,
      3,
      [
        [
          4,
          5,
          6,
          7,
          8,
          [[1, 0, "a:b", 1, -1, 1]],
          [
            [1, 13, 0],
            [2, 23],
          ],
        ],
      ],
    ],
    {
      kind: "open-shard",
      id: 1,
      shard: 2,
      lsn: 3,
      sessions: [
        {
          path: 4,
          ttlMs: 5,
          mark: 6,
          heardCount: 7,
          ageMs: 8,
          claims: [{ requestId: 1, token: 0, resource: "a:b", mode: "shared", leftMs: undefined }],
          outcomes: [
            { requestId: 1, answerKind: 13, value: 0 },
            { requestId: 2, answerKind: 23, value: 0 },
          ],
        },
      ],
    },
  ],
  [[5, 1, 2, 3, 4, [8, 9]], { kind: "kept", id: 1, count: 2, shard: 3, lsn: 4, marks: [{ path: 8, mark: 9 }] }],
  [
    [10, 1, 2 ** 40 + 1, 0, 0],
    { kind: "granted", id: 1, token: 2 ** 40 + 1, ttlMs: 0, waited: false, leftMs: undefined, heardCount: 0, ageMs: 0 },
  ],
  [
    [10, 1, 2, 3, 1, 4, 5, 6, "of a later version"],
    { kind: "granted", id: 1, token: 2, ttlMs: 3, waited: true, leftMs: 4, heardCount: 5, ageMs: 6 },
  ],
  [[11, 1, [holder], 2, 0, 3], { kind: "busy", id: 1, holders: [heldBySession], waiters: 2, yours: false, delayMs: 3 }],
  [[12, 1], { kind: "timed-out", id: 1, seen: undefined }],
  [[12, 1, 2, [holder], 3], { kind: "timed-out", id: 1, seen: { holders: [heldBySession], waiters: 3, position: 2 } }],
  [[13, 1], { kind: "cancelled", id: 1 }],
  [[14, 1], { kind: "abandoned", id: 1 }],
  [[15, 1], { kind: "released", id: 1 }],
  [[16, 1], { kind: "not-held", id: 1 }],
  [[17, 1, 2, 3], { kind: "renewed", id: 1, ttlMs: 2, leftMs: 3 }],
  [[18, 1, 2], { kind: "revoked", id: 1, leftMs: 2 }],
  [[19, 1, [], 0, 0], { kind: "checked", id: 1, holders: [], waiters: 0, delayMs: 0 }],
  [[20, 1, 2], { kind: "already-granted", id: 1, token: 2 }],
  [[21, 1], { kind: "not-waiting", id: 1 }],
  [[22, 1, 2, 3, [holder]], { kind: "position", id: 1, position: 2, waitedMs: 3, holders: [heldBySession] }],
  [[23, 1, 2], { kind: "done", id: 1, count: 2 }],
  [
    [24, 1, [["a:b", 1, holder]], null],
    { kind: "listed", id: 1, claims: [{ resource: "a:b", holds: true, holder: heldBySession }], cursor: undefined },
  ],
  [[25, 1, "c"], { kind: "watching", id: 1, cursor: "c" }],
  [[26, 1, "{}"], { kind: "status", id: 1, json: "{}" }],
  [[30, 0, "malformed", "why"], { kind: "fault", id: 0, code: "malformed", message: "why" }],
  [[31, 1, map], { kind: "moved", id: 1, map: readMap }],
  [
    [40, 1, 2, 3, "a:b", 2, null],
    { kind: "claim-ended", shard: 1, mark: 2, token: 3, resource: "a:b", cause: "revoked", reason: "" },
  ],
  [[41, 1, 2], { kind: "session-ended", shard: 1, mark: 2 }],
  [
    [42, 1, 3, "a:b", 4, 5, 2, "ab", "you", "c"],
    {
      kind: "event",
      watchId: 1,
      event: "expired",
      resource: "a:b",
      lsn: 4,
      token: 5,
      mode: "permit",
      client: "ab",
      principal: "you",
      cursor: "c",
    },
  ],
  [[43, 1, "c", []], { kind: "resync", watchId: 1, cursor: "c", claims: [] }],
  [[44, 9], { kind: "in-use-elsewhere", path: 9 }],
  [[45, "drains"], { kind: "going-away", reason: "drains" }],
  [[99, "later"], { kind: "unknown", number: 99 }],
];

test("each kind that a server says becomes the value that it means", () => {
  assert.deepEqual(
    decodeFrame(encodeFrame(KINDS.map(([fields]) => fields))),
    KINDS.map(([, message]) => message),
  );
});

test("the handshake is read, with limits and ring", () => {
  const ring = new Uint8Array([1, 0, 0, 0]);
  const limits = { ttlMinMs: 5000, other: "text" };
  const welcome = { version: 1, server: "s", node: "n", worker: 1, principal: "you", limits, map, ring };
  const [message] = decodeFrame(encodeFrame([[1, welcome]]));
  assert.ok(message?.kind === "welcome");
  assert.deepEqual(message.map, readMap);
  assert.deepEqual([...message.limits], [["ttlMinMs", 5000]]);
  assert.deepEqual([...(message.ring ?? [])], [1, 0, 0, 0]);
});

test("a message that lacks any of its fields, or has another type there, is refused", () => {
  for (const [fields] of KINDS.slice(0, -1)) {
    for (let at = 1; at < fields.length; at += 1) {
      const wrong = fields.map((field, index) => (index === at ? { wrong: true } : field));
      if (typeof fields[at] === "string" && fields[at] === "of a later version") continue;
      if (fields[0] === 31 && at === 2) assert.throws(() => decodeFrame(encodeFrame([[31, 1, []]])), ProtocolError);
      else assert.throws(() => decodeFrame(encodeFrame([wrong])), ProtocolError, JSON.stringify(fields));
    }
    const [kind] = fields;
    if (kind !== 45) assert.throws(() => decodeFrame(encodeFrame([[kind ?? 0]])), ProtocolError); // 45 needs no reason.
  }
});

test("numbers that are no counts, modes, causes or events are refused", () => {
  for (const bad of [-1, 1.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY, new Date(0)]) {
    assert.throws(() => decodeFrame(packr.pack([[12, bad]])), ProtocolError);
  }
  assert.throws(() => decodeFrame(encodeFrame([[40, 1, 2, 3, "a:b", 9, ""]])), ProtocolError);
  assert.throws(() => decodeFrame(encodeFrame([[42, 1, 9, "a:b", 4, 5, 2, "", "", ""]])), ProtocolError);
  assert.throws(() => decodeFrame(encodeFrame([[42, 1, 1, "a:b", 4, 5, 3, "", "", ""]])), ProtocolError);
  assert.throws(() => decodeFrame(encodeFrame([[5, 1, 2, 3, 4, [8]]])), ProtocolError);
});

test("a map whose owners are not workers, or not one for each shard, is refused", () => {
  for (const owners of [[0], [0, 2], [0, 1, 0]]) {
    const wrong = { version: 1, shards: 2, ringId: 5, workers: ["a:1", null], owners };
    assert.throws(() => decodeFrame(encodeFrame([[31, 1, wrong]])), ProtocolError);
  }
});

test("any bytes are messages or a ProtocolError, never another error", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      try {
        decodeFrame(bytes);
      } catch (error) {
        assert.ok(error instanceof ProtocolError);
      }
    }),
    { numRuns: 2000 },
  );
});

test("any msgpack value in any place is a message or a ProtocolError", () => {
  const message = fc.tuple(fc.integer({ min: 0, max: 50 }), fc.anything({ withDate: true }), fc.anything());
  fc.assert(
    fc.property(fc.array(message, { maxLength: 4 }), (messages) => {
      try {
        decodeFrame(packr.pack(messages));
      } catch (error) {
        assert.ok(error instanceof ProtocolError);
      }
    }),
  );
});

test("integers from 2^32 up are written as 64-bit integers, never as floats (T-6)", () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), (number) => {
      const bytes = encodeFrame([[15, number]]); // 0x91, 0x92, 0x0f, and then the format of the number.
      assert.ok(number < 128 || [0xcc, 0xcd, 0xce, 0xcf, 0xd3].includes(bytes[3] ?? 0));
      assert.deepEqual(decodeFrame(bytes), [{ kind: "released", id: number }]);
    }),
  );
});
