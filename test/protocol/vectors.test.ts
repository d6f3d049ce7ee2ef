/**
 * The bytes in vectors.json are the protocol: whoever writes a client in another language tests it with them. Here both
 * of our codecs are held to them. `REWRITE=1` writes them anew; commit only what you can explain.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { Packr } from "msgpackr";
import { ringOf } from "../../src/placement/ring.js";
import { decodeFrame, encodeFrame, type Field, type Message } from "../../src/protocol/client-codec.js";
import { encodeReply } from "../../src/protocol/encode-replies.js";
import { FrameWriter } from "../../src/protocol/writer.js";
import { Replies } from "../../src/tables/replies.js";
import { crc32 } from "../../src/words/crc32.js";
import { DecoderRig } from "./decoder-rig.js";
import { EXAMPLE_CONTEXT, REPLY_EXAMPLES } from "./reply-examples.js";

const FILE = new URL("../../../test/protocol/vectors.json", import.meta.url);
const packr = new Packr({ useRecords: false, variableMapSize: true, int64AsType: "number" });
const KEY = Uint8Array.from({ length: 16 }, (_, at) => at * 17);

/** Each request of PROTOCOL §2 to §4. */
const REQUESTS: readonly (readonly [name: string, message: Message])[] = [
  ["HELLO", [1, { version: 1, client: "example/1.0", ring: true }]],
  ["GROUP without a session", [2, 0]],
  ["GROUP of a path, with what was seen", [2, 3 * 2 ** 32 + 2, 9, 4, 6, 7, 9, 9]],
  [
    "OPEN of two sessions",
    [
      3,
      1,
      0,
      [
        [KEY, 30_000],
        [KEY.toReversed(), 5_000, 4, [6, 7, 9, 9]],
      ],
    ],
  ],
  ["KEEPALIVE", [4, 2, 10, [3 * 2 ** 32 + 2, 3 * 2 ** 32 + 3]]],
  ["CLOSE", [5, 3, 3 * 2 ** 32 + 2]],
  ["ACQUIRE with all its fields", [10, 4, "order:12345", 30_000, 10_000, 2, 5, 1_000, "batch 7"]],
  ["ACQUIRE at once or busy, with the default TTL", [10, 5, "order:12345"]],
  ["ACQUIRE bound to the session", [10, 6, "größe:ü", 0, 0, 1]],
  ["RELEASE with a token above 2^40", [11, 7, "order:12345", 2 ** 40 + 17]],
  ["RENEW", [12, 8, "order:12345", 17, 60_000]],
  ["RENEW with the TTL of the acquire", [12, 9, "order:12345", 17]],
  ["CHECK", [13, 10, "order:12345"]],
  ["CANCEL", [14, 11, "order:12345", 4]],
  ["POSITION", [15, 12, "order:12345", 4]],
  ["REVOKE", [16, 13, "order:12345", 0, "maintenance"]],
  ["FORCE_RELEASE", [17, 14, "order:12345", 17, "its host is gone"]],
  ["LIST", [20, 15, "order:", 100, "l6.1"]],
  ["WATCH of a prefix", [21, 16, "order:*", "0.5,1.7"]],
  ["UNWATCH", [22, 17, 16]],
  ["STATUS", [23, 18]],
];

/** Messages that a worker writes without a shard's row. */
const SERVER_MESSAGES: readonly (readonly [name: string, message: Message])[] = [
  ["GROUP", [2, 3 * 2 ** 32 + 2]],
  ["OPENED", [3, 1, [3 * 2 ** 32 + 2, 3 * 2 ** 32 + 3]]],
  ["WATCHING", [25, 16, "0.5,1.7"]],
  [
    "EVENT of a session's claim",
    [42, 34, 3, "order:1", 3 * 2 ** 40 + 9, 12, 1, "0102030405060708", "local", `5.${3 * 2 ** 40 + 9}`],
  ],
  ["EVENT of somebody without a session", [42, 34, 2, "order:1", 8, 7, 0, "", "local", "5.8"]],
  ["RESYNC", [43, 16, "0.5,1.7", []]],
  ["STATUS", [26, 18, "{}"]],
  ["FAULT of a whole frame", [30, 0, "frame-too-large", "a frame has at most 16384 messages"]],
  ["IN_USE_ELSEWHERE", [44, 3 * 2 ** 32 + 2]],
  ["GOING_AWAY", [45, "the node is going down"]],
];

const RESOURCES: readonly string[] = [
  ...["order:1", "order:2", "order:12345", "a:b", "job:nightly-report", "größe:ü", "🔒:🔑", `a:${"b".repeat(253)}`],
  ...Array.from({ length: 24 }, (_, at) => `user:${at * at * 7_919}`),
];

