/**
 * Which entries of a log of replicas never came to be. Such a log only grows: what another primary's log has not is cut off
 * by a record behind it (replica-log.ts), and whoever reads forwards must have read all of them before it tells anything.
 */
import { ENTRY_FORMAT } from "../tables/events.js";
import type { LogRowRead } from "../log/log-store.js";
import { forEachEntry } from "../shard/replay.js";
import { readRecord, RECORD_BASE, RECORD_CUT } from "./replica-log.js";

/** Where a record stands: its batch, and its place in it. */
export interface LogSpot {
  readonly seq: number;
  readonly at: number;
}

interface Cut extends LogSpot {
  /** What stands before the record and behind this LSN never was. */
  readonly lsn: number;
}

const FORMAT_AT = 56;

/** Whether a record of a batch is an entry of the log. */
export function isEntry(view: DataView, at: number): boolean {
  return view.getUint32(at + FORMAT_AT, true) === ENTRY_FORMAT;
}

export class LogCuts {
  readonly #cuts = new Map<number, Cut[]>();

  /** Takes the cuts out of a batch. Batches come in their order. @throws Damage if it can't be what was written */
  read({ seq, body }: LogRowRead): void {
    forEachEntry(body, (shard, view, at, size) => {
      if (isEntry(view, at)) return;
      const { format, position } = readRecord(new DataView(view.buffer, view.byteOffset + at, size), seq);
      if (format === RECORD_CUT) this.#add(shard, { seq, at, lsn: position.lsn });
      else if (format === RECORD_BASE) this.#add(shard, { seq, at, lsn: 0 });
    });
  }

  #add(shard: number, cut: Cut): void {
    const cuts = this.#cuts.get(shard) ?? [];
    cuts.push(cut);
    this.#cuts.set(shard, cuts);
  }

  /** Whether the entry that stands there and ends at this LSN was cut off later. */
  isCut(shard: number, spot: LogSpot, lastLsn: number): boolean {
    const cuts = this.#cuts.get(shard);
    if (cuts === undefined) return false;
    return cuts.some(({ seq, at, lsn }) => (seq > spot.seq || (seq === spot.seq && at > spot.at)) && lastLsn > lsn);
  }
}
