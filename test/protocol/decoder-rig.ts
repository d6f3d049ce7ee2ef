/**
 * The server's decoder with the real inbox and paths around it, and everything that it says kept as values: tests put
 * bytes in and look at what became of them.
 */
import { Inbox } from "../../src/tables/inbox.js";
import { KeyedHash } from "../../src/tables/keyed-hash.js";
import { PATHS_PER_START, Paths } from "../../src/tables/paths.js";
import { ringOf } from "../../src/placement/ring.js";
import { type DecodeSink, type Refusal, RequestDecoder } from "../../src/protocol/decode-requests.js";
import type { FaultCode } from "../../src/words/faults.js";
import { LIMITS_DEFAULT } from "../../src/words/limits.js";

/** Shards of the rig; this worker has the even ones, worker 1 the odd ones. */
const RIG_SHARDS: number = 64;
const START = 3;
const CONNECTION = 7;

/** What the decoder said instead of adding a row. */
export type Said =
  | { readonly what: "rare"; readonly kind: number; readonly id: number; readonly bytes: Uint8Array }
  | {
      readonly what: "fault";
      readonly path: number;
      readonly id: number;
      readonly code: FaultCode;
      readonly message: string;
    }
  | { readonly what: "moved"; readonly id: number }
  | { readonly what: "void"; readonly number: number; readonly id: number }
  | { readonly what: "forward"; readonly worker: number; readonly bytes: Uint8Array; readonly isGrouped: boolean }
  | { readonly what: "reject"; readonly code: string; readonly reason: string };

/** One request as a row says it. */
export interface DecodedRequest {
  readonly op: number;
  readonly id: number;
  readonly resource: string;
  readonly token: number;
  readonly ttlMs: number;
  readonly waitMs: number;
  readonly mode: number;
  readonly permits: number;
  readonly lockDelayMs: number;
  readonly extra: string;
  readonly shard: number;
}

/** A decoder for one connection that has said HELLO and carries one session. */
export class DecoderRig implements DecodeSink {
  readonly inbox: Inbox;
  readonly paths: Paths;
  readonly said: Said[] = [];
  /** Row of the connection's own path, and of its session's. */
  readonly bare: number;
  readonly session: number;
  readonly #decoder: RequestDecoder;

  constructor() {
    const ring = ringOf(RIG_SHARDS);
    this.inbox = new Inbox({
      capacity: 20_000,
      shards: RIG_SHARDS,
      frameBytesInitial: 2 ** 16,
      frameBytesMax: 2 ** 24,
    });
    this.paths = new Paths({
      capacity: 64,
      connections: 16,
      shards: RIG_SHARDS,
      start: START,
      hash: new KeyedHash(1, 2),
    });
    const about = { ttlMs: 30_000, publicId: [1, 2] as const, principal: text("you"), address: text("here") };
    this.bare = this.paths.open({ ...about, key: null, connection: CONNECTION });
    this.session = this.paths.open({ ...about, key: new Uint8Array(16), connection: CONNECTION });
    const where = {
      worker: 0,
      workerOfShard: Uint16Array.from({ length: RIG_SHARDS }, (_, shard) => shard % 2),
      shardOf: (crc: number) => ring.shardOf(crc),
      workerOfPath: workerOfPath,
    };
    this.#decoder = new RequestDecoder({
      inbox: this.inbox,
      paths: this.paths,
      where,
      limits: LIMITS_DEFAULT,
      sink: this,
    });
  }

  /** The number of the session's path. */
  get path(): number {
    return this.paths.serial(this.session);
  }
  /** A path number that worker 1 made. */
  get pathElsewhere(): number {
    return (START + 1) * PATHS_PER_START + 5;
  }

  /** Reads one frame as a turn's first: what an earlier one left is forgotten. */
  decode(frame: Uint8Array, refusal?: Refusal): void {
    this.inbox.reset();
    this.said.length = 0;
    this.paths.setLastId(this.session, 0);
    const at = this.inbox.frames.reserve(frame.length);
    this.inbox.frames.bytes.set(frame, at);
    this.#decoder.decode(this.bare, { start: at, end: at + frame.length }, refusal);
  }

  /** Every request that stands in a shard's list, shard by shard. */
  requests(): readonly DecodedRequest[] {
    const found: DecodedRequest[] = [];
    for (let shard = 0; shard < RIG_SHARDS; shard++) {
      for (let row = this.inbox.first(shard); row !== 0; row = this.inbox.next(row)) found.push(this.#read(row, shard));
    }
    return found;
  }

  #read(row: number, shard: number): DecodedRequest {
    const { inbox } = this;
    const between = (start: number, end: number): string => decoder.decode(inbox.bytes.subarray(start, end));
    return {
      op: inbox.op(row),
      id: inbox.id(row),
      resource: between(inbox.nameAt(row), inbox.nameEnd(row)),
      token: inbox.token(row),
      ttlMs: inbox.ttlMs(row),
      waitMs: inbox.waitMs(row),
      mode: inbox.mode(row),
      permits: inbox.permits(row),
      lockDelayMs: inbox.lockDelayMs(row),
      extra: between(inbox.extraAt(row), inbox.extraEnd(row)),
      shard,
    };
  }

  rare(kind: number, id: number, _path: number, message: Uint8Array): void {
    this.said.push({ what: "rare", kind, id, bytes: message.slice() });
  }
  fault(path: number, id: number, code: FaultCode, message: string): void {
    this.said.push({ what: "fault", path, id, code, message });
  }
  moved(_path: number, id: number): void {
    this.said.push({ what: "moved", id });
  }
  pathVoid(number: number, id: number): void {
    this.said.push({ what: "void", number, id });
  }
  forward(worker: number, start: number, end: number, isGrouped: boolean): void {
    this.said.push({ what: "forward", worker, bytes: this.inbox.bytes.slice(start, end), isGrouped });
  }
  reject(code: string, reason: string): void {
    this.said.push({ what: "reject", code, reason });
  }
}

/** Of two workers, whose starts are 3 and 4. */
function workerOfPath(number: number): number {
  const worker = Math.floor(number / PATHS_PER_START) - START;
  return worker === 0 || worker === 1 ? worker : -1;
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();
function text(value: string): Uint8Array {
  return encoder.encode(value);
}
