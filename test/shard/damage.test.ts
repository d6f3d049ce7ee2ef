/**
 * What is stored, has right checksums, and still can't be: each is refused with its place, and nothing of it is used.
 * Bits that merely flipped are the business of replay.test.ts; this is what our own bugs or a mixed-up disk would leave.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { KIND_ACQUIRE, KIND_BUSY, KIND_CANCEL, KIND_CHECK, KIND_GRANTED, KIND_RELEASE } from "../../src/words/kinds.js";
import { xxhash32 } from "../../src/words/xxhash32.js";
import { forEachEntry, PAGE_CLAIMS, PAGE_CLIENTS, PAGE_HEAD, pageKey } from "../../src/shard/replay.js";
import { writeHeadPage, writePage } from "../../src/shard/replay.js";
import { ByteBuffer } from "../../src/tables/byte-buffer.js";
import type { Caller } from "./caller.js";
import { replay, ShardDriver } from "./driver.js";
import { dump } from "./dump.js";
import { readClaim } from "./reply.js";

const NO_PAGES: ReadonlyMap<number, Uint8Array> = new Map();
const HEADER = 80;
/** Where an entry has its count of events, and a page of claims the first name, behind its header and that row's fields. */
const COUNT_AT = 16;
const FIRST_NAME_AT = 24 + 68;

