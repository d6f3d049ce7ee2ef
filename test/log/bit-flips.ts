/**
 * Flips one bit of a store that a power failure left, and says what came of it: the damage is noticed, in clear words, or
 * it changes nothing, neither now nor after the store has gone on and was opened once more.
 */
import assert from "node:assert/strict";
import { closeSync, cpSync, mkdirSync, openSync, readSync, rmSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Store } from "../../src/log/store.js";
import { StoreFault } from "../../src/log/store-fault.js";
import type { Random } from "../tables/random.js";
import { appendText, crashImage, optionsIn, recoverAll, withStore, writeText } from "./fresh-store.js";

/** What follows `store-0.db` in the names of the files whose bits are flipped. */
export type Suffix = "" | "-wal" | ".mark";

/** Batches of an image. */
export const BATCHES = 30;
/** Batches that are appended to what seems unharmed. */
const MORE = 5;
const PAGES = 7;
const REPLAY_FROM = 5;

const REFUSALS: readonly string[] = [
  "store-damaged",
  "store-lost-data",
  "store-newer-format",
  "store-foreign",
  "disk-failed",
];
const ADVICE = /Copy the directory|put each file back|start that version|Check the disk/;

/** The text of batch `seq`, and of the page that it writes. */
function textOf(seq: number): string {
  return String.fromCharCode(64 + seq).repeat(seq * 600);
}

/** Appends batches up to seq `end`, a page with each. */
async function appendUpTo(store: Store, end: number): Promise<void> {
  for (let seq = store.nextSeq; seq <= end; seq++) {
    writeText(store, seq % PAGES, textOf(seq));
    if (seq === 2 * REPLAY_FROM) store.setReplayFrom(REPLAY_FROM);
    await appendText(store, textOf(seq));
  }
}

/**
 * Makes in `image` what a power failure leaves of a store with pages, batches and a shard; it is made in `living`.
 * @param copyBackBytes small: much of it is in the database; large: all of it is in the WAL
 */
export async function makeImage(living: string, image: string, copyBackBytes: number): Promise<void> {
  await withStore(optionsIn(living, { copyBackBytes }), async (store) => {
    store.setShard({ shard: 1, epoch: 1, era: 0, config: "{}" });
    await appendUpTo(store, BATCHES);
    crashImage(living, image);
  });
}

/** Recovers the store of `directory`. @throws AssertionError if it is not what was written up to `lastSeq` */
async function checkStore(store: Store, lastSeq: number): Promise<void> {
  const { pages, batches } = await recoverAll(store);
  assert.equal(store.info.lastSeq, lastSeq);
  assert.deepEqual(store.info.shards, [{ shard: 1, epoch: 1, era: 0, config: "{}" }]);
  assert.equal(batches.size, lastSeq - REPLAY_FROM + 1);
  for (const [seq, text] of batches) assert.ok(text === textOf(seq), `batch ${seq}`);
  assert.equal(pages.size, PAGES);
  for (const [key, text] of pages) {
    const seq = lastSeq - ((lastSeq - key + PAGES) % PAGES);
    assert.ok(text === textOf(seq), `page ${key}`);
  }
}

/** Opens and recovers the store of `directory`. @throws StoreFault if it is refused, AssertionError if it is wrong */
export async function checkWhole(directory: string): Promise<void> {
  await withStore(optionsIn(directory), (store) => checkStore(store, BATCHES));
}

/** Inverts bit `bit` of `file`. */
export function flipBit(file: string, bit: number): void {
  const descriptor = openSync(file, "r+");
  const byte = Buffer.alloc(1);
  readSync(descriptor, byte, 0, 1, bit >>> 3);
  byte[0] = (byte[0] ?? 0) ^ (1 << (bit & 7));
  writeSync(descriptor, byte, 0, 1, bit >>> 3);
  closeSync(descriptor);
}

/** Flips one bit at random of `suffix`'s file in a copy of `image`. */
export async function flipOne(
  image: string,
  copy: string,
  { suffix, random }: { readonly suffix: Suffix; readonly random: Random },
): Promise<"noticed" | "harmless"> {
  const bit = random.below(statSync(join(image, `store-0.db${suffix}`)).size * 8);
  return flipAt(image, copy, { suffix, bit });
}

/** Flips this bit of `suffix`'s file in a copy of `image`. */
export async function flipAt(
  image: string,
  copy: string,
  { suffix, bit }: { readonly suffix: Suffix; readonly bit: number },
): Promise<"noticed" | "harmless"> {
  rmSync(copy, { recursive: true, force: true });
  mkdirSync(copy);
  cpSync(image, copy, { recursive: true });
  flipBit(join(copy, `store-0.db${suffix}`), bit);
  try {
    await withStore(optionsIn(copy), async (store) => {
      await checkStore(store, BATCHES);
      await appendUpTo(store, BATCHES + MORE);
    });
    await withStore(optionsIn(copy), (store) => checkStore(store, BATCHES + MORE));
    return "harmless";
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const isRefusal = error instanceof StoreFault && REFUSALS.includes(error.code);
    assert.ok(isRefusal, `bit ${bit} of store-0.db${suffix} is neither noticed nor harmless: ${why}`);
    assert.match(why, ADVICE);
    return "noticed";
  }
}
