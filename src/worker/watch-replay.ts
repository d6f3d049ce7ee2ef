/**
 * Tells a watch what happened between its cursor and now, out of the log. It reads a piece, tells it, and waits until the
 * client has taken it; and only where it has come up to what is committed do live events join, held back meanwhile:
 *
 *     cursor ──read──▶ ... ──read──▶ committed │ from here on events are held
 *                                              └──read──▶ all that was logged by then │ held events ─▶ live
 *
 * The log of a replica also has entries that were cut off again: each read of a piece is a read for the cuts first, up to
 * its end. What stands in place of a cut entry stands behind the cut, so that no read tells an entry whose cut it misses.
 */
import { assert } from "../words/assert.js";
import type { LogPosition, LogRead, LogRowRead } from "../log/log-store.js";
import { FrameWriter } from "../protocol/writer.js";
import { forEachEntry } from "../shard/replay.js";
import type { Shard } from "../shard/shard.js";
import { isEntry, LogCuts } from "./log-cuts.js";
import type { LogPlaces } from "./log-places.js";
import { watchCursor } from "./watch-cursor.js";
import { type Entry, forEachTold, Whoever, writeEvent } from "./watch-events.js";
import type { Told } from "./watch-line.js";
import type { WatchedStore } from "./watched-store.js";

/** One store of the worker, for who reads its log. */
export interface LogOfStore {
  readonly of: WatchedStore;
  readonly places: LogPlaces;
}

/** What is replayed, and who is told. */
export interface ReplayParts {
  readonly watchId: number;
  /** What a client is told at a time, in bytes, or one event more. */
  readonly partBytes: number;
  readonly logs: readonly LogOfStore[];
  /** Those that are watched. */
  readonly shards: ReadonlyMap<number, Shard>;
  /** The LSN behind which events are wanted, by shard; moved on as they are told. */
  readonly reached: Map<number, number>;
  /** Reads committed batches, when it is its turn; undefined is taken where they can't be read. */
  readonly read: (log: LogOfStore, from: LogPosition, take: (read: LogRead | undefined) => void) => void;
  readonly matches: (resource: string) => boolean;
  readonly tell: (told: Told) => void;
  /** From now on live events are held back. */
  readonly hold: () => void;
  /** Live events that were held go, if they still fit; false: they were too many, and the log is read for them too. */
  readonly join: () => boolean;
  /** The log has not all of it. */
  readonly gone: () => void;
  /** Calls back when all that these shards have logged by now is committed. */
  readonly whenCommitted: (act: () => void) => void;
}

/** One read: commits of the store wait as long as it takes. */
const READ_BYTES = 128 * 1_024;
const WRITER_SIZE_MAX = 2 ** 26;
const FRAME_HEADER = 5;

export class WatchReplay {
  readonly #parts: ReplayParts;
  /** The first batch of each store that is not told, or not read for cuts. */
  readonly #next: number[];
  readonly #nextForCuts: number[];
  readonly #whoever = new Whoever();
  readonly #cuts = new LogCuts();
  readonly #writer = new FrameWriter(4_096, WRITER_SIZE_MAX);
  /** How far the shards have come with what is written. */
  readonly #written = new Map<number, number>();
  #log = 0;
  /** Until which batch each store is read in this pass. */
  #ends: readonly number[];
  #pass: "past" | "held" = "past";
  #isForCuts = true;
  /** The first batch that has what is beyond this pass. */
  #beyond = Number.POSITIVE_INFINITY;
  /** How far each shard is told in this pass. */
  #upTo: ReadonlyMap<number, number> = new Map();
  #isEnded = false;
  /** Whether it waits for the client. */
  #isPaused = true;
  /** What was read, and is told part by part. */
  #untold: Told[] = [];

  constructor(parts: ReplayParts) {
    this.#parts = parts;
    this.#next = parts.logs.map(({ places }) => places.seqBehind(parts.reached));
    this.#nextForCuts = [...this.#next];
    this.#ends = this.#committedSeqs();
    this.#upTo = this.#committed();
  }

