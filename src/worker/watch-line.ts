/**
 * What the two ends of a watch say to each other: the worker whose client watches (watches.ts, the front), and each
 * worker that has shards of it (watch-source.ts, a source). Within one worker these are calls; between two, records of
 * the line that carries requests (peers.ts). A watch is named by its front and a number; an attempt is one beginning of
 * it at one source, for some of its shards, and what is said of an older attempt is passed over.
 */
import { Packr } from "msgpackr";
import {
  type Peer,
  PEER_EVENTS,
  PEER_EVENTS_PART,
  PEER_UNWATCH,
  PEER_WATCH,
  PEER_WATCH_GONE,
  PEER_WATCH_LEFT,
  PEER_WATCH_NEXT,
  PEER_WATCHING,
  type PeerRecord,
} from "./peers.js";

/** Which beginning of which watch of a front. Both are 32-bit numbers. */
export interface Attempt {
  readonly watch: number;
  readonly attempt: number;
}

/** What is watched. */
export interface Asked {
  /** By what the client names the watch. */
  readonly id: number;
  /** A whole name, or what names begin with. */
  readonly pattern: string;
  readonly isPrefix: boolean;
  /** The shards that the front takes to be decided for at this source. */
  readonly shards: readonly number[];
  /** A cursor. */
  readonly since: string;
  /** A shard that the cursor leaves out is watched from now on; otherwise what lies between is gone. */
  readonly isNew: boolean;
}

/** Messages of the protocol, each a push of this watch. */
export interface Told {
  readonly count: number;
  readonly bytes: Uint8Array;
  /** A part of what lies between: the next one is made when the front asks for it. */
  readonly isPart: boolean;
  /** How far the watch has come with these. */
  readonly cursor: string;
}

/** What a front asks of a source. `front` is the worker that it is. */
export interface WatchSource {
  begin(front: number, attempt: Attempt, asked: Asked): void;
  next(front: number, attempt: Attempt): void;
  end(front: number, watch: number): void;
}

/** What a source tells a front. `source` is the worker that it is. */
export interface WatchFront {
  /** The watch has begun, with what comes behind this cursor of the source's shards. */
  begun(source: number, attempt: Attempt, cursor: string): void;
  told(source: number, attempt: Attempt, told: Told): void;
  /** What the cursor asks for is not in the log: the watch is not begun, or goes on no more. */
  gone(source: number, attempt: Attempt): void;
  /** One of the shards is not decided for at this source, or no more: the watch has ended there. */
  left(source: number, attempt: Attempt): void;
}

const NOTHING = new Uint8Array(0);
const packr = new Packr({ useRecords: false, variableMapSize: true, int64AsType: "number" });

/** The lines of one worker's watches to every worker, itself included. */
export class WatchLines {
  readonly #here: number;
  readonly #peers: readonly (Peer | undefined)[];
  front: WatchFront | undefined;
  source: WatchSource | undefined;

  constructor(here: number, peers: readonly (Peer | undefined)[]) {
    this.#here = here;
    this.#peers = peers;
  }

  begin(worker: number, attempt: Attempt, asked: Asked): void {
    if (worker === this.#here) return this.source?.begin(worker, attempt, asked);
    const { id, pattern, isPrefix, shards, since, isNew } = asked;
    const bytes = packr.pack([id, pattern, isPrefix, since, isNew, shards]);
    this.#send(worker, PEER_WATCH, attempt, { count: 0, bytes });
  }
  next(worker: number, attempt: Attempt): void {
    if (worker === this.#here) this.source?.next(worker, attempt);
    else this.#send(worker, PEER_WATCH_NEXT, attempt);
  }
  end(worker: number, watch: number): void {
    if (worker === this.#here) this.source?.end(worker, watch);
    else this.#send(worker, PEER_UNWATCH, { watch, attempt: 0 });
  }

  begun(front: number, attempt: Attempt, cursor: string): void {
    if (front === this.#here) this.front?.begun(front, attempt, cursor);
    else this.#send(front, PEER_WATCHING, attempt, { count: 0, bytes: Buffer.from(cursor) });
  }
  told(front: number, attempt: Attempt, told: Told): void {
    if (front === this.#here) this.front?.told(front, attempt, told);
    else this.#send(front, told.isPart ? PEER_EVENTS_PART : PEER_EVENTS, attempt, withCursor(told));
  }
  gone(front: number, attempt: Attempt): void {
    if (front === this.#here) this.front?.gone(front, attempt);
    else this.#send(front, PEER_WATCH_GONE, attempt);
  }
  left(front: number, attempt: Attempt): void {
    if (front === this.#here) this.front?.left(front, attempt);
    else this.#send(front, PEER_WATCH_LEFT, attempt);
  }

  #send(
    worker: number,
    kind: number,
    { watch, attempt }: Attempt,
    { count, bytes }: { count: number; bytes: Uint8Array } = { count: 0, bytes: NOTHING },
  ): void {
    this.#peers[worker]?.add({ kind, connection: watch, generation: attempt, count, bytes }, false);
  }

  /** Takes a record of another worker, if it is about a watch. */
  receive(from: number, { kind, connection: watch, generation, count, bytes }: PeerRecord): void {
    const attempt = { watch, attempt: generation };
    switch (kind) {
      case PEER_WATCH:
        return this.source?.begin(from, attempt, readAsked(bytes));
      case PEER_WATCH_NEXT:
        return this.source?.next(from, attempt);
      case PEER_UNWATCH:
        return this.source?.end(from, watch);
      case PEER_WATCHING:
        return this.front?.begun(from, attempt, Buffer.from(bytes).toString());
      case PEER_EVENTS:
      case PEER_EVENTS_PART:
        return this.front?.told(from, attempt, { count, ...readTold(bytes), isPart: kind === PEER_EVENTS_PART });
      case PEER_WATCH_GONE:
        return this.front?.gone(from, attempt);
      case PEER_WATCH_LEFT:
        return this.front?.left(from, attempt);
    }
  }
}

const CURSOR_SIZE = 4;

/** The cursor's size, the cursor, and the messages. */
function withCursor({ count, bytes, cursor }: Told): { count: number; bytes: Uint8Array } {
  const head = Buffer.alloc(CURSOR_SIZE);
  head.writeUInt32LE(cursor.length);
  return { count, bytes: Buffer.concat([head, Buffer.from(cursor), bytes]) };
}
function readTold(bytes: Uint8Array): Pick<Told, "cursor" | "bytes"> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const end = CURSOR_SIZE + buffer.readUInt32LE();
  return { cursor: buffer.toString("latin1", CURSOR_SIZE, end), bytes: bytes.subarray(end) };
}

/** Both ends are of one cluster, and know each other by its key: what is read is what was packed. */
function readAsked(bytes: Uint8Array): Asked {
  const fields: unknown = packr.unpack(bytes);
  const [id, pattern, isPrefix, since, isNew, shards] = Array.isArray(fields)
    ? fields.map((field: unknown) => field)
    : [];
  return {
    id: Number(id),
    pattern: String(pattern),
    isPrefix: isPrefix === true,
    shards: Array.isArray(shards) ? shards.map((shard: unknown) => Number(shard)) : [],
    since: String(since),
    isNew: isNew === true,
  };
}
