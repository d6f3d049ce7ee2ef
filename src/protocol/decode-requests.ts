/**
 * Frames of clients, from bytes to rows of the inbox. What belongs to another worker is handed on as bytes; what
 * concerns the connection or all shards goes to the sink. Bad input becomes a fault or a close, never an exception. Hot
 * path: `make micro`.
 */
import { outOfRange } from "../words/assert.js";
import { crc32 } from "../words/crc32.js";
import type { FaultCode } from "../words/faults.js";
import type { ShardIndex } from "../words/ids.js";
import {
  KIND_ACQUIRE,
  KIND_ASK_POSITION,
  KIND_CHECK,
  KIND_FORCE_RELEASE,
  KIND_GROUP,
  KIND_HELLO,
  KIND_LIST,
  KIND_RENEW,
  KIND_REVOKE,
} from "../words/kinds.js";
import type { Limits } from "../words/limits.js";
import { MODE_PERMIT } from "../words/mode.js";
import type { Inbox } from "../tables/inbox.js";
import type { Paths } from "../tables/paths.js";
import { Reader } from "./reader.js";
import { readListCursor } from "./cursors.js";
import { isUtf8, nameFault } from "./resource-name.js";

/** What a frame can ask for besides requests to shards. Byte ranges are of the inbox's `bytes`, for this call only. */
export interface DecodeSink {
  /** A message that is not a request to a shard: HELLO, OPEN, KEEPALIVE, CLOSE, WATCH, … `path` is the group's; `message` is lent. */
  rare(kind: number, id: number, path: number, message: Uint8Array): void;
  fault(path: number, id: number, code: FaultCode, message: string): void;
  /** The request is of a session whose path is here, and its shard is elsewhere. */
  moved(path: number, id: number): void;
  /** The request stands in the group of a path that is not open on this connection. */
  pathVoid(number: number, id: number): void;
  /** Bytes of one message (or of a group header) for another worker. `isGrouped`: its header went there right before. */
  forward(worker: number, start: number, end: number, isGrouped: boolean): void;
  /** The frame is not what the protocol allows: the connection is to be closed. */
  reject(code: "malformed" | "frame-too-large", reason: string): void;
}

/** What a decoder needs to know of where things are. */
export interface Where {
  readonly worker: number;
  readonly workerOfShard: Uint16Array;
  shardOf(crc: number): ShardIndex;
  /** The worker that made a path number, -1 if none of this node. */
  workerOfPath(number: number): number;
}

/** Why every request is refused for the time being, however well it is written. */
export type Refusal = "draining" | "overloaded";

const REFUSALS: Readonly<Record<Refusal, string>> = {
  draining: "this node is going down; try again elsewhere, or in a moment",
  overloaded: "the log is behind and no more requests fit into memory; try again in a moment",
};

const HERE = -1;
const NOWHERE = -2;
/** A column of 16 bits tells how many numbers a group has; more of them than any event carries. */
const SEEN_COUNT_MAX = 65_535;

export class RequestDecoder {
  readonly #reader = new Reader();
  readonly #inbox: Inbox;
  readonly #paths: Paths;
  readonly #where: Where;
  readonly #limits: Limits;
  readonly #sink: DecodeSink;
  // The group that is being read: its path (0: void), where it is, its count, and what it has seen.
  #path = 0;
  #bare = 0;
  #number = 0;
  #elsewhere = HERE;
  #sentCount = 0;
  #seenAt = 0;
  #seenCount = 0;
  #refusal: Refusal | undefined;

  constructor(parts: { inbox: Inbox; paths: Paths; where: Where; limits: Limits; sink: DecodeSink }) {
    this.#inbox = parts.inbox;
    this.#paths = parts.paths;
    this.#where = parts.where;
    this.#limits = parts.limits;
    this.#sink = parts.sink;
  }