function session(driver: ShardDriver, name: string): Caller {
  const caller = driver.addCaller({ name, isSession: true, ttlMs: 60_000, principal: "ann", address: "10.0.0.1:1" });
  driver.openPath(caller);
  driver.turn(driver.nowMs);
  return caller;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A copy with its count of events changed, and the checksum that belongs to it. */
function recounted(entry: Uint8Array, by: number): Uint8Array {
  const copy = entry.slice();
  const view = viewOf(copy);
  view.setUint32(COUNT_AT, view.getUint32(COUNT_AT, true) + by, true);
  view.setUint32(60, 0, true);
  view.setUint32(60, xxhash32(view, 0, copy.length, view.getUint32(52, true)), true);
  return copy;
}

/** A page with the checksum that belongs to what it says now. */
function resealed(page: Uint8Array): Uint8Array {
  const view = viewOf(page);
  view.setUint32(4, xxhash32(view, 8, page.length, 0), true);
  return page;
}

function headPage({ shard }: ShardDriver): Uint8Array {
  const out = new ByteBuffer(64, 2 ** 20);
  writeHeadPage(shard, out);
  return out.bytes.slice(0, out.length);
}

/** Every page of a shard that has fewer rows than one page takes, as of now. */
function pagesOf(driver: ShardDriver): Map<number, Uint8Array> {
  const pages = new Map([[pageKey(0, PAGE_HEAD, 0), headPage(driver)]]);
  for (const kind of [PAGE_CLAIMS, PAGE_CLIENTS]) {
    const out = new ByteBuffer(64, 2 ** 20);
    writePage(driver.shard, kind, 0, out);
    pages.set(pageKey(0, kind, 0), out.bytes.slice(0, out.length));
  }
  return pages;
}

/** Three turns of two events each. `resource` makes another life of the same length. */
function threeTurns(resource: string): ShardDriver {
  const driver = new ShardDriver({});
  const holder = session(driver, "holder");
  for (let turn = 1; turn <= 3; turn++) {
    driver.ask(holder, { op: KIND_ACQUIRE, resource: `${resource}:${turn}a`, ttlMs: 30_000 });
    driver.ask(holder, { op: KIND_ACQUIRE, resource: `${resource}:${turn}b`, ttlMs: 30_000 });
    driver.turn(turn);
  }
  assert.equal(driver.batches.length, 3);
  return driver;
}

test("R-7: an entry that has fewer or more events than it says is refused, though its checksum is right", () => {
  const { batches } = threeTurns("order");
  const [first = new Uint8Array(0), ...rest] = batches;
  replay({}, NO_PAGES, batches);
  const fewer = { name: "Damage", message: /shard 0, entry at LSN 1: it has fewer events than it says/ };
  assert.throws(() => replay({}, NO_PAGES, [recounted(first, 1), ...rest]), fewer);
  const more = { name: "Damage", message: /shard 0, entry at LSN 1: it has more bytes than its events/ };
  assert.throws(() => replay({}, NO_PAGES, [recounted(first, -1), ...rest]), more);
});

test("R-7: a batch that ends within the header of an entry is refused", () => {
  const { batches } = threeTurns("order");
  const [first = new Uint8Array(0), second = new Uint8Array(0)] = batches;
  for (const size of [1, 4, HEADER - 1]) {
    const cut = Buffer.concat([first, second.subarray(0, size)]);
    assert.throws(() => replay({}, NO_PAGES, [cut]), { name: "Damage", message: /an entry of 0 bytes does not fit/ });
  }
  const seen: number[] = [];
  forEachEntry(Buffer.concat([first, second]), (shard, _, at, size) => seen.push(shard, at, size));
  assert.deepEqual(seen, [0, 0, first.length, 0, first.length, second.length]);
});

test("R-7: a log that does not run through what the newer head page has seen is refused", () => {
  const { batches } = threeTurns("order");
  const other = new ShardDriver({});
  const holder = session(other, "holder");
  for (const resource of ["other:1", "other:2", "other:3"]) {
    other.ask(holder, { op: KIND_ACQUIRE, resource, ttlMs: 30_000 });
  }
  other.turn(1);
  // Of another life, whose entry ends where none of this log does; and whose entry ends at the same LSN.
  const amid = new Map([[pageKey(0, PAGE_HEAD, 0), headPage(other)]]);
  const refusal = { name: "Damage", message: /shard 0, entry at LSN \d: it is not what the checkpoint has seen/ };
  assert.throws(() => replay({}, amid, batches), refusal);
  const alike = new Map([[pageKey(0, PAGE_HEAD, 0), headPage(threeTurns("other"))]]);
  assert.throws(() => replay({}, alike, batches), refusal);
  const own = new Map([[pageKey(0, PAGE_HEAD, 0), headPage(threeTurns("order"))]]);
  assert.equal(replay({}, own, batches).shard.state.head, 7, "its own head page is run through");
});

test("R-7: a log that ends before what the newer head page has seen is refused, with both LSNs", () => {
  const driver = threeTurns("order");
  const pages = new Map([[pageKey(0, PAGE_HEAD, 0), headPage(driver)]]);
  assert.throws(() => replay({}, pages, driver.batches.slice(0, 2)), {
    name: "Damage",
    message: /shard 0: the log ends at LSN 5, and a checkpoint has seen LSN 7/,
  });
});

test("R-7: a claim whose client no page and no event has brought is refused", () => {
  const driver = threeTurns("order");
  const pages = pagesOf(driver);
  replay({}, pages, []);
  pages.delete(pageKey(0, PAGE_CLIENTS, 0));
  assert.throws(() => replay({}, pages, []), { message: /shard 0: claim 2 has a client that is gone/ });
});

test("INV-1: stored claims of which two hold one resource against each other are refused", () => {
  for (const [mode, permits, isRefused] of [
    [0, 0, true],
    [1, 0, false],
    [2, 2, false],
    [2, 1, true],
  ] as const) {
    const driver = new ShardDriver({});
    const holder = session(driver, "holder");
    for (const resource of ["order:1", "order:2"])
      driver.ask(holder, { op: KIND_ACQUIRE, resource, mode, permits, ttlMs: 30_000 });
    driver.turn(1);
    const pages = pagesOf(driver);
    const page = pages.get(pageKey(0, PAGE_CLAIMS, 0)) ?? new Uint8Array(0);
    const last = FIRST_NAME_AT + "order:1".length - 1;
    assert.equal(page[last], 0x31);
    page[last] = 0x32; // Now both rows say that they hold order:2.
    resealed(page);
    const again = (): unknown => replay({}, pages, []);
    if (!isRefused) assert.doesNotThrow(again);
    else assert.throws(again, { message: /shard 0: INV-1: claim \d holds beside one that it excludes/ });
  }
});

test("INV-6: the queue is the same from pages, though rows that were reused stand before older ones; metadata too", () => {
  const driver = new ShardDriver({});
  const holder = session(driver, "holder");
  driver.ask(holder, { op: KIND_ACQUIRE, resource: "order:1", ttlMs: 30_000, extra: "nightly job" });
  driver.turn(1);
  const waiters = ["one", "two", "three", "four"].map((name) => session(driver, name));
  for (const waiter of waiters)
    driver.ask(waiter, { op: KIND_ACQUIRE, resource: "order:1", ttlMs: 30_000, waitMs: 60_000, extra: waiter.name });
  driver.turn(2);
  const [one, two] = waiters;
  assert.ok(one && two);
  driver.ask(two, { op: KIND_CANCEL, resource: "order:1", token: two.lastId });
  driver.turn(3);
  const late = session(driver, "late");
  driver.ask(late, { op: KIND_ACQUIRE, resource: "order:1", ttlMs: 30_000, waitMs: 60_000 });
  driver.turn(4);
  const again = replay({}, pagesOf(driver), []);
  assert.equal(dump(again.shard.state), dump(driver.shard.state));
  const { claims, resources } = again.shard.state;
  const rows: number[] = [];
  const resource = claims.resource(claims.at(1));
  for (let row = resources.firstWaiter(resource); row !== 0; row = claims.nextRow(row)) rows.push(row);
  assert.deepEqual(rows, [2, 4, 5, 3], "the row of the one who cancelled serves the last, who stays the last");
  const back = [...rows].reverse();
  const seen: number[] = [];
  for (let row = resources.lastWaiter(resource); row !== 0; row = claims.previous(claims.at(row))) seen.push(row);
  assert.deepEqual(seen, back);
  driver.ask(late, { op: KIND_CHECK, resource: "order:1" });
  const [told] = driver.turn(5);
  const [held] = told?.reply.details ?? [];
  assert.equal(held === undefined ? "" : readClaim(held).metadata, "nightly job");
});

test("R-4: a release and the next grant in one turn are replayed in one entry; busy leaves nothing in the log", () => {
  const driver = new ShardDriver({});
  const one = session(driver, "one");
  const two = session(driver, "two");
  driver.ask(one, { op: KIND_ACQUIRE, resource: "order:1", ttlMs: 30_000 });
  driver.turn(1);
  driver.ask(two, { op: KIND_ACQUIRE, resource: "order:1", ttlMs: 30_000 });
  driver.ask(one, { op: KIND_RELEASE, resource: "order:1", token: one.tokens.get("order:1") ?? 0 });
  driver.ask(two, { op: KIND_ACQUIRE, resource: "order:1", ttlMs: 30_000 });
  const kinds = driver.turn(2).map(({ reply }) => reply.kind);
  assert.ok(kinds.indexOf(KIND_BUSY) === 0 && kinds.includes(KIND_GRANTED));
  assert.equal(driver.batches.length, 2);
  assert.equal(dump(replay({}, NO_PAGES, driver.batches).shard.state), dump(driver.shard.state));
});
