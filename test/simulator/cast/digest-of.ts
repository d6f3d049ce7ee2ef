/** The digest of a shard's state, over all its rows as pages. */
import { ByteBuffer } from "../../../src/tables/byte-buffer.js";
import { PAGE_CLAIMS, PAGE_CLIENTS, writePage } from "../../../src/shard/replay.js";
import type { Shard } from "../../../src/shard/shard.js";
import { xxhash32 } from "../../../src/words/xxhash32.js";

const buffer = new ByteBuffer(16_384, 2 ** 24);

export function digestOf(shard: Shard): string {
  let hash = 0;
  for (const kind of [PAGE_CLAIMS, PAGE_CLIENTS] as const) {
    const table = kind === PAGE_CLAIMS ? shard.state.claims : shard.state.clients;
    for (let page = 0; page < table.pageLsn.length; page++) {
      buffer.reset();
      const at = writePage(shard, kind, page, buffer);
      hash = xxhash32(buffer.view, at, buffer.length, hash);
    }
  }
  return `${shard.state.head}:${hash.toString(16)}`;
}
