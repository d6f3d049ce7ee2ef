/**
 * The watches of this worker's clients: the front. A watch of a whole name has one shard, one of a beginning has all. It has
 * a leg to each worker that decides for some of them, begins when all legs have begun, and then each tells it for itself,
 * in order. Where a shard goes, or a worker is lost, legs begin anew behind what they have told: the client hears nothing of
 * it.
 */
import { CLOSE_SLOW_READER, KIND_DONE, KIND_RESYNC, KIND_WATCHING } from "../words/kinds.js";
import { outOfRange } from "../words/assert.js";
import type { FaultCode } from "../words/faults.js";
import type { Limits } from "../words/limits.js";
import { encodeFault, encodeGroup } from "../protocol/encode-replies.js";
import type { Connection, Connections } from "./connections.js";
import { readWatchCursor, watchCursor } from "./watch-cursor.js";
import type { Attempt, Told, WatchFront, WatchLines } from "./watch-line.js";

/** What the front works with. */
export interface WatchesParts {
  readonly connections: Connections;
  readonly limits: Limits;
  readonly lines: WatchLines;
  /** By shard: the worker that is taken to decide for it. */
  readonly workerOfShard: Uint16Array;
  /** The shard of a whole name. */
  readonly shardOf: (resource: string) => number;
  /** Whether a worker can be told something now. */
  readonly isReachable: (worker: number) => boolean;
  /** Asks for a turn soon: frames leave with it. */
  readonly schedule: () => void;
  /** Calls back at the end of the next turn, its frames handed to the sockets. */
  readonly afterTurn: (act: () => void) => void;
  /** Calls back after so many milliseconds. */
  readonly later: (act: () => void, afterMs: number) => void;
}

/** What one source tells of a watch. */
interface Leg {
  readonly attempt: number;
  readonly shards: readonly number[];
  isBegun: boolean;
  /** It has ended at the source, or was never heard of there. */
  isBroken: boolean;
}

interface Watch {
  readonly connection: Connection;
  readonly id: number;
  /** A whole name, or what names begin with. */
  readonly pattern: string;
  readonly isPrefix: boolean;
  readonly number: number;
  /** Its one shard; undefined: all. */
  readonly shard: number | undefined;
  /** By source. */
  readonly legs: Map<number, Leg>;
  lastAttempt: number;
  /** How far it has come, by shard. */
  readonly reached: Map<number, number>;
  /** Whether a shard of which nothing is known begins now; otherwise what lies between is gone. */
  isNew: boolean;
  /** The client knows that it has begun. */
  hasBegun: boolean;
  /** What sources told before all had begun. */
  early: (Told & { readonly source: number; readonly attempt: number })[];
  earlyBytes: number;
  /** What lies between the client's cursor and now is gone. */
  isResync: boolean;
  isLookingAgain: boolean;
}

