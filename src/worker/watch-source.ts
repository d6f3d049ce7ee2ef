/**
 * The source of watches: finds what concerns them in the events of the shards that are decided for here, in the turn in
 * which they happen, and tells it when it is committed, as every answer is. Where an office ends, so do the watches of
 * its shard: the front goes on at the next primary (watches.ts).
 */
import type { Events } from "../tables/events.js";
import { FrameWriter } from "../protocol/writer.js";
import { ENTRY_HEADER_SIZE, eventKind, eventRow, eventSize } from "../tables/events.js";
import { EVENT_BEGAN } from "../words/event-kinds.js";
import type { LogPosition, LogRead } from "../log/log-store.js";
import type { Shard } from "../shard/shard.js";
import { isOfLog, readWatchCursor, watchCursor } from "./watch-cursor.js";
import type { Whose } from "./turn.js";
import { type Entry, forEachTold, type ToldEvent, Whoever, writeEvent } from "./watch-events.js";
import type { Asked, Attempt, Told, WatchLines, WatchSource } from "./watch-line.js";
import { type LogOfStore, WatchReplay } from "./watch-replay.js";

/** What a source is made of. */
export interface SourceParts {
  readonly lines: WatchLines;
  readonly logs: readonly LogOfStore[];
  /** What a client is told of the past at a time. */
  readonly partBytes: number;
  /** Calls back at the end of the turn, and when all that these shards have logged by now is committed (turn.ts). */
  readonly afterTurn: (act: () => void) => void;
  readonly whenCommittedOf: (of: readonly Whose[], act: () => void) => void;
  /** Asks for a turn soon: what was told outside of one leaves with it. */
  readonly schedule: () => void;
}

interface Watched {
  readonly front: number;
  readonly attempt: Attempt;
  readonly asked: Asked;
  /** Its shards, and who decides for them. */
  readonly shards: ReadonlyMap<number, Hosted>;
  /** Reads what lies between; undefined once the watch is told what happens now. */
  replay: WatchReplay | undefined;
  /** What happens meanwhile, once the replay is near; undefined: what happens goes out, or is found by the replay. */
  held: Told[] | undefined;
  heldBytes: number;
  /** Whether what happens now is noted. */
  isLive: boolean;
  /** How often that began: what was noted before the last time is told by the replay. */
  round: number;
  /** What one entry tells it. */
  writer: FrameWriter | undefined;
}

/** A shard that is decided for here. */
interface Hosted extends Whose {
  readonly log: LogOfStore;
}

/** What an entry tells a watch, and how often the watch had begun. */
interface Spoken {
  readonly watched: Watched;
  readonly round: number;
  readonly told: Told;
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
  readonly #watches = new Map<string, Watched>();
  /** Those that are told what happens now: of whole names, and of beginnings. */
  readonly #exact = new Map<string, Set<Watched>>();
  readonly #prefixes = new Set<Watched>();
  readonly #whoever = new Whoever();
  readonly #logOf = new Map<number, LogOfStore>();
  readonly #reads: (() => void)[] = [];
  #reading = 0;
  /** Whom the entry under way tells something. */
  #spokenTo: Watched[] = [];
  /** What this turn tells, by shard. */
  readonly #spoken = new Map<Shard, Spoken[]>();

  constructor(parts: SourceParts) {
    this.#parts = parts;
    for (const log of parts.logs) for (const index of log.of.indices) this.#logOf.set(index, log);
  }

  begin(front: number, attempt: Attempt, asked: Asked): void {
    this.end(front, attempt.watch);
    const { lines, whenCommittedOf, schedule } = this.#parts;
    schedule();
    const shards = this.#hosted(asked.shards);
    if (shards === undefined) return lines.left(front, attempt);
    const watched: Watched = {
      front,
      attempt,
      asked,
      shards,
      replay: undefined,
      held: undefined,
      heldBytes: 0,
      isLive: false,
      round: 0,
      writer: undefined,
    };
    this.#watches.set(`${front}.${attempt.watch}`, watched);
    const reached = reachedBy(asked, shards);
    const isBehind = reached === undefined || [...shards].some(([index, { shard }]) => isBefore(reached, index, shard));
    if (!isBehind) this.#live(watched);
    // The cursor names LSNs, and a primary that is none any more must not say what its log lacks: it waits for R-8.
    whenCommittedOf([...shards.values()], () => {
      if (!this.#isHere(watched)) return;
      if (reached === undefined) return this.#gone(watched);
      lines.begun(front, attempt, watchCursor(reached));
      if (isBehind) this.#replay(watched, new Map(reached));
    });
  }

  #gone(watched: Watched): void {
    const { front, attempt } = watched;
    this.end(front, attempt.watch);
    this.#parts.lines.gone(front, attempt);
    this.#parts.schedule();
  }

