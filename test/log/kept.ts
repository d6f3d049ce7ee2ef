/** Opens a store that was killed or failed, and finds in it everything that it had acknowledged, as it was written. */
import assert from "node:assert/strict";
import { optionsIn, withStore } from "./fresh-store.js";
import { bodyOf, PAGE_KEYS, pageKeyOf } from "./killed-bodies.js";

/** Everything up to `acknowledged` is there; what is there is whole, and each page is of the batch that wrote it last. */
export async function checkKept(
  directory: string,
  { acknowledged, create = false }: { readonly acknowledged: number; readonly create?: boolean },
): Promise<void> {
  await withStore(optionsIn(directory, { create }), async (store) => {
    const { lastSeq, replayFrom } = store.info;
    assert.ok(lastSeq >= acknowledged, `acknowledged ${acknowledged}, but the log ends at ${lastSeq}`);
    let next = replayFrom;
    let pages = 0;
    await store.recover({
      page: (key, body) => {
        const last = lastSeq - ((((lastSeq - key) % PAGE_KEYS) + PAGE_KEYS) % PAGE_KEYS);
        assert.ok(pageKeyOf(last) === key && bodyOf(last).equals(body), `page ${key} at seq ${lastSeq}`);
        pages++;
      },
      batch: (seq, _wall, body) => {
        assert.equal(seq, next++);
        assert.ok(bodyOf(seq).equals(body), `batch ${seq}`);
      },
    });
    assert.equal(next, lastSeq + 1);
    assert.equal(pages, Math.min(PAGE_KEYS, lastSeq));
  });
}
