/** Nothing from outside gets past the decoder before it has the shape that the specification promises. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Reader } from "../../src/protocol/reader.js";
import { nameFault } from "../../src/protocol/resource-name.js";
import { KIND_ACQUIRE, KIND_GROUP, KIND_LIST } from "../../src/words/kinds.js";
import { Random, seedOfRun } from "../tables/random.js";
import { DecoderRig } from "./decoder-rig.js";
import { WildFrames } from "./wild-frames.js";

const FRAMES = Number(process.env["FRAMES"] ?? 50_000);
const encoder = new TextEncoder();

/** Reads one frame and checks all that must hold whatever it was. */
function checkOne(rig: DecoderRig, frame: Uint8Array): void {
  const { inbox, said } = rig;
  const { seen } = inbox;
  const memory = inbox.frames.bytes;
  rig.decode(frame);
  const requests = rig.requests();
  assert.equal(requests.length, inbox.count, "a row that is no request in a shard's list was left in the inbox");
  assert.equal(inbox.seen, seen, "the inbox grew");
  assert.equal(inbox.frames.bytes, memory, "the inbox grew");
  for (const request of requests) {
    const numbers = [request.id, request.token, request.ttlMs];
    if (request.op === KIND_ACQUIRE) numbers.push(request.waitMs, request.permits, request.lockDelayMs);
    assert.ok(numbers.every(Number.isSafeInteger) && request.id > 0, JSON.stringify(request));
    const name = encoder.encode(request.resource);
    assert.ok(request.op === KIND_LIST || nameFault(name, 0, name.length) === undefined, request.resource);
    assert.equal(request.shard % 2, 0, "a request of another worker's shard was kept");
  }
  const rejections = said.filter(({ what }) => what === "reject");
  assert.ok(rejections.length <= 1 && (rejections.length === 0 || said.at(-1)?.what === "reject"));
  if (rejections.length === 0) checkEachIsAnswered(rig, frame);
}

/** In a frame that was taken whole, each message is a row, a fault, is forwarded, or is a group's header: never nothing. */
function checkEachIsAnswered(rig: DecoderRig, frame: Uint8Array): void {
  const kinds = kindsOf(frame);
  const groups = kinds.filter((kind) => kind === KIND_GROUP).length;
  const headers = rig.said.filter((one) => one.what === "forward" && isHeader(one.bytes)).length;
  assert.equal(rig.inbox.count + rig.said.length - headers + groups, kinds.length);
}

function isHeader(message: Uint8Array): boolean {
  return kindsOf(Uint8Array.of(0x91, ...message))[0] === KIND_GROUP;
}

/** The kinds of a frame's messages. */
function kindsOf(frame: Uint8Array): readonly number[] {
  const reader = new Reader();
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  reader.begin(frame, view, 0, frame.length);
  return Array.from({ length: reader.array() }, () => {
    const { at } = reader;
    reader.array();
    const kind = reader.integer();
    reader.begin(frame, view, at, frame.length);
    reader.skip();
    assert.ok(!reader.hasFailed(), "what was taken is a frame");
    return kind;
  });
}

/** Answers how often each thing became of a message. */
function fuzz(seed: number, make: (frames: WildFrames) => Uint8Array): ReadonlyMap<string, number> {
  const seen = new Map<string, number>();
  const rig = new DecoderRig();
  const frames = new WildFrames(new Random(seed), [rig.path, rig.pathElsewhere, rig.path + 1]);
  for (let count = 0; count < FRAMES; count++) {
    const frame = make(frames);
    try {
      checkOne(rig, frame);
      for (const what of [...rig.said.map((one) => one.what), rig.inbox.count > 0 ? "row" : "none"]) {
        seen.set(what, (seen.get(what) ?? 0) + 1);
      }
    } catch (error) {
      const hex = Buffer.from(frame).toString("hex").slice(0, 2_000);
      throw new Error(`SEED=${seed}, frame ${count}: ${hex}: ${String(error)}`, { cause: error });
    }
  }
  return seen;
}

test("messages with fields of any format, edge and length become rows, faults or the reason of a close", (t) => {
  const seed = seedOfRun();
  t.diagnostic(`SEED=${seed}`);
  const seen = fuzz(seed, (frames) => frames.frame());
  for (const what of ["row", "fault", "rare", "forward", "moved", "void", "reject"]) {
    assert.ok((seen.get(what) ?? 0) > FRAMES / 10_000, `hardly any message became a ${what}: the frames are too wild`);
  }
});

test("damaged frames and any other bytes become rows, faults or the reason of a close", (t) => {
  const seed = seedOfRun();
  t.diagnostic(`SEED=${seed}`);
  fuzz(seed, (frames) => frames.damaged());
});

test("bombs are refused in little time and take no memory", () => {
  const rig = new DecoderRig();
  const startMs = performance.now();
  const bombs: readonly (readonly number[])[] = [
    [0xdd, 0xff, 0xff, 0xff, 0xff],
    [0x91, 0xdd, 0xff, 0xff, 0xff, 0xff],
    [0x91, 0x93, 13, 1, 0xdb, 0xff, 0xff, 0xff, 0xff],
    [0x91, 0x93, 99, 1, 0xdf, 0xff, 0xff, 0xff, 0xff],
    [0x91, 0x93, 99, 1, 0xc9, 0xff, 0xff, 0xff, 0xff, 1],
    [0x91, 0x93, 99, 1, ...Array.from({ length: 100_000 }, () => 0x91)],
    [0x91, 0x93, 99, 1, ...Array.from({ length: 100_000 }, () => 0x81)],
    Array.from({ length: 100_000 }, () => 0xdd),
  ];
  for (const bomb of bombs) {
    rig.decode(Uint8Array.from(bomb));
    assert.deepEqual(
      rig.said.map(({ what }) => what),
      ["reject"],
      Buffer.from(bomb.slice(0, 20)).toString("hex"),
    );
    assert.equal(rig.inbox.count, 0);
  }
  assert.ok(performance.now() - startMs < 2_000);
});
