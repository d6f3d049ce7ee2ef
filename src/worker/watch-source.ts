/**
 * The source of watches: finds what concerns them in the events of this worker's shards, in the turn in which they happen,
 * and tells it when it is committed, as every answer is. For whom, is the business of the front (watches.ts).
 */
import type { Events } from "../tables/events.js";
import { FrameWriter } from "../protocol/writer.js";
import { ENTRY_HEADER_SIZE, eventKind, eventRow, eventSize } from "../tables/events.js";
import { EVENT_BEGAN } from "../words/event-kinds.js";
import type { LogPosition, LogRead } from "../log/log-store.js";
import type { Shard } from "../shard/shard.js";
import { isOfLog, readWatchCursor, watchCursor } from "./watch-cursor.js";
import { type Entry, forEachTold, type ToldEvent, Whoever, writeEvent } from "./watch-events.js";
import type { Asked, Attempt, Told, WatchLines, WatchSource } from "./watch-line.js";
import { type LogOfStore, WatchReplay } from "./watch-replay.js";

/** What a source is made of. */
export interface SourceParts {
  readonly lines: WatchLines;
  readonly logs: readonly LogOfStore[];
  /** What a client is told of the past at a time. */
  readonly partBytes: number;
  /** The shard of a whole name. */
  readonly shardOf: (resource: string) => number;
  /** Calls back at the end of the turn, and when all that is logged by now is committed (turn.ts). */
  readonly afterTurn: (act: () => void) => void;
  readonly whenCommitted: (act: () => void) => void;
  /** Asks for a turn soon: what was told outside of one leaves with it. */
  readonly schedule: () => void;
}

interface Watched {
  readonly front: number;
  readonly attempt: Attempt;
  readonly asked: Asked;
  /** Reads what lies between; undefined once the watch is told what happens now. */
  replay: WatchReplay | undefined;
  /** What happens meanwhile, once the replay is near; undefined: what happens goes out, or is found by the replay. */
  held: Told[] | undefined;
  heldBytes: number;
  /** Whether what happens now is noted. */
  isLive: boolean;
  /** How often that began: what was noted before the last time is told by the replay. */
  round: number;
  /** What this turn tells it. */
  writer: FrameWriter | undefined;
}

/** What happens while a replay ends is held up to here; beyond, the log is read for it. */
const HELD_BYTES_MAX = 2 ** 20;
/** So many reads of the log at a time; the others wait. */
const READS_MAX = 2;
const WRITER_SIZE = 256;
const WRITER_SIZE_MAX = 2 ** 28;
const FRAME_HEADER = 5;

export class WatchesHere implements WatchSource {
  readonly #parts: SourceParts;
  readonly #shards: readonly Shard[];
  readonly #watches = new Map<string, Watched>();
  /** Those that are told what happens now: of whole names, and of beginnings. */
  readonly #exact = new Map<string, Set<Watched>>();
  readonly #prefixes = new Set<Watched>();
  readonly #whoever = new Whoever();
  readonly #logOf = new Map<Shard, LogOfStore>();
  readonly #reads: (() => void)[] = [];
  #reading = 0;
  #spoken: Watched[] = [];
  #isPlaceDue = false;

  constructor(parts: SourceParts) {
    this.#parts = parts;
    this.#shards = parts.logs.flatMap(({ shards }) => shards);
    for (const log of parts.logs) for (const shard of log.shards) this.#logOf.set(shard, log);
  }

