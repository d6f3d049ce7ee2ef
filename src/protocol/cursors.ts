/** The opaque strings by which list and watch go on: for a list a shard and a row of it, for a watch an LSN each shard. */

const TEXT = new TextDecoder();

/** Where a list goes on. */
export interface ListCursor {
  readonly shard: number;
  readonly row: number;
}

/** Reads a cursor of `listCursor`; no bytes at all are the beginning. Undefined if it is none. */
export function readListCursor(bytes: Uint8Array, start: number, end: number): ListCursor | undefined {
  if (start === end) return { shard: 0, row: 1 };
  const match = /^l(\d{1,4})\.(\d{1,10})$/.exec(TEXT.decode(bytes.subarray(start, end)));
  if (match === null) return undefined;
  const row = Number(match[2]);
  return row < 2 ** 32 ? { shard: Number(match[1]), row } : undefined;
}

/** The cursor behind a page that ended at `row` of `shard` (0: the shard's end); undefined at the end of all. */
export function listCursor(shard: number, row: number, shards: number): string | undefined {
  if (row !== 0) return `l${shard}.${row}`;
  return shard + 1 < shards ? `l${shard + 1}.1` : undefined;
}
