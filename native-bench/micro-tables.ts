/**
 * What one call of each table costs. The whole engine has 333 ns for an acquire and a release, so each call may cost a
 * few tens of ns. Each task makes 1,000 calls, since a single one is shorter than what it takes to time it: ns in a
 * call = mean time in ms × 1,000. "of 1,000" stays in the cache, "of 1,000,000" misses it as a big table does.
 */
import { Bench } from "tinybench";
import { ByteBuffer, bytesOf } from "../src/tables/byte-buffer.js";
import { DirtyPages } from "../src/tables/dirty-pages.js";
import { HashIndex } from "../src/tables/hash-index.js";
import { KeyedHash } from "../src/tables/keyed-hash.js";
import { Names } from "../src/tables/names.js";
import { RowPool } from "../src/tables/row-pool.js";
import { TimerWheel } from "../src/tables/timer-wheel.js";
import { crc32 } from "../src/words/crc32.js";

/** Calls in each task. */
export const TABLES_BENCH_CALLS = 1_000;

const NAME_SIZE = 20;
const SIZES = [1_000, 1_000_000];

/** What keeps the compiler from leaving a call out, since its result goes somewhere. */
const sink = { bits: 0 };

/** Numbers from 1 to `size` in an order that no cache foresees, again and again. */
class Order {
  readonly #order: Uint32Array;
  #at = 0;

  constructor(size: number) {
    this.#order = Uint32Array.from({ length: size }, (_, index) => index + 1);
    let state = 1;
    for (let index = size - 1; index > 0; index -= 1) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      const other = state % (index + 1);
      const row = this.#order[index] ?? 0;
      this.#order[index] = this.#order[other] ?? 0;
      this.#order[other] = row;
    }
  }

  next(): number {
    this.#at = this.#at + 1 === this.#order.length ? 0 : this.#at + 1;
    return this.#order[this.#at] ?? 0;
  }
}

/** A million names of 20 bytes in one array: name n is the 20 bytes from n × 20. */
function makeNames(count: number): Uint8Array {
  const bytes = new Uint8Array((count + 1) * NAME_SIZE);
  const encoder = new TextEncoder();
  for (let row = 0; row <= count; row += 1) {
    encoder.encodeInto(`order:${String(row).padStart(14, "0")}`, bytes.subarray(row * NAME_SIZE));
  }
  return bytes;
}

/** Adds a task that makes 1,000 calls of `call` with rows in random order. */
function addTask(bench: Bench, name: string, size: number, call: (row: number) => void): void {
  const order = new Order(size);
  bench.add(`${name}, of ${size.toLocaleString("en")}`, () => {
    for (let count = 0; count < TABLES_BENCH_CALLS; count += 1) call(order.next());
  });
}

function addHashes(bench: Bench, names: Uint8Array, size: number): void {
  const keyed = new KeyedHash(0x01234567, 0x89abcdef);
  const named = bytesOf(names);
  addTask(bench, "crc32, 20 bytes", size, (row) => {
    sink.bits ^= crc32(names, row * NAME_SIZE, row * NAME_SIZE + NAME_SIZE, 0);
  });
  addTask(bench, "KeyedHash.hash, 20 bytes", size, (row) => {
    sink.bits ^= keyed.hash(named, row * NAME_SIZE, row * NAME_SIZE + NAME_SIZE);
  });
  addTask(bench, "KeyedHash.hashWords", size, (row) => {
    sink.bits ^= keyed.hashWords(row, 1, 2, 3);
  });
}

function addRows(bench: Bench, size: number): void {
  const pool = new RowPool(size);
  for (let row = 1; row <= size; row += 1) pool.take();
  addTask(bench, "RowPool give + take", size, (row) => {
    pool.give(row);
    sink.bits ^= pool.take();
  });
  addTask(bench, "RowPool give + claim", size, (row) => {
    pool.give(row);
    pool.claim(row);
  });
  const dirty = new DirtyPages(size);
  addTask(bench, "DirtyPages mark + take", size, (row) => {
    dirty.mark(row - 1);
    sink.bits ^= dirty.take(row - 1);
  });
}

