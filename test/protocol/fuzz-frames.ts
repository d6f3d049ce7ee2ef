/**
 * What must hold whatever bytes a client sends: the decoder does not throw, nothing grows, each message becomes something,
 * and whoever else is connected notices nothing. The short share of it is a test, the long one `make fuzz`.
 */
import assert from "node:assert/strict";
import { ringOf } from "../../src/placement/ring.js";
import { encodeFrame } from "../../src/protocol/client-codec.js";
import { type DecodeSink, RequestDecoder } from "../../src/protocol/decode-requests.js";
import { Reader } from "../../src/protocol/reader.js";
import { nameFault } from "../../src/protocol/resource-name.js";
import type { ShardIndex } from "../../src/words/ids.js";
import { KIND_ACQUIRE, KIND_CHECK, KIND_GROUP, KIND_LIST, KIND_RELEASE } from "../../src/words/kinds.js";
import { LIMITS_DEFAULT } from "../../src/words/limits.js";
import { Random } from "../tables/random.js";
import { DecoderRig } from "./decoder-rig.js";
import { WildFrames } from "./wild-frames.js";

const encoder = new TextEncoder();
/** One frame in so many is followed by one of the neighbour. */
const NEIGHBOUR_EVERY = 16;

/** Frames of messages that are wrong in places, or any bytes. */
export type Fuzzer = "grammar" | "blind";

/** Reads one frame and checks all that must hold whatever it was. */
export function checkOne(rig: DecoderRig, frame: Uint8Array): void {
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

/** Another client of the same worker, whose session and whose well-formed frames must not change. */
class Neighbour {
  static readonly #connection = 9;
  readonly #rig: DecoderRig;
  readonly #decoder: RequestDecoder;
  readonly #bare: number;
  readonly #session: number;
  readonly #frame: Uint8Array;
  readonly #before: string;

  constructor(rig: DecoderRig) {
    const { inbox, paths } = rig;
    const about = {
      ttlMs: 30_000,
      publicId: [3, 4] as const,
      principal: encoder.encode("neighbour"),
      address: encoder.encode("there"),
      connection: Neighbour.#connection,
    };
    this.#rig = rig;
    this.#bare = paths.open({ ...about, key: null });
    this.#session = paths.open({ ...about, key: new Uint8Array(16).fill(1) });
    this.#frame = encodeFrame([
      [KIND_CHECK, 5, "a:neighbour"],
      [KIND_GROUP, paths.serial(this.#session), 8, 3],
      [KIND_RELEASE, 6, "a:neighbour", 77],
    ]);
    const refuse = (what: string) => (): never => assert.fail(`the neighbour's frame became a ${what}`);
    const sink: DecodeSink = {
      rare: refuse("rare message"),
      fault: refuse("fault"),
      moved: refuse("moved"),
      pathVoid: refuse("void path"),
      forward: refuse("message for another worker"),
      reject: refuse("reason of a close"),
    };
    const ring = ringOf(64);
    const where = {
      worker: 0,
      workerOfShard: new Uint16Array(64), // All are here.
      shardOf: (crc: number): ShardIndex => ring.shardOf(crc),
      workerOfPath: () => 0,
    };
    this.#decoder = new RequestDecoder({ inbox, paths, where, limits: LIMITS_DEFAULT, sink });
    this.#before = this.#state();
  }

  /** The number of its session's path, which others may guess. */
  get path(): number {
    return this.#rig.paths.serial(this.#session);
  }

  /** Its session as it was, and its frame read in the same turn as a wild one. */
  check(): void {
    const { inbox } = this.#rig;
    assert.equal(this.#state(), this.#before, "the neighbour's session changed");
    const count = inbox.count;
    const start = inbox.frames.reserve(this.#frame.length);
    inbox.frames.bytes.set(this.#frame, start);
    this.#decoder.decode(this.#bare, { start, end: start + this.#frame.length }, undefined);
    const rows = this.#rig.requests().filter(({ resource }) => resource === "a:neighbour");
    assert.equal(inbox.count, count + 2);
    assert.deepEqual(
      rows.map(({ op, id, token }) => [op, id, op === KIND_RELEASE ? token : 0]),
      [
        [KIND_CHECK, 5, 0],
        [KIND_RELEASE, 6, 77],
      ],
    );
    this.#rig.paths.setLastId(this.#session, 0);
  }

  #state(): string {
    const { paths } = this.#rig;
    const rows = [this.#bare, this.#session];
    return JSON.stringify(
      rows.map((row) => [
        paths.isOpen(row),
        paths.serial(row),
        paths.connection(row),
        paths.ttlMs(row),
        paths.lastId(row),
      ]),
    );
  }
}

/** Decodes so many frames of one fuzzer. @returns how often each thing became of a message. @throws Error with the frame */
export function fuzz(fuzzer: Fuzzer, seed: number, count: number): ReadonlyMap<string, number> {
  const seen = new Map<string, number>();
  const rig = new DecoderRig();
  const neighbour = new Neighbour(rig);
  const frames = new WildFrames(new Random(seed), [rig.path, rig.pathElsewhere, rig.path + 9, neighbour.path]);
  for (let at = 0; at < count; at++) {
    const frame = fuzzer === "grammar" ? frames.frame() : frames.damaged();
    try {
      checkOne(rig, frame);
      for (const what of [...rig.said.map((one) => one.what), rig.inbox.count > 0 ? "row" : "none"]) {
        seen.set(what, (seen.get(what) ?? 0) + 1);
      }
      if (at % NEIGHBOUR_EVERY === 0) neighbour.check();
    } catch (error) {
      throw new WrongFrame(frame, `${fuzzer}, SEED=${seed}, frame ${at}: ${String(error)}`, error);
    }
  }
  return seen;
}

/** A frame that the decoder did not bear. */
export class WrongFrame extends Error {
  readonly frame: Uint8Array;

  constructor(frame: Uint8Array, why: string, cause: unknown) {
    super(`${why}: ${Buffer.from(frame).toString("hex").slice(0, 2_000)}`, { cause });
    this.frame = frame;
  }
}
