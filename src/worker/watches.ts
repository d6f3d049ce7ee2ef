/**
 * Who watches which resources, on one worker: events are turned into pushes in the turn in which they happen, and leave
 * when they are committed, as every answer does.
 */
import type { FaultCode } from "../words/faults.js";
import {
  EVENT_EXPIRED,
  EVENT_FORCED,
  EVENT_GRANTED,
  EVENT_GRANTED_WAITER,
  EVENT_RELEASED,
  EVENT_REVOKED,
} from "../words/event-kinds.js";
import {
  KIND_DONE,
  KIND_EVENT,
  KIND_RESYNC,
  KIND_WATCHING,
  WATCH_EXPIRED,
  WATCH_FORCED,
  WATCH_GRANTED,
  WATCH_RELEASED,
  WATCH_REVOKED,
} from "../words/kinds.js";
import type { Limits } from "../words/limits.js";
import { encodeFault, encodeGroup } from "../protocol/encode-replies.js";
import {
  EVENT_LONG_SIZE,
  EVENT_SHORT_SIZE,
  eventClient,
  eventFlags,
  eventKind,
  eventNameSize,
  eventSeenCount,
  eventSize,
  eventToken,
  type Events,
  ENTRY_HEADER_SIZE,
} from "../tables/events.js";
import type { Paths } from "../tables/paths.js";
import type { Shard } from "../shard/shard.js";
import type { Connection, Connections } from "./connections.js";

interface Watch {
  readonly connection: Connection;
  readonly id: number;
  /** A whole name, or what names begin with. */
  readonly pattern: string;
  readonly isPrefix: boolean;
}

/** Events that a watch tells, by kind. */
const TOLD = new Map<number, number>([
  [EVENT_GRANTED, WATCH_GRANTED],
  [EVENT_GRANTED_WAITER, WATCH_GRANTED],
  [EVENT_RELEASED, WATCH_RELEASED],
  [EVENT_EXPIRED, WATCH_EXPIRED],
  [EVENT_FORCED, WATCH_FORCED],
  [EVENT_REVOKED, WATCH_REVOKED],
]);

/** No resource is longer, so no longer pattern could ever match. */
const PATTERN_LENGTH_MAX = 1_020;

const decoder = new TextDecoder();

export class Watches {
  readonly #watches = new Set<Watch>();
  readonly #paths: Paths;
  readonly #connections: Connections;
  readonly #limits: Limits;
  /** The shards of this worker, for cursors; set once they are there. */
  shards: readonly Shard[] = [];

  constructor(parts: { paths: Paths; connections: Connections; limits: Limits }) {
    this.#paths = parts.paths;
    this.#connections = parts.connections;
    this.#limits = parts.limits;
  }

