/** The timer wheel against a sorted list: never early, never forgotten, however time goes on. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TimerWheel } from "../../src/tables/timer-wheel.js";
import { operationsOfRun, Random, seedOfRun } from "./random.js";

const HOUR = 3_600_000;

/** Deadlines in a binary heap with stale entries; the map has what counts. */
class Model {
  readonly deadlines: Map<number, number> = new Map<number, number>();
  #sorted: { readonly row: number; readonly deadline: number }[] = [];

  set(row: number, deadline: number): void {
    this.deadlines.set(row, deadline);
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#sorted[middle]?.deadline ?? 0) > deadline) low = middle + 1;
      else high = middle;
    }
    this.#sorted.splice(low, 0, { row, deadline }); // The latest stands first, so that the next due is popped.
  }

  /** All rows due at `now`, which leave the model. */
  takeDue(now: number): Set<number> {
    const due = new Set<number>();
    for (let last = this.#sorted.at(-1); last !== undefined && last.deadline <= now; last = this.#sorted.at(-1)) {
      this.#sorted.pop();
      if (this.deadlines.get(last.row) === last.deadline) {
        due.add(last.row);
        this.deadlines.delete(last.row);
      }
    }
    return due;
  }

  earliest(): number {
    for (let last = this.#sorted.at(-1); last !== undefined; last = this.#sorted.at(-1)) {
      if (this.deadlines.get(last.row) === last.deadline) return last.deadline;
      this.#sorted.pop();
    }
    return Number.POSITIVE_INFINITY;
  }
}

function checkDue(wheel: TimerWheel, model: Model, now: number): void {
  const expected = model.takeDue(now);
  for (let row = wheel.takeDue(now); row !== 0; row = wheel.takeDue(now)) {
    assert.ok(expected.delete(row), `row ${String(row)} is due at ${String(now)}, once`);
    assert.equal(wheel.isArmed(row), false);
  }
  assert.equal(expected.size, 0, `rows forgotten at ${String(now)}: ${[...expected].join(" ")}`);
  assert.equal(wheel.size, model.deadlines.size);
}

function randomDelay(random: Random): number {
  const scale = random.pick([0, 1, 3, 70, 1_000, 30_000, 40_000, 66_000, 300_000, HOUR, 300 * HOUR]);
  const delay = (random.below(2 ** 32) / 2 ** 32) * scale;
  return random.below(2) === 0 ? delay : Math.round(delay);
}

function randomStep(random: Random, pace: number): number {
  if (random.below(5_000) === 0) return random.pick([32_768, 65_536, 70_000, HOUR, 10 * HOUR, 1_000 * HOUR]);
  return random.pick([0, 0.1, 0.5, 1, random.below(2 ** 32) / 2 ** 32, random.below(pace)]);
}

test("Rows armed, moved and cancelled at random are due exactly when a sorted list says", (t) => {
  const seed = seedOfRun();
  t.diagnostic(`SEED=${String(seed)}`);
  const random = new Random(seed);
  const cases = [4, 30, 1_000].flatMap((capacity) => [10, 500].map((pace) => ({ capacity, pace })));
  for (const { capacity, pace } of cases) {
    let now = random.pick([0, 0.7, 32_767.5, -5, 2 ** 33, 1_700_000_000_000.25]);
    const wheel = new TimerWheel(capacity, now);
    const model = new Model();
    for (let operation = 0; operation < operationsOfRun() / cases.length; operation += 1) {
      const row = 1 + random.below(capacity);
      const armed = model.deadlines.get(row);
      const choice = random.below(10);
      const deadline = random.below(50) === 0 ? now - random.below(1_000) : now + randomDelay(random);
      assert.equal(wheel.isArmed(row), armed !== undefined);
      if (choice < 5) {
        if (armed === undefined) wheel.arm(row, deadline);
        else wheel.move(row, deadline);
        model.set(row, deadline);
        assert.equal(wheel.deadline(row), deadline);
      } else if (choice < 7 && armed !== undefined) {
        wheel.cancel(row);
        model.deadlines.delete(row);
      } else if (choice === 7) {
        assert.ok(wheel.nextDueBound() <= model.earliest(), "the bound is never later than the next deadline");
      } else {
        now += randomStep(random, pace);
        checkDue(wheel, model, now);
      }
    }
    checkDue(wheel, model, now + 10_000 * HOUR);
    assert.equal(wheel.size, 0);
    assert.equal(wheel.nextDueBound(), Number.POSITIVE_INFINITY);
  }
});

test("Whoever sleeps until the bound and asks again meets every deadline in time, in few steps", (t) => {
  const seed = seedOfRun();
  t.diagnostic(`SEED=${String(seed)}`);
  const random = new Random(seed);
  let steps = 0;
  for (let round = 0; round < 100; round += 1) {
    let now = random.below(100_000) / 7;
    const wheel = new TimerWheel(50, now);
    const model = new Model();
    for (let row = 1; row <= 50; row += 1) {
      const deadline = now + randomDelay(random);
      wheel.arm(row, deadline);
      model.set(row, deadline);
    }
    while (wheel.size > 0) {
      const bound = wheel.nextDueBound();
      assert.ok(bound <= model.earliest());
      const before = now;
      now = Math.max(now, bound);
      checkDue(wheel, model, now);
      if (now === before) assert.ok(wheel.nextDueBound() > now, "what is not due does not keep the caller awake");
      steps += 1;
    }
  }
  assert.ok(steps < 100 * 50 * 20, `${String(steps)} steps for 5,000 deadlines`);
});

