/**
 * A data directory whose shards stand at the end of their first era, as after the last copy was once lost: every
 * token that a server gives out of it is above 2^40, where a client that reads 32 bits or floats goes wrong (T-6).
 */
import { openDataDir } from "../../src/log/data-dir.js";
import { Store } from "../../src/log/store.js";
import { PAGE_HEAD, pageKey } from "../../src/shard/replay.js";
import { xxhash32 } from "../../src/words/xxhash32.js";
import { committed } from "../log/fresh-store.js";

const SHARDS = 64;
const STORES = 2;
const ERA_SIZE = 2 ** 40;
const HEAD_SIZE = 40;

/** Makes it, with two stores, in an empty directory. */
export async function makeLateDirectory(path: string): Promise<void> {
  const directory = openDataDir(path, { shards: SHARDS, stores: STORES });
  const ids: string[] = [];
  for (let index = 0; index < STORES; index += 1) {
    const file = directory.storeFile(index);
    const store = await Store.open({ file, storeIndex: index, clusterId: directory.clusterId, era: 0, create: true });
    ids.push(store.info.storeId);
    await store.recover({ page: () => undefined, batch: () => undefined });
    const head = lateHead();
    for (let shard = index; shard < SHARDS; shard += STORES) {
      store.writePage(pageKey(shard, PAGE_HEAD, 0), head, 0, head.length);
    }
    await committed(store);
    await store.close();
  }
  directory.recordStores(ids);
  directory.close();
}

/** The page that says where a shard's log stands, as src/shard/replay.ts writes it. */
function lateHead(): Uint8Array {
  const bytes = new Uint8Array(HEAD_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 1, true);
  view.setFloat64(8, ERA_SIZE, true);
  view.setFloat64(32, ERA_SIZE, true);
  view.setUint32(4, xxhash32(view, 8, HEAD_SIZE, 0), true);
  return bytes;
}
