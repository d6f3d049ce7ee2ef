/** The edges of the protocol's parts: cursors, names, a worker that is full, what a server must not say. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Packr } from "msgpackr";
import { decodeFrame, encodeFrame } from "../../src/protocol/client-codec.js";
import { listCursor, readListCursor } from "../../src/protocol/cursors.js";
import { encodeReply } from "../../src/protocol/encode-replies.js";
import { ProtocolError } from "../../src/protocol/fields.js";
import { nameFault } from "../../src/protocol/resource-name.js";
import { FrameWriter } from "../../src/protocol/writer.js";
import { Replies } from "../../src/tables/replies.js";
import {
  KIND_ACQUIRE,
  KIND_CLOSE,
  KIND_HELLO,
  KIND_KEEPALIVE,
  KIND_LIST,
  KIND_LISTED,
  KIND_WELCOME,
} from "../../src/words/kinds.js";
import { DecoderRig } from "./decoder-rig.js";

const encoder = new TextEncoder();
const packr = new Packr({ useRecords: false, variableMapSize: true });

function cursorOf(text: string): ReturnType<typeof readListCursor> {
  const bytes = encoder.encode(`..${text}.`);
  return readListCursor(bytes, 2, bytes.length - 1);
}
function faultOf(name: string): string | undefined {
  const bytes = encoder.encode(name);
  return nameFault(bytes, 0, bytes.length)?.code;
}

test("a list goes on where its cursor says, up to the largest row; what is no cursor is none", () => {
  assert.deepEqual(cursorOf(""), { shard: 0, row: 1 });
  for (const [shard, row] of [
    [0, 1],
    [4_095, 2 ** 32 - 1],
  ] as const) {
    assert.deepEqual(cursorOf(listCursor(shard, row, 4_096) ?? ""), { shard, row });
  }
  for (const text of [
    "l0.4294967296",
    "l0.9999999999",
    "l0.99999999999",
    "l99999.1",
    "l1",
    "l1.",
    "1.1",
    "l-1.1",
    "l1.1 ",
  ])
    assert.equal(cursorOf(text), undefined, text);
});

test("a page that ends a shard goes on in the next one, and behind the last there is nothing", () => {
  assert.equal(listCursor(5, 0, 64), "l6.1");
  assert.equal(listCursor(63, 0, 64), undefined);
  assert.equal(listCursor(63, 7, 64), "l63.7");
});

test("a name has at most 255 characters, however many bytes each has, and at most 1,020 bytes", () => {
  for (const character of ["a", "é", "€", "🔒"]) {
    assert.equal(faultOf(`a:${character.repeat(253)}`), undefined, character);
    assert.equal(faultOf(`a:${character.repeat(254)}`), "resource-too-long", character);
  }
  for (const name of ["é:", ":é", "é", "a:é\u0080", "é:\u0007", "", "a:\u007f"])
    assert.equal(faultOf(name), "resource-invalid", JSON.stringify(name));
});

test("a worker whose log is behind refuses what is no request to a shard as well, each message with its id", () => {
  const rig = new DecoderRig();
  const frame = encodeFrame([
    [KIND_KEEPALIVE, 7, 1, [rig.path]],
    [KIND_ACQUIRE, 8, "order:1"],
    [KIND_CLOSE, 9, rig.path],
    [KIND_CLOSE, 0, rig.path],
    [KIND_HELLO, { version: 1 }],
  ]);
  const codes = (): (readonly [string, number])[] =>
    rig.said.map((said) => [said.what === "fault" ? said.code : said.what, "id" in said ? said.id : -1]);
  rig.decode(frame, "overloaded");
  assert.deepEqual(codes(), [
    ["overloaded", 7],
    ["overloaded", 8],
    ["overloaded", 9],
    ["id-invalid", 0],
    ["overloaded", 1],
  ]);
  assert.deepEqual(rig.requests(), []);
  rig.decode(frame, "draining"); // A node that goes down still hears keep-alives and closes.
  assert.deepEqual(codes(), [
    ["rare", 7],
    ["draining", 8],
    ["rare", 9],
    ["id-invalid", 0],
    ["rare", 1],
  ]);
});

test("a list that goes on in a shard of another worker is sent there, and leaves no row here", () => {
  const rig = new DecoderRig();
  const list = (cursor: string): void => {
    rig.decode(encodeFrame([[KIND_LIST, 7, "order:", 10, cursor]]));
  };
  list("l4.9");
  assert.deepEqual(
    rig.requests().map(({ shard, token }) => [shard, token]),
    [[4, 9]],
  );
  list("l5.9"); // Worker 1 has the odd ones.
  assert.deepEqual(rig.requests(), []);
  assert.deepEqual(
    rig.said.map((said) => said.what === "forward" && [said.worker, said.isGrouped]),
    [[1, false]],
  );
  list("l64.1");
  assert.deepEqual(
    rig.said.map((said) => said.what === "fault" && said.code),
    ["cursor-invalid"],
  );
});

/** What one row says, as a client reads it. */
function said(kind: number, fill: (replies: Replies, row: number) => void, shard: number): unknown {
  const replies = new Replies(4);
  fill(replies, replies.add(kind, 0, 0, 34));
  const writer = new FrameWriter(64, 2 ** 20);
  encodeReply(replies, 0, writer, { shard, shards: 64 });
  return decodeFrame(writer.finish())[0];
}