test("A row is not due a fraction of a millisecond early, and is at its very deadline", () => {
  const wheel = new TimerWheel(4, 0);
  wheel.arm(1, 5.7);
  wheel.arm(2, 5.2);
  wheel.arm(3, 5.7);
  assert.equal(wheel.takeDue(5.1999), 0);
  assert.equal(wheel.nextDueBound(), 5.2);
  assert.equal(wheel.takeDue(5.2), 2);
  assert.equal(wheel.takeDue(5.6999), 0);
  assert.deepEqual([wheel.takeDue(5.7), wheel.takeDue(5.7), wheel.takeDue(5.7)].sort(), [0, 1, 3]);
});

test("A storm can be worked off in slices, and rows armed and cancelled in between count", () => {
  const wheel = new TimerWheel(1_000, 0);
  for (let row = 1; row <= 900; row += 1) wheel.arm(row, 100 + (row % 7) / 7);
  const taken = new Set<number>();
  for (let count = 0; count < 400; count += 1) taken.add(wheel.takeDue(200));
  assert.equal(taken.size, 400);
  assert.ok(wheel.nextDueBound() <= 101, "what is left is overdue");
  for (let row = 1; row <= 900; row += 1) if (!taken.has(row) && row % 2 === 0) wheel.cancel(row);
  wheel.arm(1_000, 150);
  const left = wheel.size;
  const rest = new Set<number>();
  for (let row = wheel.takeDue(200); row !== 0; row = wheel.takeDue(200)) rest.add(row);
  assert.equal(rest.size, left);
  assert.ok(rest.has(1_000));
  assert.equal(wheel.nextDueBound(), Number.POSITIVE_INFINITY);
});

test("The bound of a near deadline is within a millisecond of it, once the time of a cancelled one has passed", () => {
  const wheel = new TimerWheel(10, 1_000);
  wheel.arm(1, 31_000.25);
  wheel.arm(2, 4_000);
  wheel.arm(3, 60_000);
  assert.equal(wheel.nextDueBound(), 4_000);
  wheel.cancel(2);
  assert.equal(wheel.nextDueBound(), 4_000, "still: an early look is harmless");
  assert.equal(wheel.takeDue(4_000), 0);
  assert.equal(wheel.nextDueBound(), 31_000);
  wheel.move(1, 62_000);
  assert.equal(wheel.takeDue(31_000), 0);
  assert.equal(wheel.nextDueBound(), 60_000);
});

test("Far deadlines are spread in small steps, at the wheel's own request, and before their page comes", () => {
  const count = 200_000;
  const page = 32_768;
  const wheel = new TimerWheel(count, 0);
  const random = new Random(3);
  for (let row = 1; row <= count; row += 1) wheel.arm(row, 3 * page + random.below(page * 1_000) / 1_000);

  const asked = wheel.nextDueBound();
  assert.equal(asked, 2 * page, "a page ahead");
  let calls = 0;
  let now = asked;
  for (; now < 3 * page; now = wheel.nextDueBound()) {
    assert.equal(wheel.takeDue(now), 0);
    calls += 1;
  }
  assert.ok(calls > 500, `${String(calls)} calls for 200,000 rows: not many rows in one call`);
  assert.ok(calls < 1_024, `${String(calls)} calls, each 16 ms after the one before, fit into the page before`);
  let taken = 0;
  for (let row = wheel.takeDue(4 * page); row !== 0; row = wheel.takeDue(4 * page)) taken += 1;
  assert.equal(taken, count);
});

test("Far deadlines that nobody had time to spread are due in time all the same", () => {
  const wheel = new TimerWheel(1_000, 0);
  for (let row = 1; row <= 1_000; row += 1) wheel.arm(row, 98_304 + row / 4);
  assert.equal(wheel.takeDue(98_303), 0);
  let taken = 0;
  for (let row = wheel.takeDue(98_304 + 125); row !== 0; row = wheel.takeDue(98_304 + 125)) taken += 1;
  assert.equal(taken, 500);
});

test("Time that stands still or goes back makes nothing due early and loses nothing", () => {
  const wheel = new TimerWheel(4, 1_000);
  wheel.arm(1, 1_500);
  wheel.arm(2, 1_200.5);
  assert.equal(wheel.takeDue(1_300), 2);
  wheel.arm(3, 1_250);
  assert.equal(wheel.takeDue(1_100), 0);
  assert.equal(wheel.takeDue(1_249), 0);
  assert.equal(wheel.takeDue(1_300), 3);
  assert.equal(wheel.takeDue(1_499.9), 0);
  assert.equal(wheel.takeDue(1_500), 1);
});

test("A row armed twice, cancelled or moved unarmed, outside the wheel, or at no time is refused", () => {
  const wheel = new TimerWheel(4, 0);
  wheel.arm(1, 10);
  assert.throws(() => {
    wheel.arm(1, 20);
  }, /one deadline/);
  assert.throws(() => {
    wheel.cancel(2);
  }, /cancelled has one/);
  assert.throws(() => {
    wheel.move(2, 5);
  }, /moves has one/);
  assert.throws(() => wheel.deadline(2), /read has one/);
  assert.throws(() => {
    wheel.arm(0, 5);
  }, /one of the wheel's/);
  assert.throws(() => {
    wheel.arm(5, 5);
  }, /one of the wheel's/);
  assert.throws(() => {
    wheel.cancel(5);
  }, /cancelled has one/);
  for (const deadline of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    assert.throws(() => {
      wheel.arm(2, deadline);
    }, /a time in ms/);
  }
  assert.equal(wheel.takeDue(10), 1);
});
