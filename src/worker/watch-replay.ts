/**
 * Tells a watch what happened between its cursor and now, out of the log. It reads a piece, tells it, and waits until the
 * client has taken it; and only where it has come up to what is committed do live events join, held back meanwhile:
 *
 *     cursor ──read──▶ ... ──read──▶ committed │ from here on events are held
 *                                              └──read──▶ all that was logged by then │ held events ─▶ live
 */
import { assert } from "../words/assert.js";
import type { LogPosition, LogRead, LogRowRead, LogStore } from "../log/log-store.js";
import { FrameWriter } from "../protocol/writer.js";
import { forEachEntry } from "../shard/replay.js";
import type { Shard } from "../shard/shard.js";
import type { LogPlaces } from "./log-places.js";
import { type Entry, forEachTold, Whoever, writeEvent } from "./watch-events.js";
import type { Told } from "./watch-line.js";

/** One store of the worker, for who reads its log. */
export interface LogOfStore {
  readonly store: LogStore;
  readonly shards: readonly Shard[];
  readonly places: LogPlaces;
}

/** What is replayed, and who is told. */
export interface ReplayParts {
  readonly watchId: number;
  /** What a client is told at a time, in bytes, or one event more. */
  readonly partBytes: number;
  readonly logs: readonly LogOfStore[];
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
  /** Calls back when all that is logged by now is committed. */
  readonly whenCommitted: (act: () => void) => void;
}

/** One read: commits of the store wait as long as it takes. */
const READ_BYTES = 128 * 1_024;
const WRITER_SIZE_MAX = 2 ** 26;
const FRAME_HEADER = 5;

export class WatchReplay {
  readonly #parts: ReplayParts;
  readonly #next: number[];
  readonly #whoever = new Whoever();
  readonly #shards = new Map<number, Shard>();
  readonly #writer = new FrameWriter(4_096, WRITER_SIZE_MAX);
  #log = 0;
  /** Until which batch each store is read in this pass. */
  #ends: readonly number[];
  /** Where the shards stood at the end of the pass, once events are held. */
  #heads: ReadonlyMap<number, number> | undefined;
  #isEnded = false;
  /** Whether it waits for the client. */
  #isPaused = true;
  /** What was read, and is told part by part. */
  #untold: Told[] = [];

  constructor(parts: ReplayParts) {
    this.#parts = parts;
    this.#next = parts.logs.map(({ places }) => places.seqBehind(parts.reached));
    this.#ends = parts.logs.map(({ store }) => store.committedSeq);
    for (const { shards } of parts.logs) for (const shard of shards) this.#shards.set(shard.index, shard);
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
    const seq = this.#next[this.#log] ?? 0;
    const end = this.#ends[this.#log] ?? 0;
    if (seq > end) {
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
    for (const { body } of rows) {
      forEachEntry(body, (index, view, at, size) => {
        const shard = this.#shards.get(index);
        if (shard === undefined || this.#isEnded) return;
        const firstLsn = view.getFloat64(at + 8, true);
        this.#entry({ shard, view, bytes: body, at, end: at + size, firstLsn });
      });
    }
    if (this.#isEnded) return;
    this.#next[this.#log] = (rows.at(-1)?.seq ?? end) + 1;
    this.#cut();
    this.#isPaused = true;
    this.goOn();
  }

  /** What is written so far is one part. */
  #cut(): void {
    const { count } = this.#writer;
    if (count === 0) return;
    this.#untold.push({ count, bytes: this.#writer.finish().slice(FRAME_HEADER), isPart: true });
    this.#writer.begin();
  }

  #entry(entry: Entry): void {
    const { reached, matches, watchId } = this.#parts;
    const from = reached.get(entry.shard.index);
    const last = entry.firstLsn + entry.view.getUint32(entry.at + 16, true) - 1;
    if (from === undefined) return;
    if (last > from && entry.firstLsn > from + 1) return this.#giveUp();
    forEachTold(
      entry,
      (event) => {
        if (event.lsn <= from || !matches(event.resource)) return;
        const isInTable = (row: number): boolean => hasRowSince(entry.shard, row, event.lsn);
        writeEvent(this.#writer, watchId, event, this.#whoever.of(event, isInTable));
        if (this.#writer.size >= this.#parts.partBytes) this.#cut();
      },
      (at) => {
        this.#whoever.noteBegan(entry, at);
      },
    );
    reached.set(entry.shard.index, Math.max(from, last));
  }

  /** All stores are read as far as was wanted. */
  #passed(): void {
    const { logs, reached, hold, join, whenCommitted } = this.#parts;
    assert(!this.#isPaused, "a replay reads on when its client has taken what it was told");
    this.#log = 0;
    const heads = this.#heads;
    if (heads === undefined) {
      hold();
      this.#heads = new Map([...reached.keys()].map((index) => [index, this.#shards.get(index)?.state.head ?? 0]));
      this.#ends = logs.map(({ store }) => store.nextSeq - 1);
      whenCommitted(() => {
        this.#read();
      });
      return;
    }
    if ([...heads].some(([index, head]) => reached.get(index) !== head)) return this.#giveUp();
    this.#heads = undefined;
    this.#ends = logs.map(({ store }) => store.committedSeq);
    if (join()) this.#isEnded = true;
    else this.#read();
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