  begin(front: number, attempt: Attempt, asked: Asked): void {
    this.end(front, attempt.watch);
    const { lines, whenCommitted, schedule } = this.#parts;
    const reached = this.#reachedBy(asked);
    schedule();
    if (reached === undefined) return lines.gone(front, attempt);
    const isBehind = this.#shards.some(({ index, state }) => (reached.get(index) ?? state.head) < state.head);
    const watched: Watched = {
      front,
      attempt,
      asked,
      replay: undefined,
      held: undefined,
      heldBytes: 0,
      isLive: false,
      round: 0,
      writer: undefined,
    };
    this.#watches.set(`${front}.${attempt.watch}`, watched);
    const cursor = watchCursor(reached);
    if (!isBehind) this.#live(watched);
    // The cursor names LSNs: it leaves when they are committed, as every answer does.
    whenCommitted(() => {
      if (!this.#isHere(watched)) return;
      lines.begun(front, attempt, cursor);
      if (isBehind) this.#replay(watched, reached);
    });
  }

  next(front: number, { watch, attempt }: Attempt): void {
    const watched = this.#watches.get(`${front}.${watch}`);
    if (watched?.attempt.attempt === attempt) watched.replay?.goOn();
  }

  end(front: number, watch: number): void {
    const key = `${front}.${watch}`;
    const watched = this.#watches.get(key);
    if (watched === undefined) return;
    this.#watches.delete(key);
    this.#still(watched);
    watched.replay?.end();
  }

  /** Where each of its shards is to begin; undefined where the log can't have what comes behind the cursor. */
  #reachedBy({ since, isPrefix, pattern }: Asked): Map<number, number> | undefined {
    const { shardOf } = this.#parts;
    const wanted = isPrefix ? this.#shards : this.#shards.filter(({ index }) => index === shardOf(pattern));
    const cursor = since === undefined ? undefined : (readWatchCursor(since) ?? new Map<number, number>());
    const reached = new Map<number, number>();
    for (const { index, state } of wanted) {
      const from = cursor === undefined ? state.head : cursor.get(index);
      if (from === undefined || !isOfLog(from, state.head)) return undefined;
      reached.set(index, from);
    }
    return reached;
  }