function addIndex(bench: Bench, names: Uint8Array, size: number): void {
  const keyed = new KeyedHash(0x01234567, 0x89abcdef);
  const named = bytesOf(names);
  const hashes = new Int32Array(size + 1);
  const index = new HashIndex(size);
  for (let row = 1; row <= size; row += 1) {
    hashes[row] = keyed.hash(named, row * NAME_SIZE, row * NAME_SIZE + NAME_SIZE);
    index.insert(row, hashes[row] ?? 0);
  }
  addTask(bench, "HashIndex.first", size, (row) => {
    sink.bits ^= index.first(hashes[row] ?? 0);
  });
  addTask(bench, "HashIndex remove + insert", size, (row) => {
    index.remove(row);
    index.insert(row, hashes[row] ?? 0);
  });
}

function addNames(bench: Bench, names: Uint8Array, size: number): void {
  const arena = new Names({ bytesMax: size * 48 + 65_536 });
  const refs = new Int32Array(size + 1);
  for (let row = 1; row <= size; row += 1) refs[row] = arena.put(names, row * NAME_SIZE, (row + 1) * NAME_SIZE);
  addTask(bench, "Names.equals, 20 bytes", size, (row) => {
    if (arena.equals(refs[row] ?? 0, names, row * NAME_SIZE, row * NAME_SIZE + NAME_SIZE)) sink.bits ^= row;
  });
  addTask(bench, "Names free + put, 20 bytes", size, (row) => {
    arena.free(refs[row] ?? 0);
    refs[row] = arena.put(names, row * NAME_SIZE, row * NAME_SIZE + NAME_SIZE);
  });
}

function addWheel(bench: Bench, size: number): void {
  const wheel = new TimerWheel(size, 0);
  let now = 0;
  for (let row = 1; row <= size; row += 1) wheel.arm(row, 30_000 + row / size);
  addTask(bench, "TimerWheel cancel + arm, 30 s", size, (row) => {
    now += 0.001;
    wheel.cancel(row);
    wheel.arm(row, now + 30_000);
  });
  addTask(bench, "TimerWheel.move, 30 s", size, (row) => {
    now += 0.001;
    wheel.move(row, now + 30_000);
  });
  const storm = new TimerWheel(size, 0);
  let stormNow = 0;
  for (let row = 1; row <= size; row += 1) storm.arm(row, (row * 1_000) / size);
  addTask(bench, "TimerWheel takeDue + arm, turns of 50 rows", size, () => {
    let row = storm.takeDue(stormNow);
    while (row === 0) {
      stormNow += 50_000 / size;
      row = storm.takeDue(stormNow);
    }
    storm.arm(row, stormNow + 1_000);
  });
  const idle = new TimerWheel(size, 0);
  let idleNow = 0;
  idle.arm(1, 1e12);
  addTask(bench, "TimerWheel.takeDue, nothing due", size, () => {
    idleNow += 0.01;
    sink.bits ^= idle.takeDue(idleNow);
  });
  addTask(bench, "TimerWheel.nextDueBound", size, () => {
    if (wheel.nextDueBound() > 0) sink.bits ^= 1;
  });
}

/** The benchmarks of the tables; run it (`await bench.run()`) and read each task's mean as µs in 1,000 calls. */
export function tablesBench(): Bench {
  const bench = new Bench({ name: "tables", time: 200, warmupTime: 50 });
  const names = makeNames(1_000_000);
  for (const size of SIZES) {
    addHashes(bench, names, size);
    addRows(bench, size);
    addIndex(bench, names, size);
    addNames(bench, names, size);
    addWheel(bench, size);
  }
  const buffer = new ByteBuffer(1_024, 1_048_576);
  addTask(bench, "ByteBuffer.reserve, 16 bytes", 1_000, () => {
    if (!buffer.fits(16)) buffer.reset();
    sink.bits ^= buffer.reserve(16);
  });
  return bench;
}
