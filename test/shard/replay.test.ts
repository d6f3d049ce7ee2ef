/**
 * What a shard has logged makes the same tables again: from nothing, and from checkpoint pages that were written at
 * different moments while it went on, a cycle that was cut off included. What is damaged is refused. SEED=… again.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { KIND_ACQUIRE, KIND_RELEASE } from "../../src/words/kinds.js";
import { xxhash32 } from "../../src/words/xxhash32.js";
import { ByteBuffer } from "../../src/tables/byte-buffer.js";
import {
  Damage,
  PAGE_CLAIMS,
  PAGE_CLIENTS,
  PAGE_HEAD,
  pageKey,
  Replay,
  writeHeadPage,
  writePage,
} from "../../src/shard/replay.js";
import { Random, seedOfRun } from "../tables/random.js";
import { RandomRun } from "../engine/random-run.js";
import { newShard, replay, ShardDriver } from "./driver.js";
import { dump } from "./dump.js";

const LIVES = 6;
const STEPS = 120;
/** More rows than one page has, so that pages differ in what they have seen. */
const LIFE = { sessions: 30, bare: 6, resources: 150, requestsMax: 24, claims: 2_000 };

/** A checkpoint as a worker makes it (worker/shard-store.ts): in small steps, each page as of its own moment. */
class Checkpoint {
  readonly pages = new Map<number, Uint8Array>();
  /** The batch from which a replay begins. */
  replayFrom = 0;
  #cycle: { readonly from: number; kind: number; page: number } | undefined;