/** No resource is longer, so no longer pattern could ever match. */
const PATTERN_LENGTH_MAX = 1_020;
/** A client is told more of the past when no more than this part of what may be unsent waits for it. */
const UNSENT_SHARE = 1 / 8;
const LOOK_AGAIN_MS = 20;
/** A source that does not decide for a shard yet, or no more, is asked again after this time. */
const ASK_AGAIN_MS = 50;

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
    this.#lastNumber = (this.#lastNumber + 1) % 2 ** 32;
    const watch: Watch = {
      connection,
      id,
      pattern: isPrefix ? pattern.slice(0, -1) : pattern,
      isPrefix,
      number: this.#lastNumber,
      shard: isPrefix ? undefined : this.#parts.shardOf(pattern),
      legs: new Map(),
      lastAttempt: 0,
      reached: new Map(typeof cursor === "string" ? readWatchCursor(cursor) : undefined),
      isNew: typeof cursor !== "string",
      hasBegun: false,
      early: [],
      earlyBytes: 0,
      isResync: false,
      isLookingAgain: false,
    };
    const all = this.#byConnection.get(connection) ?? new Map<number, Watch>();
    this.#byConnection.set(connection, all.set(id, watch));
    this.#byNumber.set(watch.number, watch);
    connection.watches++;
    this.#settle(watch, this.#bySource());
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

  /** Shards by the worker that decides for them. */
  #bySource(): ReadonlyMap<number, readonly number[]> {
    const sources = new Map<number, number[]>();
    for (const [shard, worker] of this.#parts.workerOfShard.entries()) {
      const shards = sources.get(worker);
      if (shards === undefined) sources.set(worker, [shard]);
      else shards.push(shard);
    }
    return sources;
  }

  /** Each shard has its leg where it is decided for, as far as is known. */
  #settle(watch: Watch, bySource: ReadonlyMap<number, readonly number[]>): void {
    const { workerOfShard, isReachable, lines } = this.#parts;
    const { shard, legs, number } = watch;
    const wanted = shard === undefined ? bySource : new Map([[workerOfShard[shard] ?? outOfRange(shard), [shard]]]);
    for (const [source, leg] of [...legs]) {
      const shards = wanted.get(source);
      if (!leg.isBroken && shards !== undefined && isSame(shards, leg.shards)) continue;
      legs.delete(source);
      if (!leg.isBroken) lines.end(source, number);
    }
    for (const [source, shards] of wanted) {
      if (this.#byNumber.get(number) !== watch) return;
      if (!legs.has(source) && isReachable(source)) this.#begin(watch, source, shards);
    }
    this.#parts.schedule();
  }

  #begin(watch: Watch, source: number, shards: readonly number[]): void {
    const { number, id, pattern, isPrefix, reached, legs, isNew } = watch;
    watch.lastAttempt = (watch.lastAttempt + 1) % 2 ** 32;
    const attempt = watch.lastAttempt;
    legs.set(source, { attempt, shards, isBegun: false, isBroken: false });
    const known = shards.flatMap((shard) => {
      const lsn = reached.get(shard);
      return lsn === undefined ? [] : [[shard, lsn] as const];
    });
    const asked = { id, pattern, isPrefix, shards, since: watchCursor(known), isNew };
    this.#parts.lines.begin(source, { watch: number, attempt }, asked);
  }

  #settleAll(): void {
    if (this.#byNumber.size === 0) return;
    const bySource = this.#bySource();
    for (const watch of [...this.#byNumber.values()]) this.#settle(watch, bySource);
  }

  /** Shards are elsewhere. */
  mapChanged(): void {
    this.#settleAll();
  }

  /** A worker can be told something from now on, and knows of nothing. */
  met(source: number): void {
    this.lost(source);
    this.#settleAll();
  }

  /** What was said to a worker and is not answered may never have come there. */
  lost(source: number): void {
    for (const { legs } of this.#byNumber.values()) {
      const leg = legs.get(source);
      if (leg !== undefined) leg.isBroken = true;
    }
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
    const { connection, id, number, legs } = watch;
    const all = this.#byConnection.get(connection);
    all?.delete(id);
    if (all?.size === 0) this.#byConnection.delete(connection);
    this.#byNumber.delete(number);
    connection.watches--;
    for (const source of legs.keys()) this.#parts.lines.end(source, number);
    this.#parts.schedule();
  }

  #refuse(connection: Connection, id: number, code: FaultCode, message: string): void {
    encodeFault(this.#parts.connections.writerOf(connection), 0, id, code, message);
  }

  #of(source: number, { watch: number, attempt }: Attempt): Watch | undefined {
    const watch = this.#byNumber.get(number);
    return watch?.legs.get(source)?.attempt === attempt && watch.connection.isOpen ? watch : undefined;
  }

  begun(source: number, attempt: Attempt, cursor: string): void {
    const watch = this.#of(source, attempt);
    const leg = watch?.legs.get(source);
    if (watch === undefined || leg === undefined) return;
    leg.isBegun = true;
    moveOn(watch.reached, cursor);
    if (watch.hasBegun || !this.#isWhole(watch)) return;
    const { connection, id, reached, isResync, early } = watch;
    const writer = this.#parts.connections.writerOf(connection);
    encodeGroup(writer, 0);
    writer.message(isResync ? 4 : 3, isResync ? KIND_RESYNC : KIND_WATCHING);
    writer.integer(id);
    writer.string(watchCursor([...reached].sort(([one], [other]) => one - other)));
    if (isResync) writer.array(0); // What holds now is asked by LIST: it does not fit into one frame.
    watch.hasBegun = true;
    watch.isResync = false;
    watch.early = [];
    watch.earlyBytes = 0;
    for (const told of early) this.#deliver(watch, told.source, told.attempt, told);
    this.#parts.schedule();
  }

  /** Whether each of its shards has begun. */
  #isWhole({ legs, shard }: Watch): boolean {
    let count = 0;
    for (const { isBegun, shards } of legs.values()) if (isBegun) count += shards.length;
    return count === (shard === undefined ? this.#parts.workerOfShard.length : 1);
  }

  told(source: number, attempt: Attempt, told: Told): void {
    const watch = this.#of(source, attempt);
    if (watch === undefined) return;
    moveOn(watch.reached, told.cursor);
    if (watch.hasBegun) return this.#deliver(watch, source, attempt.attempt, told);
    const bytes = new Uint8Array(told.bytes); // What they lie in is written anew as soon as this returns.
    watch.early.push({ ...told, bytes, source, attempt: attempt.attempt });
    watch.earlyBytes += told.bytes.length;
    const { unsentBytesMax } = this.#parts.limits;
    if (watch.earlyBytes <= unsentBytesMax) return;
    const reason = `slow-reader: more than ${unsentBytesMax} bytes came before the watch had begun everywhere`;
    watch.connection.receiver.close(CLOSE_SLOW_READER, reason);
  }

  #deliver(watch: Watch, source: number, attempt: number, { count, bytes, isPart }: Told): void {
    const { connections, schedule, afterTurn } = this.#parts;
    const writer = connections.writerOf(watch.connection);
    encodeGroup(writer, 0);
    writer.messages(count, bytes, 0, bytes.length);
    schedule();
    if (!isPart) return;
    afterTurn(() => {
      this.#askNext(source, { watch: watch.number, attempt });
    });
  }

  /** Asks for the next part of the past once the client has read most of what it was sent. */
  #askNext(source: number, attempt: Attempt): void {
    const watch = this.#of(source, attempt);
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

  gone(source: number, attempt: Attempt): void {
    const watch = this.#of(source, attempt);
    if (watch === undefined) return;
    for (const worker of watch.legs.keys()) this.#parts.lines.end(worker, watch.number);
    watch.legs.clear();
    watch.reached.clear();
    watch.early = [];
    watch.earlyBytes = 0;
    watch.isNew = true;
    watch.hasBegun = false;
    watch.isResync = true;
    this.#lookAgain(watch, 0); // Not at once: it may be in the midst of its beginning.
  }

  left(source: number, attempt: Attempt): void {
    const watch = this.#of(source, attempt);
    const leg = watch?.legs.get(source);
    if (watch === undefined || leg === undefined) return;
    leg.isBroken = true;
    this.#lookAgain(watch, ASK_AGAIN_MS);
  }

  #lookAgain(watch: Watch, afterMs: number): void {
    if (watch.isLookingAgain) return;
    watch.isLookingAgain = true;
    this.#parts.later(() => {
      watch.isLookingAgain = false;
      if (this.#byNumber.get(watch.number) === watch) this.#settle(watch, this.#bySource());
    }, afterMs);
  }
}

/** Moves a watch on to what a cursor says. */
function moveOn(reached: Map<number, number>, cursor: string): void {
  for (const [shard, lsn] of readWatchCursor(cursor) ?? []) {
    if (lsn > (reached.get(shard) ?? -1)) reached.set(shard, lsn);
  }
}

function isSame(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((shard, at) => shard === other[at]);
}
