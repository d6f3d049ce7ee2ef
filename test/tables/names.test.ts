/** The arena of names against a plain Map of byte strings: nothing is lost, mixed up or kept for good. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { NAME_SIZE_MAX, Names } from "../../src/tables/names.js";
import { operationsOfRun, Random, seedOfRun } from "./random.js";

const PAGE_SIZE = 4_096;

function randomBytes(random: Random, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 1) bytes[at] = random.below(256);
  return bytes;
}

function putAll(names: Names, bytes: Uint8Array): number {
  return names.put(bytes, 0, bytes.length);
}

/** Puts names of one size until there is no room, and answers their refs. */
function fill(names: Names, size: number): number[] {
  const refs: number[] = [];
  for (;;) {
    const ref = putAll(names, new Uint8Array(size));
    if (ref === 0) return refs;
    refs.push(ref);
  }
}

function checkName(names: Names, ref: number, expected: Uint8Array): void {
  const copy = new Uint8Array(expected.length + 3);
  assert.equal(names.size(ref), expected.length);
  assert.equal(names.equals(ref, expected, 0, expected.length), true);
  assert.equal(names.copyTo(ref, copy, 2), expected.length);
  assert.deepEqual(copy.subarray(2, 2 + expected.length), expected);
  assert.equal(copy[expected.length + 2], 0, "not a byte more is copied");
}

test("Names put and freed at random keep their bytes, as in a plain map, within every limit", (t) => {
  const seed = seedOfRun();
  t.diagnostic(`SEED=${String(seed)}`);
  const random = new Random(seed);
  const pool = Array.from({ length: 64 }, (_, at) =>
    randomBytes(random, at < 40 ? 1 + at : 1 + random.below(NAME_SIZE_MAX)),
  );
  const limits = [1, 4, 60, 2_000].map((pages) => pages * PAGE_SIZE);
  for (const bytesMax of limits) {
    const names = new Names({ bytesMax });
    const model = new Map<number, Uint8Array>();
    const live: number[] = [];
    for (let operation = 0; operation < operationsOfRun() / limits.length; operation += 1) {
      const growing = Math.floor(operation / 5_000) % 2 === 0;
      if (live.length === 0 || random.below(4) < (growing ? 3 : 1)) {
        const bytes = random.pick(pool);
        const ref = putAll(names, bytes);
        if (ref === 0) {
          assert.ok(names.bytesInUse > bytesMax - PAGE_SIZE, "only a full arena refuses");
          continue;
        }
        assert.equal(model.has(ref), false, "a ref is not given twice");
        model.set(ref, bytes);
        live.push(ref);
      } else {
        const at = random.below(live.length);
        const ref = live[at] ?? 0;
        const last = live.pop() ?? 0;
        if (at < live.length) live[at] = last;
        if (random.below(8) === 0) checkName(names, ref, model.get(ref) ?? new Uint8Array());
        names.free(ref);
        model.delete(ref);
      }
      if (operation % 20_000 === 0) for (const [ref, bytes] of model) checkName(names, ref, bytes);
      assert.ok(names.bytesInUse <= bytesMax);
    }
    for (const [ref, bytes] of model) checkName(names, ref, bytes);
    for (const ref of live) names.free(ref);
    assert.ok(names.bytesInUse <= 256 * PAGE_SIZE, "at most a page for each size class is kept");
  }
});

test("A name equals its own bytes only, wherever they stand", () => {
  const names = new Names({ bytesMax: PAGE_SIZE });
  const bytes = new TextEncoder().encode("order:12345");
  const around = new TextEncoder().encode("xorder:12345y");
  const ref = putAll(names, bytes);
  assert.equal(names.equals(ref, around, 1, 12), true);
  assert.equal(names.equals(ref, around, 1, 11), false);
  assert.equal(names.equals(ref, around, 0, 11), false);
  assert.equal(names.equals(ref, around, 2, 13), false);
  assert.equal(names.equals(ref, new TextEncoder().encode("order:12346"), 0, 11), false);
  assert.equal(names.equals(ref, bytes, 5, 16), false, "bytes that are not there equal nothing");
});

