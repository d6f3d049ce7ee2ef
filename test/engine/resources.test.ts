/**
 * The resources of a shard by name, against a plain Map: names of every kind of length, with few hashes, so that many
 * names share one. Rows are freed and reused all the time; no byte of an earlier name may be seen. SEED=… again.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Resources } from "../../src/engine/resources.js";
import { type ResourceRow, resourceRow } from "../../src/words/ids.js";
import { type Bytes, bytesOf } from "../../src/tables/byte-buffer.js";
import { KeyedHash } from "../../src/tables/keyed-hash.js";
import { Random, seedOfRun } from "../tables/random.js";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
/** Around the words of four bytes, and around the longest that lies in the row (28 bytes); the longest of all. */
const SIZES = [1, 2, 3, 4, 5, 7, 8, 27, 28, 29, 30, 31, 255, 1_020];

/** A table whose names stand anywhere in a buffer, as those of requests do. */
class Named {
  readonly table: Resources;
  readonly #bytes: Bytes = bytesOf(new Uint8Array(4_096));
  readonly #out: Bytes = bytesOf(new Uint8Array(4_096));

  constructor(capacity: number) {
    this.table = new Resources(capacity, new KeyedHash(1, 2));
  }

  #put(name: string, at: number): number {
    this.#bytes.bytes.fill(0xee);
    const bytes = encoder.encode(name);
    this.#bytes.bytes.set(bytes, at);
    return at + bytes.length;
  }
  add(name: string, hash: number, at: number = 0): ResourceRow {
    const end = this.#put(name, at);
    return this.table.add(hash, this.#bytes, at, end);
  }
  find(name: string, hash: number, at: number = 0): ResourceRow {
    const end = this.#put(name, at);
    return this.table.find(hash, this.#bytes, at, end);
  }
  /** The name as the row has it; what it wrote beside is a failure. */
  nameOf(row: ResourceRow, at: number = 3): string {
    const out = this.#out.bytes.fill(0xdd);
    const size = this.table.copyName(row, this.#out, at);
    assert.equal(size, this.table.nameSize(row));
    assert.ok(out[at - 1] === 0xdd && out[at + size] === 0xdd, "nothing beside the name is written");
    return decoder.decode(out.subarray(at, at + size));
  }
}

test("names of each length are found again and read back, wherever they stand, one-byte and many-byte characters", () => {
  const named = new Named(100);
  const names = SIZES.flatMap((size) => ["n".repeat(size), ...(size % 2 === 0 ? ["é".repeat(size / 2)] : [])]);
  const rows = names.map((name, index) => named.add(name, 7, index % 5));
  assert.equal(new Set(rows).size, names.length);
  names.forEach((name, index) => {
    assert.equal(named.nameOf(rows[index] ?? resourceRow(0), 1 + (index % 6)), name);
    for (let at = 0; at < 5; at++) assert.equal(named.find(name, 7, at), rows[index], `${name.length} from ${at}`);
    assert.equal(named.find(name, 8), 0, "another hash is another bucket");
  });
});

test("names of one hash are told apart by any one byte, by their length, and by a zero at the end", () => {
  for (const size of SIZES) {
    const named = new Named(10);
    const name = "a".repeat(size);
    const row = named.add(name, 7);
    const others = [0, 1, 3, 4, size >>> 1, size - 2, size - 1]
      .filter((at) => at >= 0 && at < size)
      .map((at) => `${name.slice(0, at)}b${name.slice(at + 1)}`);
    for (const other of [...others, `${name}a`, `${name}\0`, name.slice(1), `\0${name.slice(1)}`].filter(
      (text) => text !== "",
    )) {
      assert.equal(named.find(other, 7), 0, JSON.stringify([name, other]));
    }
    assert.equal(named.find(name, 7), row);
  }
});

test("a row that served a long name serves a short one without a byte of it, and the other way round", () => {
  const named = new Named(1);
  for (const before of SIZES) {
    for (const after of SIZES) {
      const old = named.add("z".repeat(before), 7);
      named.table.setPermits(old, 9);
      named.table.freeIfIdle(old);
      const name = `${"y".repeat(after - 1)}x`;
      const row = named.add(name, 7);
      assert.equal(row, old, "the only row");
      assert.equal(named.nameOf(row), name, `${before} bytes, then ${after}`);
      assert.equal(named.table.permits(row), 0);
      assert.equal(named.find("z".repeat(before), 7), 0);
      const padded = `${name}${"z".repeat(Math.max(0, before - after))}`;
      assert.equal(named.find(padded, 7), padded === name ? row : 0);
      named.table.freeIfIdle(row);
      assert.equal(named.table.size, 0);
    }
  }
});

test("a row that somebody holds, waits for or delays is not freed", () => {
  const named = new Named(2);
  const { table } = named;
  const row = named.add("order:1", 7);
  const uses: readonly ((value: number) => void)[] = [
    (value) => table.setFirstHolder(row, value),
    (value) => table.setFirstWaiter(row, value),
    (value) => table.setFirstDelay(row, value),
  ];
  for (const use of uses) {
    use(5);
    table.freeIfIdle(row);
    assert.equal(named.find("order:1", 7), row);
    use(0);
  }
  table.freeIfIdle(row);
  assert.equal(named.find("order:1", 7), 0);
});

test("a full table answers 0 and is as it was; a row that is freed makes room", () => {
  const named = new Named(3);
  const rows = ["order:1", "order:2", "order:3"].map((name) => named.add(name, 7));
  assert.equal(named.add("order:4", 7), 0);
  assert.equal(named.table.size, 3);
  assert.deepEqual(
    ["order:1", "order:2", "order:3", "order:4"].map((name) => named.find(name, 7)),
    [...rows, 0],
  );
  named.table.freeIfIdle(rows[1] ?? resourceRow(0));
  assert.equal(named.add("order:4", 7), rows[1]);
});

test("resources that come and go at random are those of a plain Map, with few hashes and equal beginnings", (t) => {
  const seed = seedOfRun();
  t.diagnostic(`SEED=${seed}`);
  const random = new Random(seed);
  const named = new Named(40);
  const model = new Map<string, ResourceRow>();
  for (let operation = 0; operation < 30_000; operation++) {
    const size = random.pick(SIZES);
    const name = `${"order:12345678901234567890123".repeat(40).slice(0, size - 1)}${random.pick(["a", "b", "c"])}`;
    const hash = size % 3;
    const row = model.get(name);
    assert.equal(named.find(name, hash, random.below(9)), row ?? 0);
    if (row === undefined && model.size < 40) model.set(name, named.add(name, hash, random.below(9)));
    else if (row !== undefined && random.below(2) === 0) {
      assert.equal(named.nameOf(row), name);
      named.table.freeIfIdle(row);
      model.delete(name);
    }
    assert.equal(named.table.size, model.size);
  }
  for (const [name, row] of model) assert.equal(named.nameOf(row), name);
});

test("one shard takes as many resources as there may be: its names stay below the 16 GiB that refs reach", () => {
  const { table } = new Named(2 ** 25);
  assert.equal(table.size, 0);
});