  begin(driver: ShardDriver): void {
    if (this.#cycle !== undefined) return;
    this.#cycle = { from: driver.batches.length, kind: PAGE_CLAIMS, page: 0 };
    const out = new ByteBuffer(64, 2 ** 20);
    writeHeadPage(driver.shard, out);
    this.pages.set(pageKey(0, PAGE_HEAD, 0), out.bytes.slice(0, out.length));
  }

  step({ shard }: ShardDriver): void {
    const cycle = this.#cycle;
    if (cycle === undefined) return;
    const { dirty } = cycle.kind === PAGE_CLAIMS ? shard.state.claims : shard.state.clients;
    const page = dirty.take(cycle.page);
    if (page >= 0) {
      const out = new ByteBuffer(64, 2 ** 24);
      writePage(shard, cycle.kind, page, out);
      this.pages.set(pageKey(0, cycle.kind, page), out.bytes.slice(0, out.length));
      cycle.page = page + 1;
    } else if (cycle.kind === PAGE_CLAIMS) {
      cycle.kind = PAGE_CLIENTS;
      cycle.page = 0;
    } else {
      this.replayFrom = cycle.from;
      this.#cycle = undefined;
    }
  }
}

function forLives(
  diagnostic: (message: string) => void,
  each: (run: RandomRun, random: Random, seed: number) => void,
): void {
  const first = seedOfRun();
  diagnostic(`SEED=${first}`);
  const seeds = new Random(first);
  const lives = process.env["SEED"] === undefined ? LIVES : 1;
  for (let i = 0; i < lives; i++) {
    const seed = i === 0 ? first : seeds.bits();
    each(new RandomRun(seed, LIFE), new Random(seed ^ 0x55555555), seed);
  }
}

test("R-4: the events of a life, replayed from nothing, make the same tables byte for byte", (t) => {
  forLives(
    (message) => t.diagnostic(message),
    (run, random, seed) => {
      const { driver } = run;
      for (let step = 0; step < STEPS; step++) {
        for (const turn of run.step()) assert.ok(turn.nowMs >= 0);
        if (random.below(50) === 0 || step === STEPS - 1) {
          const again = replay(LIFE, new Map(), driver.batches);
          assert.equal(dump(again.shard.state), dump(driver.shard.state), `SEED=${seed}, step ${step}`);
        }
      }
    },
  );
});

test("checkpoint: pages of any moments and the log from the cycle's beginning make the same tables", (t) => {
  let cutOff = 0;
  forLives(
    (message) => t.diagnostic(message),
    (run, random, seed) => {
      const { driver } = run;
      const checkpoint = new Checkpoint();
      for (let step = 0; step < STEPS; step++) {
        for (const turn of run.step()) {
          assert.ok(turn.nowMs >= 0);
          if (random.below(10) === 0) checkpoint.begin(driver);
          for (let steps = random.below(4); steps > 0; steps--) checkpoint.step(driver);
        }
        if (random.below(20) !== 0 && step !== STEPS - 1) continue;
        if (checkpoint.replayFrom > 0) cutOff++;
        const again = replay(LIFE, checkpoint.pages, driver.batches.slice(checkpoint.replayFrom));
        assert.equal(dump(again.shard.state), dump(driver.shard.state), `SEED=${seed}, step ${step}`);
      }
    },
  );
  assert.ok(cutOff > 0, "no replay began at a checkpoint");
});

test("a shard that was replayed goes on: it makes its own log continue, and a second replay agrees again", (t) => {
  const seed = seedOfRun();
  t.diagnostic(`SEED=${seed}`);
  const run = new RandomRun(seed, LIFE);
  const { driver } = run;
  for (let life = 0; life < 6; life++) {
    for (let step = 0; step < 40; step++) for (const turn of run.step()) assert.ok(turn.nowMs >= 0);
    driver.restart();
    const again = replay(LIFE, new Map(), driver.batches);
    assert.equal(dump(again.shard.state), dump(driver.shard.state), `SEED=${seed}, life ${life}`);
  }
});

/** A life with two checkpoints behind it, and what a store would have of it. */
function storedLife(): { pages: Map<number, Uint8Array>; batches: Uint8Array[] } {
  const run = new RandomRun(7, LIFE);
  const checkpoint = new Checkpoint();
  for (let step = 0; step < 125; step++) {
    for (const turn of run.step()) assert.ok(turn.nowMs >= 0);
    if (step % 40 === 10) checkpoint.begin(run.driver);
    if (step % 5 === 0) checkpoint.step(run.driver);
  }
  const batches = run.driver.batches.slice(checkpoint.replayFrom);
  assert.ok(checkpoint.replayFrom > 0 && batches.length > 5 && checkpoint.pages.size > 3);
  replay(LIFE, checkpoint.pages, batches);
  return { pages: checkpoint.pages, batches };
}

function isDamage(error: unknown): boolean {
  assert.ok(error instanceof Damage, String(error));
  assert.match(error.message, /shard|entry/);
  return true;
}

function flipped(bytes: Uint8Array, random: Random): Uint8Array {
  const copy = bytes.slice();
  const at = random.below(copy.length);
  copy[at] = (copy[at] ?? 0) ^ (1 << random.below(8));
  return copy;
}

test("R-7: a flipped bit in a stored entry is refused, wherever it is", () => {
  const { pages, batches } = storedLife();
  const random = new Random(1);
  for (let i = 0; i < 200; i++) {
    const at = random.below(batches.length);
    const bad = batches.map((batch, index) => (index === at ? flipped(batch, random) : batch));
    assert.throws(() => replay(LIFE, pages, bad), isDamage);
  }
});

test("R-7: a flipped bit in a checkpoint page is refused, and a page in another's place", () => {
  const { pages, batches } = storedLife();
  const random = new Random(2);
  const keys = [...pages.keys()];
  for (let i = 0; i < 200; i++) {
    const bad = new Map(pages);
    const key = random.pick(keys);
    bad.set(key, flipped(pages.get(key) ?? new Uint8Array(1), random));
    assert.throws(() => replay(LIFE, bad, batches), isDamage);
  }
  const [one = 0, other = 0] = keys.filter((key) => Math.floor(key / 2 ** 32) === PAGE_CLIENTS);
  const swapped = new Map(pages).set(one, pages.get(other) ?? new Uint8Array(1));
  assert.throws(() => replay(LIFE, swapped, batches), isDamage);
});

test("R-7: a hole, entries out of order, a short end of a batch and a log that ends before its checkpoint are refused", () => {
  const { pages, batches } = storedLife();
  const [first = new Uint8Array(0), second = new Uint8Array(0), ...rest] = batches;
  assert.throws(() => replay(LIFE, pages, [first, ...rest]), isDamage, "a hole");
  assert.throws(() => replay(LIFE, pages, [second, first, ...rest]), isDamage, "out of order");
  assert.throws(() => replay(LIFE, pages, [first, first, second, ...rest]), isDamage, "twice");
  assert.throws(() => replay(LIFE, pages, [first.subarray(0, -8), second, ...rest]), isDamage, "a short end");
  assert.throws(() => replay(LIFE, pages, []), isDamage, "no log behind newer pages");
  assert.throws(() => replay(LIFE, pages, [first]), isDamage, "a log that ends too early");
  assert.throws(() => replay(LIFE, new Map(), batches), isDamage, "no pages");
});

test("R-4: an event of a kind that this version does not know is refused, with its place", () => {
  const run = new RandomRun(9, LIFE);
  for (let step = 0; step < 60; step++) for (const turn of run.step()) assert.ok(turn.nowMs >= 0);
  const batches = run.driver.batches.map((batch) => batch.slice());
  const [first = new Uint8Array(0)] = batches;
  const view = new DataView(first.buffer, first.byteOffset, first.byteLength);
  first[80] = 99;
  view.setUint32(60, 0, true);
  view.setUint32(60, xxhash32(view, 0, first.length, 0), true);
  assert.throws(() => replay(LIFE, new Map(), batches), {
    name: "Damage",
    message: /entry at LSN 1, its event 0: R-4.* 99/,
  });
});

test("R-1: a checkpoint tells the time of the last entry, not what an office counted after it and never logged", () => {
  const driver = new ShardDriver({});
  const thin = driver.addCaller({ name: "thin", isSession: false, ttlMs: 0, principal: "ann", address: "::1" });
  driver.ask(thin, { op: KIND_ACQUIRE, resource: "order:1", ttlMs: 5_000 });
  driver.turn(40);
  driver.ask(thin, { op: KIND_RELEASE, resource: "order:1", token: thin.tokens.get("order:1") ?? 0 });
  driver.turn(90); // Nothing has a deadline any more, so no event tells that time goes on.
  driver.turn(3_600_000);
  assert.equal(driver.shard.state.now, 3_600_000);
  const page = new ByteBuffer(64, 2 ** 20);
  writeHeadPage(driver.shard, page);
  const { shard } = newShard({});
  const replaying = new Replay(shard);
  replaying.page(pageKey(0, PAGE_HEAD, 0), page.bytes.slice(0, page.length));
  assert.equal(replaying.stamp, 90);
});