test("the last page of a list has no cursor", () => {
  assert.deepEqual(
    said(KIND_LISTED, () => undefined, 63),
    { kind: "listed", id: 34, claims: [], cursor: undefined },
  );
  assert.deepEqual(
    said(KIND_LISTED, (replies, row) => replies.setB(row, 9), 63),
    { kind: "listed", id: 34, claims: [], cursor: "l63.9" },
  );
});

test("a row of a kind that no encoder knows is our bug, and stops its shard", () => {
  assert.throws(() => said(63, () => undefined, 0), { name: "BrokenInvariant", message: /answers of kind 63/ });
});

test("a frame of more arrays and elements than 16 bits count is read back as it was", () => {
  for (const length of [15, 16, 65_535, 65_536]) {
    const writer = new FrameWriter(64, 2 ** 20);
    writer.message(2, 1);
    writer.array(length);
    for (let i = 0; i < length; i++) writer.integer(i & 127);
    const frame: unknown = packr.unpack(writer.finish());
    assert.deepEqual(frame, [[1, Array.from({ length }, (_, i) => i & 127)]]);
  }
});

test("a welcome whose ring is nil or left out has none; one that is no bytes, and rows that are none, are refused", () => {
  const map = { version: 1, shards: 1, ringId: 1, workers: ["a:1"], owners: [0] };
  const about = { version: 1, server: "s", node: "n", worker: 0, principal: "p", limits: {}, map };
  const ringOf = (ring: unknown): unknown => {
    const [message] = decodeFrame(packr.pack([[KIND_WELCOME, { ...about, ...(ring === undefined ? {} : { ring }) }]]));
    assert.ok(message?.kind === "welcome");
    return message.ring;
  };
  assert.deepEqual([ringOf(undefined), ringOf(null)], [undefined, undefined]);
  assert.deepEqual(ringOf(Uint8Array.of(1, 2)), Uint8Array.of(1, 2));
  assert.throws(() => ringOf("bytes"), {
    name: "ProtocolError",
    message: /ring is a string of 5 characters, not bytes/,
  });
  const refusal = (message: unknown): string => {
    try {
      decodeFrame(packr.pack([message]));
    } catch (error) {
      if (error instanceof ProtocolError) return error.message;
    }
    return "not refused";
  };
  assert.match(refusal([4, 1, 2, 3, [7]]), /\[4\] is an array of 1, not an array of arrays/);
  assert.match(refusal([3, 1, null]), /is nil, not an array/);
  assert.match(refusal([3, 1]), /is left out, not an array/);
});
