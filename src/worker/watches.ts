/**
 * The watches of this worker's clients: the front. A watch of a whole name has one source, the worker of its shard; one of
 * a beginning has every worker of the node. It begins when all have begun, and then each tells it for itself, in order.
 */
import { CLOSE_SLOW_READER, KIND_DONE, KIND_RESYNC, KIND_WATCHING } from "../words/kinds.js";
import type { FaultCode } from "../words/faults.js";
import type { Limits } from "../words/limits.js";
import { encodeFault, encodeGroup } from "../protocol/encode-replies.js";
import type { Connection, Connections } from "./connections.js";
import { readWatchCursor } from "./watch-cursor.js";
import type { Attempt, Told, WatchFront, WatchLines } from "./watch-line.js";

/** What the front works with. */
export interface WatchesParts {
  readonly connections: Connections;
  readonly limits: Limits;
  readonly lines: WatchLines;
  readonly workers: number;
  /** The worker of a whole name. */
  readonly workerOf: (resource: string) => number;
  /** Asks for a turn soon: frames leave with it. */
  readonly schedule: () => void;
  /** Calls back at the end of the next turn, its frames handed to the sockets. */
  readonly afterTurn: (act: () => void) => void;
  /** Calls back after so many milliseconds. */
  readonly later: (act: () => void, afterMs: number) => void;
}

interface Watch {
  readonly connection: Connection;
  readonly id: number;
  /** A whole name, or what names begin with. */
  readonly pattern: string;
  readonly isPrefix: boolean;
  readonly number: number;
  readonly sources: readonly number[];
  attempt: number;
  /** Where each source has begun. */
  readonly begun: Map<number, string>;
  /** What sources told before all had begun. */
  early: (Told & { readonly source: number })[];
  earlyBytes: number;
  /** What lies between the client's cursor and this attempt is gone. */
  isResync: boolean;
}

/** No resource is longer, so no longer pattern could ever match. */
const PATTERN_LENGTH_MAX = 1_020;
/** A client is told more of the past when no more than this part of what may be unsent waits for it. */
const UNSENT_SHARE = 1 / 8;
const LOOK_AGAIN_MS = 20;

export class Watches implements WatchFront {
  readonly #parts: WatchesParts;
  readonly #byNumber = new Map<number, Watch>();
  readonly #byConnection = new Map<Connection, Map<number, Watch>>();
  #lastNumber = 0;

  constructor(parts: WatchesParts) {
    this.#parts = parts;
  }

  /** WATCH [21, id, pattern, cursor?]: tells where it begins, or RESYNC if what comes behind the cursor is gone. */
  ask(connection: Connection, id: number, fields: readonly (number | string | undefined)[]): void {
    const [pattern, cursor] = fields;
    if (typeof pattern !== "string" || pattern === "")
      return this.#refuse(connection, id, "malformed", "WATCH is [21, id, pattern, cursor?]");
    const wrong = this.#wrong(connection, id, pattern, cursor);
    if (wrong !== undefined) return this.#refuse(connection, id, wrong.code, wrong.message);
    const isPrefix = pattern.endsWith("*");
    const { workers, workerOf } = this.#parts;
    this.#lastNumber = (this.#lastNumber + 1) % 2 ** 32;
    const watch: Watch = {
      connection,
      id,
      pattern: isPrefix ? pattern.slice(0, -1) : pattern,
      isPrefix,
      number: this.#lastNumber,
      sources: isPrefix ? Array.from({ length: workers }, (_, worker) => worker) : [workerOf(pattern)],
      attempt: 0,
      begun: new Map(),
      early: [],
      earlyBytes: 0,
      isResync: false,
    };
    const all = this.#byConnection.get(connection) ?? new Map<number, Watch>();
    this.#byConnection.set(connection, all.set(id, watch));
    this.#byNumber.set(watch.number, watch);
    connection.watches++;
    this.#begin(watch, typeof cursor === "string" ? cursor : undefined);
  }

