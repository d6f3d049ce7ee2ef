/** The logs of stopped nodes against each other: what is committed is the same everywhere (INV-3, INV-5). */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { PartReader } from "../../src/worker/replica-log.js";

/** What was found. */
export interface LogComparison {
  readonly differences: readonly string[];
  /** Configurations, beyond each shard's first, that somebody has written entries in. */
  readonly offices: number;
}

interface Row {
  readonly seq: number;
  readonly wall: number;
  readonly body: Buffer;
}

/** By shard, then LSN of an entry's end: its epoch and checksum. */
type Committed = ReadonlyMap<number, ReadonlyMap<number, string>>;

/** Compares the stores in these directories of nodes, which nobody has open. */
export function compareLogs(dataDirs: readonly string[]): LogComparison {
  const epochs = new Map<number, Set<number>>();
  const first = new Map<string, { readonly node: number; readonly what: string }>();
  const differences: string[] = [];
  for (const [node, directory] of dataDirs.entries()) {
    for (const [shard, entries] of committedIn(directory, epochs)) {
      for (const [lsn, what] of entries) {
        const place = `shard ${shard}, LSN ${lsn}`;
        const other = first.get(place);
        if (other === undefined) first.set(place, { node, what });
        else if (other.what !== what)
          differences.push(`INV-5: ${place} is ${what} at node ${node} and ${other.what} at node ${other.node}`);
      }
    }
  }
  const offices = [...epochs.values()].reduce((sum, { size }) => sum + size - 1, 0);
  return { differences: differences.slice(0, 20), offices };
}

function committedIn(directory: string, epochs: Map<number, Set<number>>): Committed {
  const found = new Map<number, Map<number, string>>();
  for (const file of readdirSync(directory).filter((name) => /^store-\d+\.db$/.test(name))) {
    for (const [shard, { entries, committed }] of partsIn(join(directory, file)).parts) {
      const known = epochs.get(shard) ?? new Set<number>();
      epochs.set(shard, known);
      const ends = new Map<number, string>();
      for (const { entry } of entries) {
        known.add(entry.position.epoch);
        if (entry.position.lsn > committed) continue;
        ends.set(entry.position.lsn, `epoch ${entry.position.epoch}, checksum ${entry.position.checksum}`);
      }
      found.set(shard, ends);
    }
  }
  return found;
}

function partsIn(file: string): PartReader {
  const database = new Database(file);
  try {
    const reader = new PartReader();
    const rows = database.prepare<[], Row>("SELECT seq, wall, body FROM log ORDER BY seq");
    for (const { seq, wall, body } of rows.iterate()) reader.batch(seq, wall, body);
    return reader;
  } finally {
    database.close();
  }
}