  /** WATCH [21, id, pattern, cursor?]: tells where it begins, or RESYNC if the cursor is not of now. */
  ask(
    connection: Connection,
    id: number,
    fields: readonly (number | string | undefined)[],
    whenCommitted: (act: () => void) => void,
  ): void {
    const [pattern, cursor] = fields;
    if (typeof pattern !== "string" || pattern === "")
      return this.#refuse(connection, id, "malformed", "WATCH is [21, id, pattern, cursor?]");
    if (pattern.length > PATTERN_LENGTH_MAX) {
      return this.#refuse(
        connection,
        id,
        "resource-too-long",
        `the pattern has ${pattern.length} characters; at most ${PATTERN_LENGTH_MAX}`,
      );
    }
    if (connection.watches >= this.#limits.watchesPerConnectionMax) {
      return this.#refuse(
        connection,
        id,
        "too-many-watches",
        `a connection has at most ${this.#limits.watchesPerConnectionMax} watches`,
      );
    }
    const since = typeof cursor === "string" ? readWatchCursor(cursor) : new Map<number, number>();
    if (since === undefined)
      return this.#refuse(
        connection,
        id,
        "cursor-invalid",
        "the cursor is none that a watch has given; begin without one",
      );
    const isPrefix = pattern.endsWith("*");
    this.#watches.add({ connection, id, pattern: isPrefix ? pattern.slice(0, -1) : pattern, isPrefix });
    connection.watches++;
    const isBehind = this.shards.some((shard) => (since.get(shard.index) ?? shard.state.head) !== shard.state.head);
    const now = this.shards.map((shard) => `${shard.index}.${shard.state.head}`).join(",");
    // The cursor names LSNs: it leaves when they are committed, as every answer does.
    whenCommitted(() => {
      if (!connection.isOpen) return;
      const writer = this.#connections.writerOf(connection);
      encodeGroup(writer, 0);
      writer.message(isBehind ? 4 : 3, isBehind ? KIND_RESYNC : KIND_WATCHING);
      writer.integer(id);
      writer.string(now);
      if (isBehind) writer.array(0); // What holds now is asked by LIST: it does not fit into one frame.
    });
  }

  /** UNWATCH [22, id, watchId] */
  end(connection: Connection, id: number, fields: readonly (number | string | undefined)[]): void {
    let count = 0;
    for (const watch of this.#watches) {
      if (watch.connection !== connection || watch.id !== fields[0]) continue;
      this.#watches.delete(watch);
      connection.watches--;
      count++;
    }
    const writer = this.#connections.writerOf(connection);
    encodeGroup(writer, 0);
    writer.message(3, KIND_DONE);
    writer.integer(id);
    writer.integer(count);
  }

  /** Ends every watch of a connection. */
  dropAll(connection: Connection): void {
    if (connection.watches === 0) return;
    for (const watch of this.#watches) if (watch.connection === connection) this.#watches.delete(watch);
    connection.watches = 0;
  }

  #refuse(connection: Connection, id: number, code: FaultCode, message: string): void {
    encodeFault(this.#connections.writerOf(connection), 0, id, code, message);
  }

  /** Adds a push for each watch that one of the entry's events concerns. The entry begins at `from`. */
  note(shard: Shard, events: Events, from: number, firstLsn: number): void {
    if (this.#watches.size === 0) return;
    const { view, length } = events.buffer;
    let lsn = firstLsn;
    for (let at = from + ENTRY_HEADER_SIZE; at < length; at += eventSize(view, at), lsn++) {
      const told = TOLD.get(eventKind(view, at));
      if (told !== undefined) this.#noteEvent(shard, events, at, { told, lsn });
    }
  }

  #noteEvent(shard: Shard, events: Events, at: number, what: { told: number; lsn: number }): void {
    const { view, bytes } = events.buffer;
    const fixed = eventKind(view, at) === EVENT_RELEASED ? EVENT_SHORT_SIZE : EVENT_LONG_SIZE;
    const nameAt = at + fixed + eventSeenCount(view, at) * 8;
    const nameEnd = nameAt + eventNameSize(view, at);
    const name = decoder.decode(bytes.subarray(nameAt, nameEnd));
    for (const watch of this.#watches) {
      if (watch.isPrefix ? !name.startsWith(watch.pattern) : name !== watch.pattern) continue;
      const { replies } = shard;
      const path = watch.connection.bare;
      const row = replies.add(KIND_EVENT, path, this.#paths.serial(path), watch.id);
      replies.setA(row, what.told);
      replies.setB(row, what.lsn);
      replies.setC(row, eventToken(view, at) === 0 || what.told === WATCH_GRANTED ? what.lsn : eventToken(view, at));
      replies.setD(row, eventFlags(view, at) & 3);
      const client = eventClient(view, at);
      const { clients } = shard.state;
      const isSession = clients.state(client) === 1 || clients.state(client) === 3;
      replies.setE(row, isSession ? clients.publicId(client, 0) : -1);
      replies.setF(row, clients.publicId(client, 1));
      replies.addText(row, bytes, nameAt, nameEnd);
      replies.stamp(row, shard.state.head);
    }
  }
}

/** Reads `shard.lsn,shard.lsn,…`; undefined if it is not so. Later pieces of a shard win: clients may append. */
export function readWatchCursor(cursor: string): Map<number, number> | undefined {
  const since = new Map<number, number>();
  if (cursor === "") return since;
  for (const piece of cursor.split(",")) {
    const match = /^(\d{1,4})\.(\d{1,16})$/.exec(piece);
    if (match === null) return undefined;
    since.set(Number(match[1]), Number(match[2]));
  }
  return since;
}
