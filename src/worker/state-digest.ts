/**
 * The digest of a shard's state, over all its rows as the bytes of checkpoint pages: replicas that have applied the
 * same events have the same. Made every 10 s or 100,000 events, between two turns.
 */
import { ByteBuffer } from "../tables/byte-buffer.js";
import { PAGE_CLAIMS, PAGE_CLIENTS, PAGE_COUNT_AT, writePage } from "../shard/replay.js";
import type { Shard } from "../shard/shard.js";
import { xxhash32 } from "../words/xxhash32.js";

const BUFFER_BYTES = 16_384;
const BUFFER_BYTES_MAX = 2 ** 26;
const buffer = new ByteBuffer(BUFFER_BYTES, BUFFER_BYTES_MAX);

/** LSN and hash, as text. */
export function digestOf(shard: Shard): string {
  let hash = 0;
  for (const kind of [PAGE_CLAIMS, PAGE_CLIENTS] as const) {
    const table = kind === PAGE_CLAIMS ? shard.state.claims : shard.state.clients;
    for (let page = 0; page < table.pageLsn.length; page++) {
      buffer.reset();
      const at = writePage(shard, kind, page, buffer);
      if (buffer.view.getUint32(at + PAGE_COUNT_AT, true) === 0) continue; // A page that was never used has no bytes.
      hash = xxhash32(buffer.view, at, buffer.length, hash);
    }
  }
  return `${shard.state.head}:${hash.toString(16)}`;
}