  /** How many messages a frame claims to have; -1 if it does not begin as one. */
  messagesOf(frame: Uint8Array): number {
    const first = frame[0] ?? 0; // By hand: a view of each frame would cost more than all its reading.
    if ((first & 0xf0) === 0x90) return first & 0x0f;
    const low = ((frame[1] ?? 0) << 8) | (frame[2] ?? 0);
    if (first === 0xdc) return low;
    return first === 0xdd ? low * 65_536 + (((frame[3] ?? 0) << 8) | (frame[4] ?? 0)) : -1;
  }

  /** Reads one frame that lies in `[start, end)` of the inbox's bytes, for the connection with this bare path. */
  decode(bare: number, frame: { readonly start: number; readonly end: number }, refusal: Refusal | undefined): void {
    const { start, end } = frame;
    this.#refusal = refusal;
    const { frames } = this.#inbox;
    const reader = this.#reader;
    reader.begin(frames.bytes, frames.view, start, end);
    this.#bare = bare;
    this.#path = bare;
    this.#elsewhere = HERE;
    this.#seenCount = 0;
    const count = reader.array();
    if (reader.hasFailed()) return this.#sink.reject("malformed", "a frame is one msgpack array of messages");
    if (count > this.#limits.requestsPerFrameMax) {
      return this.#sink.reject(
        "frame-too-large",
        `a frame has at most ${this.#limits.requestsPerFrameMax} messages, not ${count}`,
      );
    }
    for (let i = 0; i < count; i++) {
      const at = reader.at;
      if (!this.#message(at)) return this.#sink.reject("malformed", `message ${i} of the frame, at byte ${at - start}`);
    }
    if (reader.at !== end) this.#sink.reject("malformed", `${end - reader.at} bytes behind the frame's last message`);
  }

