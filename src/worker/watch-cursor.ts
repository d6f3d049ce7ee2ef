/**
 * Where a watch stands: an LSN for each shard, as one string that clients keep and give back. They need not read it, but
 * may put the cursor of an event behind it: of two pieces of one shard the later counts.
 *
 *     cursor = piece,piece,…      piece = shard.lsn
 */

/** LSNs of one era (words/ids.ts): beyond the last copy of a log no LSN of it means anything. */
const LSNS_OF_ERA = 2 ** 40;

/** Reads a cursor; undefined if it is none. An empty one has no shard in it. */
export function readWatchCursor(cursor: string): Map<number, number> | undefined {
  const since = new Map<number, number>();
  if (cursor === "") return since;
  for (const piece of cursor.split(",")) {
    const match = /^(\d{1,4})\.(\d{1,16})$/.exec(piece);
    if (match === null) return undefined;
    since.set(Number(match[1]), Number(match[2]));
  }
  return since;
}

/** Writes a cursor. */
export function watchCursor(lsns: Iterable<readonly [shard: number, lsn: number]>): string {
  return Array.from(lsns, ([shard, lsn]) => `${shard}.${lsn}`).join(",");
}

/** Whether the events behind `from` are of the log that ends at `head`, so that it may have them. */
export function isOfLog(from: number, head: number): boolean {
  return from <= head && Math.floor(from / LSNS_OF_ERA) === Math.floor(head / LSNS_OF_ERA);
}
