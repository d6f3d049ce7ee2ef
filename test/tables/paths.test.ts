/** The paths of a worker: found by session and by number, each once, and forgotten before they are closed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { KeyedHash } from "../../src/tables/keyed-hash.js";
import { PATHS_PER_START, Paths } from "../../src/tables/paths.js";
import { Random, seedOfRun } from "./random.js";

const START = 5;
const encoder = new TextEncoder();

function newPaths(capacity: number): Paths {
  return new Paths({ capacity, connections: 8, shards: 2, start: START, hash: new KeyedHash(1, 2) });
}
function keyOf(number: number): Uint8Array {
  return new Uint8Array(16).fill(number);
}
function openSession(paths: Paths, key: number, about: { principal?: string; connection?: number } = {}): number {
  return paths.open({
    key: keyOf(key),
    ttlMs: 30_000,
    publicId: [key, key],
    principal: encoder.encode(about.principal ?? "ann"),
    address: encoder.encode("10.0.0.1:1"),
    connection: about.connection ?? 1,
  });
}
function find(paths: Paths, key: number, principal: string = "ann"): number {
  return paths.findSession(keyOf(key), encoder.encode(principal));
}
function ofConnection(paths: Paths, connection: number): number[] {
  const rows: number[] = [];
  for (let row = paths.firstOf(connection); row !== 0; row = paths.nextOf(row)) rows.push(row);
  return rows.sort((one, other) => one - other);
}

test("the same key of another principal, and a key that begins alike, are other sessions", () => {
  const paths = newPaths(8);
  const ann = openSession(paths, 7);
  assert.equal(find(paths, 7, "eve"), 0);
  const eve = openSession(paths, 7, { principal: "eve" });
  assert.deepEqual([find(paths, 7), find(paths, 7, "eve"), find(paths, 8)], [ann, eve, 0]);
  const half = keyOf(7).fill(9, 8);
  assert.equal(paths.findSession(half, encoder.encode("ann")), 0);
  assert.ok(!paths.samePrincipal(ann, eve) && paths.samePrincipal(ann, ann));
  assert.equal(new TextDecoder().decode(paths.copyPrincipal(eve)), "eve");
});

test("two keys of one principal that hash alike and begin alike are two sessions", () => {
  const hash = new KeyedHash(1, 2);
  const words = new Uint32Array(4);
  const seen = new Map<number, Uint8Array>();
  const random = new Random(1);
  let alike: readonly [Uint8Array, Uint8Array] | undefined;
  for (let tries = 0; tries < 400_000 && alike === undefined; tries++) {
    words[2] = random.bits();
    words[3] = random.bits();
    const key = new Uint8Array(words.buffer.slice(0));
    const value = hash.hashWords(0, 0, words[2], words[3]);
    const other = seen.get(value);
    if (other === undefined) seen.set(value, key);
    else alike = [other, key];
  }
  assert.ok(alike, "of so many keys two hash alike");
  const paths = newPaths(8);
  const about = { ttlMs: 30_000, publicId: [1, 1] as const, address: encoder.encode("here"), connection: 1 };
  const principal = encoder.encode("ann");
  const [one, other] = alike;
  const first = paths.open({ ...about, key: one, principal });
  assert.equal(paths.findSession(other, principal), 0);
  const second = paths.open({ ...about, key: other, principal });
  assert.equal(paths.keyHash(first), paths.keyHash(second));
  assert.deepEqual([paths.findSession(one, principal), paths.findSession(other, principal)], [first, second]);
});

test("a forgotten path is found no more, stays open for its answers, and is forgotten once, then closed once", () => {
  const paths = newPaths(8);
  const row = openSession(paths, 7);
  const number = paths.serial(row);
  paths.forget(row);
  paths.forget(row);
  assert.deepEqual([find(paths, 7), paths.rowOf(number), paths.sessions], [0, 0, 0]);
  assert.ok(paths.isOpen(row) && paths.serial(row) === number);
  const newer = openSession(paths, 7);
  assert.notEqual(newer, row);
  assert.equal(find(paths, 7), newer);
  paths.close(row);
  assert.equal(find(paths, 7), newer, "closing the older one leaves the newer one");
  assert.throws(() => paths.close(row), /R-18: a path is closed once/);
});

test("a path without a session has a number, and is found by none", () => {
  const paths = newPaths(8);
  const about = { principal: encoder.encode("ann"), address: encoder.encode("here"), connection: 1 };
  const bare = paths.open({ ...about, key: null, ttlMs: 0, publicId: [0, 0] });
  assert.ok(!paths.isSession(bare) && paths.rowOf(paths.serial(bare)) === 0);
  assert.equal(paths.findSession(new Uint8Array(16), encoder.encode("ann")), 0);
  paths.forget(bare);
  assert.ok(paths.isOpen(bare), "there is nothing to forget");
  paths.close(bare);
  assert.ok(!paths.isOpen(bare));
});

test("when no row is left no path is opened; a number is never given twice, and names its start", () => {
  const paths = newPaths(2);
  const numbers = new Set<number>();
  const rows = [openSession(paths, 1), openSession(paths, 2)];
  assert.equal(openSession(paths, 3), 0);
  for (let i = 0; i < 20; i++) {
    const row = rows[i % 2] ?? 0;
    numbers.add(paths.serial(row));
    paths.close(row);
    rows[i % 2] = openSession(paths, i % 2);
  }
  assert.equal(numbers.size, 20);
  for (const number of numbers) assert.equal(Math.floor(number / PATHS_PER_START), START);
});

test("what a path remembers of shards and ids is its own: a row that is reused has nothing of it", () => {
  const paths = newPaths(1);
  const row = openSession(paths, 1);
  paths.noteClient(row, 1, 42);
  paths.setLastId(row, 99);
  assert.deepEqual([paths.clientIn(row, 0), paths.clientIn(row, 1)], [0, 42]);
  paths.close(row);
  const again = openSession(paths, 2);
  assert.equal(again, row);
  assert.deepEqual([paths.clientIn(again, 0), paths.clientIn(again, 1), paths.lastId(again)], [0, 0, 0]);
});

test("paths that come and go at random are those of a plain Map, by session, by number and by connection", (t) => {
  const seed = seedOfRun();
  t.diagnostic(`SEED=${seed}`);
  const random = new Random(seed);
  const paths = newPaths(30);
  const model = new Map<number, { row: number; connection: number }>();
  for (let operation = 0; operation < 5_000; operation++) {
    const key = 1 + random.below(40);
    const known = model.get(key);
    assert.equal(find(paths, key), known?.row ?? 0);
    const connection = random.below(8);
    if (known !== undefined) {
      assert.equal(paths.rowOf(paths.serial(known.row)), known.row);
      paths.close(known.row);
      model.delete(key);
    } else {
      const row = openSession(paths, key, { connection });
      assert.equal(row === 0, model.size === 30);
      if (row !== 0) model.set(key, { row, connection });
    }
    const expected = [...model.values()].filter((one) => one.connection === connection).map(({ row }) => row);
    assert.deepEqual(
      ofConnection(paths, connection),
      expected.sort((one, other) => one - other),
    );
    assert.equal(paths.sessions, model.size);
  }
});