  /** Reads one message; false if its bytes are no message at all. */
  #message(start: number): boolean {
    const reader = this.#reader;
    const fields = reader.array();
    if (reader.hasFailed() || fields < 2) return false;
    const kind = reader.integer();
    if (reader.hasFailed()) return false;
    if (kind === KIND_GROUP) return this.#group(start, fields);
    if (this.#elsewhere >= 0) {
      this.#skipTo(start);
      if (!reader.hasFailed()) this.#sink.forward(this.#elsewhere, start, reader.at, true);
      return !reader.hasFailed();
    }
    const isRequest = (kind >= KIND_ACQUIRE && kind <= KIND_FORCE_RELEASE) || kind === KIND_LIST;
    if (!isRequest) return this.#rare(start, kind);
    const id = reader.integer();
    if (reader.hasFailed())
      return this.#refuse(start, 0, "id-invalid", "the id of a request is a positive integer below 2^53");
    if (id <= 0)
      return this.#refuse(start, id, "id-invalid", `the id of a request is a positive integer below 2^53, not ${id}`);
    if (this.#elsewhere === NOWHERE) return this.#refuseVoid(start, id);
    if (this.#refusal !== undefined) return this.#refuse(start, id, this.#refusal, REFUSALS[this.#refusal]);
    if (fields < 3) return this.#refuse(start, id, "malformed", "a request names a resource");
    return this.#request(start, kind, id, fields);
  }

  /** Everything that is not a request to one shard. */
  #rare(start: number, kind: number): boolean {
    const reader = this.#reader;
    const id = kind === KIND_HELLO ? 1 : reader.integer();
    const isNamed = !reader.hasFailed() && id > 0;
    this.#skipTo(start);
    if (reader.hasFailed()) return false;
    if (!isNamed) this.#sink.fault(this.#bare, 0, "id-invalid", "the id of a request is a positive integer below 2^53");
    else if (this.#refusal === "overloaded") this.#sink.fault(this.#bare, id, "overloaded", REFUSALS.overloaded);
    else this.#sink.rare(kind, id, this.#path, this.#inbox.bytes.subarray(start, reader.at));
    return true;
  }

  #group(start: number, fields: number): boolean {
    const reader = this.#reader;
    const number = reader.integer();
    this.#seenAt = this.#inbox.seenLength;
    this.#sentCount = fields > 2 ? reader.integer() : 0;
    for (let i = 3; i < fields && !reader.hasFailed(); i++) this.#inbox.pushSeen(reader.integer());
    if (reader.hasFailed()) return false;
    this.#seenCount = Math.min(this.#inbox.seenLength - this.#seenAt, SEEN_COUNT_MAX);
    this.#number = number;
    this.#path = number === 0 ? this.#bare : this.#paths.rowOf(number);
    this.#elsewhere = HERE;
    if (number === 0) return true;
    if (this.#path !== 0 && this.#paths.connection(this.#path) === this.#paths.connection(this.#bare)) return true;
    const worker = this.#where.workerOfPath(number);
    this.#path = this.#bare;
    if (worker < 0 || worker === this.#where.worker) this.#elsewhere = NOWHERE;
    else {
      this.#elsewhere = worker;
      this.#sink.forward(worker, start, reader.at, false);
    }
    return true;
  }

  /** Refuses one message and goes on behind it. */
  #refuse(start: number, id: number, code: FaultCode, message: string): boolean {
    this.#skipTo(start);
    if (this.#reader.hasFailed()) return false;
    this.#sink.fault(this.#path, id, code, message);
    return true;
  }
  #refuseVoid(start: number, id: number): boolean {
    this.#skipTo(start);
    if (this.#reader.hasFailed()) return false;
    this.#sink.pathVoid(this.#number, id);
    return true;
  }
  /** Goes to the end of the message that began at `start`. */
  #skipTo(start: number): void {
    const reader = this.#reader;
    reader.begin(reader.bytes, this.#inbox.frames.view, start, reader.end);
    reader.skip();
  }

  #request(start: number, kind: number, id: number, fields: number): boolean {
    const reader = this.#reader;
    const inbox = this.#inbox;
    const row = inbox.add();
    reader.text();
    const nameAt = reader.textAt;
    const nameEnd = reader.textEnd;
    inbox.setNameAt(row, nameAt);
    inbox.setNameEnd(row, nameEnd);
    inbox.setOp(row, kind);
    inbox.setId(row, id);
    inbox.setToken(row, 0);
    inbox.setTtlMs(row, 0);
    inbox.setExtraAt(row, 0);
    inbox.setExtraEnd(row, 0);
    if (kind === KIND_ACQUIRE) this.#acquire(row, fields);
    else if (kind <= KIND_ASK_POSITION) this.#short(row, kind, fields);
    else this.#admin(row, kind, fields);
    if (reader.hasFailed()) {
      inbox.dropLast();
      return this.#refuse(
        start,
        id,
        "malformed",
        "a field of the request has the wrong type, is too long, or is not UTF-8",
      );
    }
    if (fields > fieldsKnown(kind)) {
      this.#skipTo(start); // A later version may add fields.
      if (reader.hasFailed()) {
        inbox.dropLast();
        return false;
      }
    }
    if (kind === KIND_LIST) return this.#list(start, row, id);
    const fault = nameFault(inbox.bytes, nameAt, nameEnd);
    if (fault !== undefined) {
      inbox.dropLast();
      this.#sink.fault(this.#path, id, fault.code, fault.message);
      return true;
    }
    const crc = crc32(inbox.bytes, nameAt, nameEnd, 0);
    inbox.setCrc(row, crc);
    return this.#place(start, row, this.#where.shardOf(crc));
  }