  /** Begins, or goes on when the client has taken what it was told. */
  goOn(): void {
    if (!this.#isPaused) return;
    const told = this.#untold.shift();
    if (told !== undefined) return this.#parts.tell(told);
    this.#isPaused = false;
    this.#read();
  }

  /** Ends it: nobody wants to know any more. */
  end(): void {
    this.#isEnded = true;
  }

  #read(): void {
    if (this.#isEnded) return;
    const log = this.#parts.logs[this.#log];
    if (log === undefined) return this.#passed();
    const seq = (this.#isForCuts ? this.#nextForCuts : this.#next)[this.#log] ?? 0;
    const end = this.#ends[this.#log] ?? 0;
    if (seq > end || (this.#isForCuts && !log.of.hasCuts)) {
      if (!this.#isForCuts) this.#next[this.#log] = Math.min(seq, this.#beyond);
      this.#beyond = Number.POSITIVE_INFINITY;
      this.#log++;
      return this.#read();
    }
    this.#parts.read(log, { seq, bytesMax: READ_BYTES }, (read) => {
      if (this.#isEnded) return;
      if (read === undefined) return this.#giveUp(); // As good as gone: a fault of the store is told by the store.
      const rows = read.rows.filter((row) => row.seq <= end);
      this.#take(rows, end);
    });
  }

  #take(rows: readonly LogRowRead[], end: number): void {
    for (const row of rows) {
      if (this.#isForCuts) this.#cuts.read(row);
      else this.#tellRow(row);
    }
    if (this.#isEnded) return;
    (this.#isForCuts ? this.#nextForCuts : this.#next)[this.#log] = (rows.at(-1)?.seq ?? end) + 1;
    this.#endPart();
    this.#isPaused = true;
    this.goOn();
  }

  #tellRow({ seq, body }: LogRowRead): void {
    forEachEntry(body, (index, view, at, size) => {
      const shard = this.#parts.shards.get(index);
      if (shard === undefined || this.#isEnded || !isEntry(view, at)) return;
      const firstLsn = view.getFloat64(at + 8, true);
      const lastLsn = firstLsn + view.getUint32(at + 16, true) - 1;
      if (this.#cuts.isCut(index, { seq, at }, lastLsn)) return;
      if (lastLsn > (this.#upTo.get(index) ?? 0)) this.#beyond = Math.min(this.#beyond, seq);
      else this.#entry({ shard, view, bytes: body, at, end: at + size, firstLsn }, lastLsn);
    });
  }

  /** What is written so far is one part. */
  #endPart(): void {
    const { count } = this.#writer;
    if (count === 0) return;
    const cursor = watchCursor(this.#written);
    this.#untold.push({ count, bytes: this.#writer.finish().slice(FRAME_HEADER), isPart: true, cursor });
    this.#writer.begin();
    this.#written.clear();
  }

  #entry(entry: Entry, last: number): void {
    const { reached, matches, watchId } = this.#parts;
    const from = reached.get(entry.shard.index);
    if (from === undefined) return;
    if (last > from && entry.firstLsn > from + 1) return this.#giveUp();
    forEachTold(
      entry,
      (event) => {
        if (event.lsn <= from || !matches(event.resource)) return;
        const isInTable = (row: number): boolean => hasRowSince(entry.shard, row, event.lsn);
        writeEvent(this.#writer, watchId, event, this.#whoever.of(event, isInTable));
        this.#written.set(entry.shard.index, event.lsn);
        if (this.#writer.size >= this.#parts.partBytes) this.#endPart();
      },
      (at) => {
        this.#whoever.noteBegan(entry, at);
      },
    );
    reached.set(entry.shard.index, Math.max(from, last));
  }

  /** All stores are read as far as was wanted. */
  #passed(): void {
    const { reached, shards, hold, join, whenCommitted } = this.#parts;
    assert(!this.#isPaused, "a replay reads on when its client has taken what it was told");
    this.#log = 0;
    if (this.#isForCuts) {
      this.#isForCuts = false;
      return this.#read();
    }
    if ([...this.#upTo].some(([index, lsn]) => (reached.get(index) ?? 0) < lsn)) return this.#giveUp();
    if (this.#pass === "held") {
      if (join()) this.#isEnded = true;
      else this.#readPast();
      return;
    }
    hold();
    this.#pass = "held";
    this.#upTo = new Map([...shards].map(([index, { state }]) => [index, state.head]));
    whenCommitted(() => {
      this.#readAgain();
    });
  }

  /** Reads what is committed by now. */
  #readPast(): void {
    this.#pass = "past";
    this.#upTo = this.#committed();
    this.#readAgain();
  }
  #readAgain(): void {
    this.#ends = this.#committedSeqs();
    this.#isForCuts = true;
    this.#read();
  }

  #committed(): ReadonlyMap<number, number> {
    return new Map([...this.#parts.shards].map(([index, { committed }]) => [index, committed]));
  }

  #committedSeqs(): readonly number[] {
    return this.#parts.logs.map(({ of }) => of.store.committedSeq);
  }

  #giveUp(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#parts.gone();
  }
}

/** Whether a session has had this row since before the event: its mark is not before the event that began it. */
function hasRowSince(shard: Shard, row: number, lsn: number): boolean {
  const { clients } = shard.state;
  const mark = row === 0 ? 0 : clients.mark(row);
  return mark !== 0 && mark <= lsn;
}
