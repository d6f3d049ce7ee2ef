/** Real entries for tests, of one event each, as a shard's actor makes them. */
import { Events, type EntryHead } from "../../src/tables/events.js";
import { EVENT_TIME } from "../../src/words/event-kinds.js";
import { type Epoch, type Lsn, lsn, shardIndex, shardMs } from "../../src/words/ids.js";
import { type Entry, type Position, readEntry } from "../../src/replication/entry.js";

const ERA_SIZE = 2 ** 40;

/** What tells two entries at the same place apart. */
export interface EntryParts {
  readonly epoch: Epoch;
  readonly era: number;
  readonly previous: Position;
  readonly committed: Lsn;
  readonly stamp: number;
  readonly mark: number;
}

const events = new Events(1_024, 2 ** 16);

export function writeEntry({ epoch, era, previous, committed, stamp, mark }: EntryParts): Entry {
  events.reset();
  events.beginEntry();
  events.short(EVENT_TIME, 0, mark, 0);
  const head: EntryHead = {
    shard: shardIndex(0),
    epoch,
    firstLsn: lsn(Math.max(previous.lsn, era * ERA_SIZE) + 1),
    stamp: shardMs(stamp),
    wallMs: 0,
    previousLsn: previous.lsn,
    previousEpoch: previous.epoch,
    previousChecksum: previous.checksum,
    committed,
  };
  events.endEntry(head);
  const entry = readEntry(events.buffer.bytes.slice(0, events.buffer.length));
  if (entry === null) throw new Error("an entry that can't be read");
  return entry;
}