  #acquire(row: number, fields: number): void {
    const reader = this.#reader;
    const inbox = this.#inbox;
    inbox.setTtlMs(row, fields > 3 ? this.#orNil(this.#limits.ttlDefaultMs) : this.#limits.ttlDefaultMs);
    inbox.setWaitMs(row, fields > 4 ? this.#orNil(0) : 0);
    const mode = fields > 5 ? this.#orNil(0) : 0;
    inbox.setMode(row, mode >= 0 && mode <= MODE_PERMIT ? mode : 255);
    inbox.setPermits(row, fields > 6 ? this.#orNil(0) : 0);
    inbox.setLockDelayMs(row, fields > 7 ? this.#orNil(0) : 0);
    if (fields > 8 && !reader.nil()) this.#extra(row);
    inbox.setIsLoose(row, fields > 9 && this.#orNil(0) === 1 ? 1 : 0);
  }
  #orNil(otherwise: number): number {
    return this.#reader.nil() ? otherwise : this.#reader.integer();
  }
  #extra(row: number): void {
    this.#reader.text();
    this.#inbox.setExtraAt(row, this.#reader.textAt);
    this.#inbox.setExtraEnd(row, this.#reader.textEnd);
    if (!isUtf8(this.#inbox.bytes, this.#reader.textAt, this.#reader.textEnd)) this.#reader.markFailed();
  }

  /** Release, renew, check, cancel, position: a token or the id of a wait, and for renew a TTL. */
  #short(row: number, kind: number, fields: number): void {
    const inbox = this.#inbox;
    if (kind === KIND_CHECK) return;
    inbox.setToken(row, fields > 3 ? this.#orNil(0) : 0);
    if (kind === KIND_RENEW) inbox.setTtlMs(row, fields > 4 ? this.#orNil(0) : 0);
    inbox.setWaitMs(row, 0);
    inbox.setLockDelayMs(row, 0);
    inbox.setPermits(row, 0);
    inbox.setMode(row, 0);
  }

  /** Revoke and force-release: token and reason. List: limit and cursor. */
  #admin(row: number, kind: number, fields: number): void {
    const reader = this.#reader;
    const inbox = this.#inbox;
    if (kind === KIND_LIST) inbox.setPermits(row, fields > 3 ? this.#orNil(0) : 0);
    else inbox.setToken(row, fields > 3 ? this.#orNil(0) : 0);
    if (fields > 4 && !reader.nil()) this.#extra(row);
  }

  /** A list goes on where its cursor says: a shard, and a row of it. */
  #list(start: number, row: number, id: number): boolean {
    const inbox = this.#inbox;
    const cursor = readListCursor(inbox.bytes, inbox.extraAt(row), inbox.extraEnd(row));
    if (cursor === undefined || cursor.shard >= this.#where.workerOfShard.length) {
      inbox.dropLast();
      this.#sink.fault(this.#path, id, "cursor-invalid", "the cursor is none that a list has given; begin without one");
      return true;
    }
    inbox.setToken(row, cursor.row);
    inbox.setCrc(row, 0);
    const worker = this.#where.workerOfShard[cursor.shard] ?? outOfRange(cursor.shard);
    if (worker === this.#where.worker) {
      inbox.setPath(row, this.#path);
      inbox.route(row, cursor.shard);
      return true;
    }
    inbox.dropLast();
    this.#sink.forward(worker, start, this.#reader.at, false);
    return true;
  }

  /** Puts a request into its shard's list, or sends it to where its shard is. */
  #place(start: number, row: number, shard: ShardIndex): boolean {
    const inbox = this.#inbox;
    const path = this.#path;
    const id = inbox.id(row);
    const worker = this.#where.workerOfShard[shard] ?? outOfRange(shard);
    if (worker !== this.#where.worker) {
      inbox.dropLast();
      if (path === this.#bare) this.#sink.forward(worker, start, this.#reader.at, false);
      else this.#sink.moved(path, id);
      return true;
    }
    if (path !== this.#bare) {
      const last = this.#paths.lastId(path);
      if (id <= last) {
        inbox.dropLast();
        this.#sink.fault(
          path,
          id,
          "request-id-not-above",
          `on a path ids grow: this one is ${id}, the last was ${last}`,
        );
        return true;
      }
      this.#paths.setLastId(path, id);
    }
    inbox.setPath(row, path);
    inbox.setSentCount(row, this.#sentCount);
    inbox.setSeenAt(row, this.#seenAt);
    inbox.setSeenCount(row, this.#seenCount);
    inbox.route(row, shard);
    return true;
  }
}

/** How many fields of a request this version reads, its kind included. */
function fieldsKnown(kind: number): number {
  if (kind === KIND_ACQUIRE) return 10;
  if (kind === KIND_CHECK) return 3;
  return kind === KIND_RENEW || kind >= KIND_REVOKE ? 5 : 4;
}