  #wrong(
    connection: Connection,
    id: number,
    pattern: string,
    cursor: number | string | undefined,
  ): { code: FaultCode; message: string } | undefined {
    const { watchesPerConnectionMax } = this.#parts.limits;
    if (pattern.length > PATTERN_LENGTH_MAX) {
      const message = `the pattern has ${pattern.length} characters; at most ${PATTERN_LENGTH_MAX}`;
      return { code: "resource-too-long", message };
    }
    if (connection.watches >= watchesPerConnectionMax) {
      return { code: "too-many-watches", message: `a connection has at most ${watchesPerConnectionMax} watches` };
    }
    if (this.#byConnection.get(connection)?.has(id) === true) {
      return { code: "request-id-reused", message: `the connection has a watch with the id ${id} already` };
    }
    if (typeof cursor !== "string" || readWatchCursor(cursor) !== undefined) return undefined;
    return { code: "cursor-invalid", message: "the cursor is none that a watch has given; begin without one" };
  }

  #begin(watch: Watch, since: string | undefined): void {
    const { id, pattern, isPrefix, number, sources } = watch;
    watch.attempt = (watch.attempt + 1) % 2 ** 32;
    watch.begun.clear();
    watch.early = [];
    watch.earlyBytes = 0;
    const attempt = { watch: number, attempt: watch.attempt };
    for (const source of sources) {
      if (watch.attempt !== attempt.attempt) return; // One of them has nothing behind the cursor: it has begun anew.
      this.#parts.lines.begin(source, attempt, { id, pattern, isPrefix, since });
    }
    this.#parts.schedule();
  }

  /** UNWATCH [22, id, watchId] */
  end(connection: Connection, id: number, fields: readonly (number | string | undefined)[]): void {
    const [watchId] = fields;
    const watch = typeof watchId === "number" ? this.#byConnection.get(connection)?.get(watchId) : undefined;
    if (watch !== undefined) this.#drop(watch);
    const writer = this.#parts.connections.writerOf(connection);
    encodeGroup(writer, 0);
    writer.message(3, KIND_DONE);
    writer.integer(id);
    writer.integer(watch === undefined ? 0 : 1);
  }

  /** Ends every watch of a connection. */
  dropAll(connection: Connection): void {
    for (const watch of [...(this.#byConnection.get(connection)?.values() ?? [])]) this.#drop(watch);
  }

  #drop(watch: Watch): void {
    const { connection, id, number, sources } = watch;
    const all = this.#byConnection.get(connection);
    all?.delete(id);
    if (all?.size === 0) this.#byConnection.delete(connection);
    this.#byNumber.delete(number);
    connection.watches--;
    for (const source of sources) this.#parts.lines.end(source, number);
    this.#parts.schedule();
  }

  #refuse(connection: Connection, id: number, code: FaultCode, message: string): void {
    encodeFault(this.#parts.connections.writerOf(connection), 0, id, code, message);
  }

  #of({ watch: number, attempt }: Attempt): Watch | undefined {
    const watch = this.#byNumber.get(number);
    return watch?.attempt === attempt && watch.connection.isOpen ? watch : undefined;
  }

  begun(source: number, attempt: Attempt, cursor: string): void {
    const watch = this.#of(attempt);
    if (watch === undefined) return;
    watch.begun.set(source, cursor);
    if (watch.begun.size < watch.sources.length) return;
    const { connection, id, begun, isResync, early } = watch;
    const writer = this.#parts.connections.writerOf(connection);
    encodeGroup(writer, 0);
    writer.message(isResync ? 4 : 3, isResync ? KIND_RESYNC : KIND_WATCHING);
    writer.integer(id);
    writer.string([...begun.values()].filter((piece) => piece !== "").join(","));
    if (isResync) writer.array(0); // What holds now is asked by LIST: it does not fit into one frame.
    watch.isResync = false;
    watch.early = [];
    for (const told of early) this.#deliver(watch, told.source, told);
    this.#parts.schedule();
  }

  told(source: number, attempt: Attempt, told: Told): void {
    const watch = this.#of(attempt);
    if (watch === undefined) return;
    if (watch.begun.size === watch.sources.length) return this.#deliver(watch, source, told);
    watch.early.push({ ...told, source });
    watch.earlyBytes += told.bytes.length;
    const { unsentBytesMax } = this.#parts.limits;
    if (watch.earlyBytes <= unsentBytesMax) return;
    const reason = `slow-reader: more than ${unsentBytesMax} bytes came before the watch had begun everywhere`;
    watch.connection.receiver.close(CLOSE_SLOW_READER, reason);
  }

  #deliver(watch: Watch, source: number, { count, bytes, isPart }: Told): void {
    const { connections, schedule, afterTurn } = this.#parts;
    const writer = connections.writerOf(watch.connection);
    encodeGroup(writer, 0);
    writer.messages(count, bytes, 0, bytes.length);
    schedule();
    if (!isPart) return;
    const attempt = { watch: watch.number, attempt: watch.attempt };
    afterTurn(() => {
      this.#askNext(source, attempt);
    });
  }

  /** Asks for the next part of the past once the client has read most of what it was sent. */
  #askNext(source: number, attempt: Attempt): void {
    const watch = this.#of(attempt);
    if (watch === undefined) return;
    const { limits, lines, schedule, later } = this.#parts;
    if ((watch.connection.receiver.unsentBytes?.() ?? 0) <= limits.unsentBytesMax * UNSENT_SHARE) {
      lines.next(source, attempt);
      return schedule();
    }
    later(() => {
      this.#askNext(source, attempt);
    }, LOOK_AGAIN_MS);
  }

  gone(attempt: Attempt): void {
    const watch = this.#of(attempt);
    if (watch === undefined) return;
    watch.isResync = true;
    this.#begin(watch, undefined);
  }
}