  /** Who decides for these shards; undefined if one of them is not decided for here. */
  #hosted(indices: readonly number[]): ReadonlyMap<number, Hosted> | undefined {
    const hosted = new Map<number, Hosted>();
    for (const index of indices) {
      const log = this.#logOf.get(index);
      const shard = log?.of.decider(index);
      if (log === undefined || shard === undefined) return undefined;
      hosted.set(index, { log, shard, store: log.of });
    }
    return hosted;
  }

  /** Whoever decided for a shard does no more: its watches end here, and go on at the next primary. */
  left(index: number): void {
    const { lines, schedule } = this.#parts;
    for (const { shards, front, attempt } of [...this.#watches.values()]) {
      if (!shards.has(index)) continue;
      this.end(front, attempt.watch);
      lines.left(front, attempt);
      schedule();
    }
  }

  /** The worker of a front is gone, or knows nothing any more of what it has asked. */
  lost(worker: number): void {
    for (const { front, attempt } of [...this.#watches.values()]) if (front === worker) this.end(front, attempt.watch);
  }

  /** A turn has ended. */
  turned(): void {
    for (const { places } of this.#parts.logs) places.look();
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
    const { lines, whenCommittedOf } = this.#parts;
    const { front, attempt, asked, shards } = watched;
    const { id, pattern, isPrefix } = asked;
    const hosted = [...shards.values()];
    watched.replay = new WatchReplay({
      watchId: id,
      partBytes: this.#parts.partBytes,
      logs: [...new Set(hosted.map(({ log }) => log))],
      shards: new Map(hosted.map(({ shard }) => [shard.index, shard])),
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
        this.#gone(watched);
      },
      whenCommitted: (act) => {
        whenCommittedOf(hosted, act);
      },
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
      log.of.store.askLog(from, done, () => {
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
    if (this.#prefixes.size === 0 && this.#exact.size === 0) return;
    const { view, bytes, length } = events.buffer;
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
    if (this.#spokenTo.length > 0) this.#noteSpoken(shard);
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
    if (!watched.shards.has(event.entry.shard.index)) return; // Its front does not know yet that the shard has come here.
    if (watched.writer === undefined) {
      watched.writer = new FrameWriter(WRITER_SIZE, WRITER_SIZE_MAX);
      this.#spokenTo.push(watched);
    }
    writeEvent(watched.writer, watched.asked.id, event, who);
  }

  /** What the entry tells leaves when it is committed, and not before that of the shard's earlier entries. */
  #noteSpoken(shard: Shard): void {
    const cursor = `${shard.index}.${shard.state.head}`;
    const spoken = this.#spoken.get(shard) ?? [];
    for (const watched of this.#spokenTo) {
      const { writer, round } = watched;
      watched.writer = undefined;
      const bytes = writer?.finish().subarray(FRAME_HEADER) ?? new Uint8Array(0);
      spoken.push({ watched, round, told: { count: writer?.count ?? 0, bytes, isPart: false, cursor } });
    }
    this.#spokenTo = [];
    if (this.#spoken.size === 0) this.#parts.afterTurn(() => this.#turnEnded());
    this.#spoken.set(shard, spoken);
  }

  #turnEnded(): void {
    const { whenCommittedOf, schedule } = this.#parts;
    for (const [shard, spoken] of this.#spoken) {
      const store = this.#logOf.get(shard.index)?.of;
      if (store === undefined) continue;
      whenCommittedOf([{ store, shard }], () => {
        for (const { watched, round, told } of spoken) {
          if (watched.isLive && watched.round === round && this.#isHere(watched)) this.#tell(watched, told);
        }
        schedule();
      });
    }
    this.#spoken.clear();
  }

  #tell(watched: Watched, told: Told): void {
    if (watched.held === undefined) return this.#parts.lines.told(watched.front, watched.attempt, told);
    watched.heldBytes += told.bytes.length;
    if (watched.heldBytes <= HELD_BYTES_MAX) watched.held.push(told);
  }
}

/** Where each of the shards is to begin; undefined where the log can't have what comes behind the cursor. */
function reachedBy(
  { since, isNew }: Asked,
  shards: ReadonlyMap<number, Hosted>,
): ReadonlyMap<number, number> | undefined {
  const cursor = readWatchCursor(since) ?? new Map<number, number>();
  const reached = new Map<number, number>();
  for (const [index, { shard }] of shards) {
    const { head } = shard.state;
    const from = cursor.get(index) ?? (isNew ? head : undefined);
    if (from === undefined || !isOfLog(from, head)) return undefined;
    reached.set(index, from);
  }
  return reached;
}

function isBefore(reached: ReadonlyMap<number, number>, index: number, { state }: Shard): boolean {
  return (reached.get(index) ?? state.head) < state.head;
}

/** The rows in which a client begins in this entry: the table has who came later. */
function rowsBegun({ view, at: from, end }: Entry): ReadonlySet<number> {
  const rows = new Set<number>();
  for (let at = from + ENTRY_HEADER_SIZE; at < end; at += eventSize(view, at)) {
    if (eventKind(view, at) === EVENT_BEGAN) rows.add(eventRow(view, at));
  }
  return rows;
}