interface Vector {
  readonly name: string;
  readonly from: "client" | "server";
  readonly hex: string;
  readonly messages: unknown;
}
interface RingVector {
  readonly resource: string;
  readonly crc32: number;
  readonly shardOf64: number;
}
interface Vectors {
  readonly about: string;
  readonly frames: readonly Vector[];
  readonly ring: readonly RingVector[];
}

const ABOUT =
  "Frames of protocol version 1, one message each, and where resources are in a cluster of 64 shards. Byte strings " +
  "stand as {bin: hex}. A writer may choose a longer msgpack format for the same value; a reader must take all of them.";

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function jsonOf(value: unknown): unknown {
  if (value instanceof Uint8Array) return { bin: hexOf(value) };
  if (Array.isArray(value)) return value.map((one: unknown) => jsonOf(one));
  return value;
}

function isList(field: Field): field is readonly Field[] {
  return Array.isArray(field);
}

function writeField(writer: FrameWriter, field: Field): void {
  if (typeof field === "number") writer.integer(field);
  else if (typeof field === "string") writer.string(field);
  else if (isList(field)) {
    writer.array(field.length);
    for (const one of field) writeField(writer, one);
  } else writer.nil();
}

/** What our server writes for a message of plain fields. */
function written(message: Message): Uint8Array {
  const writer = new FrameWriter(64, 2 ** 20);
  const [kind, ...fields] = message;
  writer.message(message.length, Number(kind));
  for (const field of fields) writeField(writer, field);
  return writer.finish().slice();
}

function replied(example: (typeof REPLY_EXAMPLES)[number]): Uint8Array {
  const replies = new Replies(4);
  example.fill(replies);
  const writer = new FrameWriter(64, 2 ** 20);
  assert.equal(encodeReply(replies, 0, writer, EXAMPLE_CONTEXT), replies.end, "rows were left over");
  return writer.finish().slice();
}

function vector(name: string, from: Vector["from"], bytes: Uint8Array): Vector {
  return { name, from, hex: hexOf(bytes), messages: jsonOf(packr.unpack(bytes)) };
}

function vectorsNow(): Vectors {
  const ring = ringOf(64);
  return {
    about: ABOUT,
    frames: [
      ...REQUESTS.map(([name, message]) => vector(name, "client", encodeFrame([message]))),
      ...SERVER_MESSAGES.map(([name, message]) => vector(name, "server", written(message))),
      ...REPLY_EXAMPLES.map((example) => vector(example.name, "server", replied(example))),
    ],
    ring: RESOURCES.map((resource) => {
      const bytes = Buffer.from(resource);
      const sum = crc32(bytes, 0, bytes.length, 0);
      return { resource, crc32: sum, shardOf64: ring.shardOf(sum) };
    }),
  };
}

test("both codecs write the bytes of vectors.json, and the ring maps its names as it says", () => {
  const now = vectorsNow();
  if (process.env["REWRITE"] !== undefined) writeFileSync(FILE, `${JSON.stringify(now, null, 2)}\n`);
  const stored: unknown = JSON.parse(readFileSync(FILE, "utf8"));
  assert.deepEqual(stored, now);
  assert.equal(new Set(now.frames.map(({ name, from }) => from + name)).size, now.frames.length);
});

test("each kind of answer and push is read by a client as the shard meant it", () => {
  for (const example of REPLY_EXAMPLES) assert.deepEqual(decodeFrame(replied(example)), [example.value], example.name);
  const written = new Set(SERVER_MESSAGES.map(([, message]) => message[0]));
  const kinds = new Set([...REPLY_EXAMPLES.map(({ value }) => value.kind), ...written]);
  assert.equal(kinds.size, 20 + written.size, "a kind has no example");
});

test("what a worker writes without a shard is read by a client", () => {
  for (const [name, message] of SERVER_MESSAGES) {
    const [value] = decodeFrame(written(message));
    assert.ok(value !== undefined && value.kind !== "unknown", name);
    assert.deepEqual(decodeFrame(encodeFrame([message])), [value], name);
  }
});

test("the server's decoder takes each request of vectors.json", () => {
  const rig = new DecoderRig();
  for (const [name, message] of REQUESTS) {
    rig.decode(encodeFrame([message]));
    const isTaken = rig.said.every(({ what }) => what === "rare" || what === "forward");
    assert.ok(
      isTaken && (rig.inbox.count + rig.said.length === 1 || message[0] === 2),
      `${name}: ${JSON.stringify(rig.said)}`,
    );
  }
});
