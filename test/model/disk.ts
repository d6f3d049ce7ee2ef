/** The explorer's disk: orders wait until they are synced, one by one; what is synced is found after a crash. */
import type { Entry, Position } from "../../src/replication/entry.js";
import { isSame, NOWHERE } from "../../src/replication/entry.js";
import type { Found } from "../../src/replication/inputs.js";
import type { LogOrder } from "../../src/replication/outputs.js";
import { lsn, LSN_NONE, shardMs } from "../../src/words/ids.js";
import { Broken, type Disk } from "./world.js";

export const EMPTY_DISK: Disk = { remembered: null, committed: 0, base: NOWHERE, entries: [], waiting: [] };

/** The end of what is durable. */
function endOfDisk(disk: Disk): Position {
  return disk.entries.at(-1)?.position ?? disk.base;
}

/** The first `count` waiting orders are done. */
export function synced(disk: Disk, count: number): Disk {
  let now = disk;
  for (const order of disk.waiting.slice(0, count)) now = done(now, order);
  return { ...now, waiting: disk.waiting.slice(count) };
}

function done(disk: Disk, order: LogOrder): Disk {
  switch (order.kind) {
    case "append":
      if (!isSame(order.entry.previous, endOfDisk(disk))) throw new Broken("R-7: an entry that continues nothing");
      return { ...disk, entries: [...disk.entries, order.entry] };
    case "cut": {
      const entries = disk.entries.filter(({ position }) => position.lsn <= order.to.lsn);
      return { ...disk, entries };
    }
    case "remember":
      return { ...disk, remembered: order.remembered.configuration };
    case "remember-committed":
      return { ...disk, committed: order.committed };
    case "throw-away":
      return { ...disk, base: NOWHERE, entries: [], committed: 0 };
    case "store-pages":
      return order.isLast ? { ...disk, base: order.position, committed: order.position.lsn } : disk;
    default:
      throw new Error(`no such order: ${JSON.stringify(order satisfies never)}`);
  }
}

/** What a replica finds there at its start. */
export function foundOn({ remembered, committed, base, entries }: Disk): Found {
  const known = entries.reduce((most, entry) => Math.max(most, entry.committed), committed);
  return {
    remembered: remembered === null ? null : { configuration: remembered },
    committed: lsn(known),
    base,
    entries,
    stamp: shardMs(0),
    isDamaged: false,
  };
}

/** The log after an LSN, what waits included; null if it does not go back so far. */
export function readFrom({ base, entries, waiting }: Disk, after: number): readonly Entry[] | null {
  if (after < base.lsn) return null;
  const appended = waiting.flatMap((order) => (order.kind === "append" ? [order.entry] : []));
  return [...entries, ...appended].filter(({ position }) => position.lsn > after);
}

/** Nothing is on it that a fresh replica would find. */
export const NOTHING_FOUND: Found = {
  remembered: null,
  committed: LSN_NONE,
  base: NOWHERE,
  entries: [],
  stamp: shardMs(0),
  isDamaged: false,
};