test("Names of 20 bytes take 24, and names of every size from 1 to the largest fit", () => {
  const names = new Names({ bytesMax: PAGE_SIZE });
  assert.equal(fill(names, 20).length, Math.floor(PAGE_SIZE / 24));
  for (let size = 1; size <= NAME_SIZE_MAX; size += 1) {
    const one = new Names({ bytesMax: PAGE_SIZE });
    const refs = fill(one, size);
    assert.equal(refs.length, Math.floor(PAGE_SIZE / (Math.ceil((size + 2) / 8) * 8)), `size ${String(size)}`);
    for (const ref of refs) assert.equal(one.size(ref), size);
  }
});

test("A full arena whose names are freed has room for names of every other size", () => {
  const names = new Names({ bytesMax: 100 * PAGE_SIZE });
  for (const size of [20, 1, 2_046, 300, 6, 7, 20]) {
    const refs = fill(names, size);
    assert.equal(refs.length, 100 * Math.floor(PAGE_SIZE / (Math.ceil((size + 2) / 8) * 8)), `size ${String(size)}`);
    for (const [at, ref] of refs.entries()) if (at % 2 === 0) names.free(ref);
    for (const [at, ref] of refs.entries()) if (at % 2 === 1) names.free(ref);
    assert.ok(names.bytesInUse <= PAGE_SIZE, "one empty page is kept");
  }
});

test("Ref 0 is no bytes", () => {
  const names = new Names({ bytesMax: PAGE_SIZE });
  putAll(names, Uint8Array.of(7));
  assert.equal(names.size(0), 0);
  assert.equal(names.read(0), "");
  assert.equal(names.copyTo(0, new Uint8Array(0), 0), 0);
  assert.equal(names.equals(0, new Uint8Array(2), 1, 1), true);
  assert.equal(names.equals(0, new Uint8Array(2), 0, 1), false);
  assert.throws(() => {
    names.free(0);
  }, /freed is live/);
});

test("A name is read as UTF-8 text", () => {
  const names = new Names({ bytesMax: 2 * PAGE_SIZE });
  assert.equal(names.read(putAll(names, new TextEncoder().encode("übung:日本"))), "übung:日本");
  assert.equal(names.read(putAll(names, Uint8Array.of(97, 0xff))), "a\ufffd");
});

test("A name freed twice, an empty or too long one, and a range outside the bytes are refused", () => {
  const names = new Names({ bytesMax: PAGE_SIZE });
  const other = putAll(names, Uint8Array.of(7));
  const ref = putAll(names, Uint8Array.of(1, 2, 3));
  names.free(ref);
  assert.throws(() => {
    names.free(ref);
  }, /freed is live/);
  assert.throws(() => names.size(ref), /read is live/);
  assert.equal(names.equals(ref, Uint8Array.of(1, 2, 3), 0, 3), false);
  names.free(other);
  assert.throws(() => {
    names.free(other);
  }, /freed is live/);
  assert.throws(() => names.put(new Uint8Array(4), 2, 2), /1 to NAME_SIZE_MAX/);
  assert.throws(() => putAll(names, new Uint8Array(NAME_SIZE_MAX + 1)), /1 to NAME_SIZE_MAX/);
  assert.throws(() => names.put(new Uint8Array(4), 2, 5), /bytes given/);
  assert.throws(() => names.put(new Uint8Array(4), -1, 2), /bytes given/);
  const kept = putAll(names, Uint8Array.of(1, 2, 3));
  assert.throws(() => names.copyTo(kept, new Uint8Array(3), 1), /has room/);
  assert.throws(() => new Names({ bytesMax: 2 ** 35 }), /16 GiB/);
});