  #isHere(watched: Watched): boolean {
    return this.#watches.get(`${watched.front}.${watched.attempt.watch}`) === watched;
  }

  #live(watched: Watched): void {
    const { pattern, isPrefix } = watched.asked;
    watched.isLive = true;
    watched.round++;
    if (isPrefix) this.#prefixes.add(watched);
    else this.#exact.set(pattern, (this.#exact.get(pattern) ?? new Set<Watched>()).add(watched));
  }

  #still(watched: Watched): void {
    const { pattern } = watched.asked;
    watched.isLive = false;
    this.#prefixes.delete(watched);
    const same = this.#exact.get(pattern);
    same?.delete(watched);
    if (same?.size === 0) this.#exact.delete(pattern);
    if (this.#prefixes.size === 0 && this.#exact.size === 0) this.#whoever.forgetBegan();
  }

  #replay(watched: Watched, reached: Map<number, number>): void {
    const { lines, logs, whenCommitted } = this.#parts;
    const { front, attempt, asked } = watched;
    const { id, pattern, isPrefix } = asked;
    watched.replay = new WatchReplay({
      watchId: id,
      partBytes: this.#parts.partBytes,
      logs: logs.filter(({ shards }) => shards.some(({ index }) => reached.has(index))),
      reached,
      read: (log, from, take) => {
        this.#read(log, from, take);
      },
      matches: (resource) => (isPrefix ? resource.startsWith(pattern) : resource === pattern),
      tell: (told) => {
        lines.told(front, attempt, told);
        this.#parts.schedule();
      },
      hold: () => {
        watched.held = [];
        watched.heldBytes = 0;
        this.#live(watched);
      },
      join: () => this.#join(watched),
      gone: () => {
        this.end(front, attempt.watch);
        lines.gone(front, attempt);
        this.#parts.schedule();
      },
      whenCommitted,
    });
    watched.replay.goOn();
  }

  /** Few at a time: commits wait while the log is read. */
  #read(log: LogOfStore, from: LogPosition, take: (read: LogRead | undefined) => void): void {
    this.#reads.push(() => {
      const done = (read: LogRead | undefined): void => {
        this.#reading--;
        this.#startReads();
        take(read);
      };
      log.store.askLog(from, done, () => {
        done(undefined);
      });
    });
    this.#startReads();
  }

  #startReads(): void {
    while (this.#reading < READS_MAX) {
      const read = this.#reads.shift();
      if (read === undefined) return;
      this.#reading++;
      read();
    }
  }

  #join(watched: Watched): boolean {
    const { held } = watched;
    watched.held = undefined;
    if (watched.heldBytes > HELD_BYTES_MAX || held === undefined) {
      this.#still(watched);
      return false;
    }
    for (const told of held) this.#parts.lines.told(watched.front, watched.attempt, told);
    this.#parts.schedule();
    watched.replay = undefined;
    return true;
  }

  /** Notes what an entry of this turn, which begins at `from`, tells whom. */
  note(shard: Shard, events: Events, from: number, firstLsn: number): void {
    const { view, bytes, length } = events.buffer;
    this.#notePlace(shard, length - from);
    if (this.#prefixes.size === 0 && this.#exact.size === 0) return;
    const entry: Entry = { shard, view, bytes, at: from, end: length, firstLsn };
    const begun = rowsBegun(entry);
    forEachTold(
      entry,
      (event) => {
        this.#noteEvent(event, begun);
      },
      (at) => {
        this.#whoever.noteBegan(entry, at);
      },
    );
  }

  #noteEvent(event: ToldEvent, begun: ReadonlySet<number>): void {
    const { resource } = event;
    const who = this.#whoever.of(event, (row) => !begun.has(row));
    for (const watched of this.#exact.get(resource) ?? []) this.#add(watched, event, who);
    for (const watched of this.#prefixes) {
      if (resource.startsWith(watched.asked.pattern)) this.#add(watched, event, who);
    }
  }

  #add(watched: Watched, event: ToldEvent, who: Parameters<typeof writeEvent>[3]): void {
    if (watched.writer === undefined) {
      watched.writer = new FrameWriter(WRITER_SIZE, WRITER_SIZE_MAX);
      if (this.#spoken.length === 0) this.#parts.afterTurn(() => this.#turnEnded());
      this.#spoken.push(watched);
    }
    writeEvent(watched.writer, watched.asked.id, event, who);
  }

  /** What this turn tells leaves when it is committed. */
  #turnEnded(): void {
    const spoken = this.#spoken.map((watched) => {
      const { writer } = watched;
      watched.writer = undefined;
      const bytes = writer?.finish().subarray(FRAME_HEADER) ?? new Uint8Array(0);
      return { watched, round: watched.round, told: { count: writer?.count ?? 0, bytes, isPart: false } };
    });
    this.#spoken = [];
    this.#parts.whenCommitted(() => {
      for (const { watched, round, told } of spoken) {
        if (watched.isLive && watched.round === round && this.#isHere(watched)) this.#tell(watched, told);
      }
      this.#parts.schedule();
    });
  }

  #tell(watched: Watched, told: Told): void {
    if (watched.held === undefined) return this.#parts.lines.told(watched.front, watched.attempt, told);
    watched.heldBytes += told.bytes.length;
    if (watched.heldBytes <= HELD_BYTES_MAX) watched.held.push(told);
  }

  #notePlace(shard: Shard, bytes: number): void {
    const log = this.#logOf.get(shard);
    if (log === undefined || !log.places.isDue(bytes) || this.#isPlaceDue) return;
    this.#isPlaceDue = true;
    this.#parts.afterTurn(() => {
      this.#isPlaceDue = false;
      log.places.note();
    });
  }
}

/** The rows in which a client begins in this entry: the table has who came later. */
function rowsBegun({ view, at: from, end }: Entry): ReadonlySet<number> {
  const rows = new Set<number>();
  for (let at = from + ENTRY_HEADER_SIZE; at < end; at += eventSize(view, at)) {
    if (eventKind(view, at) === EVENT_BEGAN) rows.add(eventRow(view, at));
  }
  return rows;
}
