/** The world keeps its order and its word: one seed is one run, whatever it is asked. */
import assert from "node:assert/strict";
import test from "node:test";
import { listenToRare, sometimes, unlikely } from "../../../src/words/rare.js";
import { Queue } from "./queue.js";
import { Random } from "./random.js";
import { World } from "./world.js";

test("acts run by time, and those of one time in the order in which they were added", () => {
  const world = new World({ seed: 1 });
  const ran: string[] = [];
  world.at(20, () => ran.push("c"));
  world.at(10, () => {
    ran.push("a");
    world.in(10, () => ran.push("e"));
  });
  world.at(20, () => ran.push("d"));
  world.at(10, () => ran.push("b"));
  world.at(31, () => ran.push("too late"));

  world.run(30);

  assert.deepEqual(ran, ["a", "b", "c", "d", "e"]);
  assert.equal(world.nowUs, 30);
  assert.equal(world.waitingCount, 1);
});

test("a run that is stopped goes on where it was", () => {
  const world = new World({ seed: 1 });
  const ran: number[] = [];
  for (let i = 0; i < 4; i++) {
    world.at(i, () => {
      ran.push(i);
      if (i === 1) world.stop();
    });
  }
  world.run(10);
  assert.deepEqual([ran, world.nowUs], [[0, 1], 1]);
  world.run(10);
  assert.deepEqual([ran, world.nowUs], [[0, 1, 2, 3], 10]);
});

test("the queue takes, cancels and grows as a sorted list does", () => {
  const random = new Random(7, "queue");
  const queue = new Queue();
  let model: { timeUs: number; number: number; handle: number }[] = [];
  const spent: number[] = [];
  let added = 0;
  let taken = -1;
  for (let step = 0; step < 60_000; step++) {
    const isGrowing = Math.floor(step / 6_000) % 2 === 0;
    const draw = random.unit();
    if (draw < (isGrowing ? 0.6 : 0.2)) {
      const number = added++;
      const timeUs = random.below(500);
      const handle = queue.add(timeUs, () => {
        taken = number;
      });
      model.push({ timeUs, number, handle });
    } else if (draw < (isGrowing ? 0.7 : 0.4) && model.length > 0) {
      const gone = random.pick(model);
      assert.equal(queue.cancel(gone.handle), true);
      model = model.filter((entry) => entry !== gone);
      spent.push(gone.handle);
    } else if (model.length > 0) {
      const next = model.reduce((first, entry) => (isBefore(entry, first) ? entry : first));
      assert.equal(queue.nextUs, next.timeUs);
      queue.take()();
      assert.equal(taken, next.number);
      model = model.filter((entry) => entry !== next);
      spent.push(next.handle);
    }
    if (spent.length > 0 && step % 7 === 0)
      assert.equal(queue.cancel(random.pick(spent)), false, "a spent handle fits");
    assert.equal(queue.count, model.length);
  }
});

function isBefore(one: { timeUs: number; number: number }, other: { timeUs: number; number: number }): boolean {
  return one.timeUs < other.timeUs || (one.timeUs === other.timeUs && one.number < other.number);
}

test("what one name draws never shifts what another draws", () => {
  const alone = new World({ seed: 0x5eed });
  const shared = new World({ seed: 0x5eed });
  const drawn: number[] = [];
  for (let i = 0; i < 100; i++) {
    drawn.push(alone.random("disk-2").bits());
    shared.random("network").bits();
    if (i % 3 === 0) shared.random(`client-${i}`).unit();
  }
  assert.deepEqual(
    drawn.map(() => shared.random("disk-2").bits()),
    drawn,
  );
  assert.notEqual(shared.random("disk-2").bits(), drawn[0], "dice go on where they were");
  const others = [new Random(0x5eed, "disk-3"), new Random(0x5eee, "disk-2"), new Random(0x5eed + 2 ** 32, "disk-2")];
  for (const other of others) assert.notEqual(other.bits(), drawn[0]);
});

/** As they were when the first seed was run: other ones would make other runs of all seeds that are kept. */
const GOLDEN_DRAWS: readonly number[] = [1404875648, 3655623098, 985, 147309081581, 295];

test("the dice are those of every machine, for ever", () => {
  const random = new Random(0x5eed, "network");
  assert.deepEqual(
    [random.bits(), random.bits(), random.below(1_000), random.between(0, 2 ** 40), random.longTail(300, 1_000_000)],
    GOLDEN_DRAWS,
  );
});

test("draws keep to their bounds and their chances", () => {
  const random = new Random(3, "bounds");
  let isTrue = 0;
  let belowMedian = 0;
  for (let i = 0; i < 100_000; i++) {
    assert.ok(random.below(7) < 7);
    const between = random.between(-3, 3);
    assert.ok(Number.isInteger(between) && between >= -3 && between <= 3);
    const tail = random.longTail(1_000, 50_000);
    assert.ok(tail >= 700 && tail <= 50_000);
    if (tail < 1_000) belowMedian++;
    if (random.chance(0.1)) isTrue++;
  }
  assert.ok(Math.abs(isTrue - 10_000) < 500, `chance(0.1) came ${isTrue} times in 100,000`);
  assert.ok(Math.abs(belowMedian - 50_000) < 1_000, `the median is one: ${belowMedian} of 100,000 are below`);
});

test("a digest tells runs apart by what, in which order, and how it was cut", () => {
  const digestOf = (fold: (world: World) => void): string => {
    const world = new World({ seed: 1 });
    fold(world);
    return world.digest.hex;
  };
  const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
  const runs = [
    digestOf(() => undefined),
    digestOf(({ digest }) => digest.fold(0)),
    digestOf(({ digest }) => digest.fold(-0)),
    digestOf(({ digest }) => digest.fold(0.5)),
    digestOf(({ digest }) => digest.fold(2 ** 40)),
    digestOf(({ digest }) => {
      digest.fold(1);
      digest.fold(2);
    }),
    digestOf(({ digest }) => {
      digest.fold(2);
      digest.fold(1);
    }),
    digestOf(({ digest }) => digest.foldBytes(bytes(1, 2, 3, 4, 5))),
    digestOf(({ digest }) => {
      digest.foldBytes(bytes(1, 2, 3, 4));
      digest.foldBytes(bytes(5));
    }),
    digestOf(({ digest }) => digest.foldBytes(bytes(0))),
    digestOf(({ digest }) => digest.foldBytes(bytes(0, 0))),
    digestOf(({ digest }) => digest.foldText("ab")),
  ];
  assert.equal(new Set(runs).size, runs.length);
  for (const run of runs) assert.match(run, /^[0-9a-f]{16}$/);
});

test("a decision that is suppressed does not come true, and keeps the names of the others", () => {
  const run = (suppressed: readonly string[]): { came: number[]; decisions: readonly string[] } => {
    const world = new World({ seed: 9, suppressed: new Set(suppressed) });
    const random = world.random("faults");
    const came: number[] = [];
    for (let i = 0; i < 50; i++) if (world.decide(`fault-${i % 2}`, random.chance(0.3))) came.push(i);
    return { came, decisions: world.decisions };
  };
  const whole = run([]);
  const [first, second] = whole.decisions;
  assert.ok(first !== undefined && second !== undefined && whole.decisions.length > 5);

  const without = run([second]);

  assert.deepEqual(
    without.decisions,
    whole.decisions.filter((id) => id !== second),
  );
  assert.equal(without.came.length, whole.came.length - 1);
  assert.equal(without.came[0], whole.came[0]);
});

test("a quarter of the seeds has an unlikely point on, and production never goes its way", () => {
  assert.equal(unlikely("nobody listens"), false);
  let on = 0;
  for (let seed = 0; seed < 400; seed++) {
    const world = new World({ seed });
    listenToRare(world);
    try {
      let isSeen = false;
      for (let i = 0; i < 1_000; i++) if (unlikely("early-flush")) isSeen = true;
      if (isSeen) on++;
      sometimes("seen", isSeen);
      sometimes("never", false);
      assert.deepEqual(
        [...world.states],
        [
          ["seen", isSeen ? 1 : 0],
          ["never", 0],
        ],
      );
    } finally {
      listenToRare(null);
    }
  }
  assert.ok(on > 60 && on < 140, `${on} of 400 seeds`);
});

test("a story keeps its last 200 lines, and one that nobody wants is never made", () => {
  let made = 0;
  const line = (): string => `line ${made++}`;
  const untold = new World({ seed: 1 });
  untold.tell(line);
  assert.equal(made, 0);

  const told = new World({ seed: 1, story: "last" });
  for (let i = 0; i < 1_000; i++) told.tell(line);
  assert.equal(told.story.last.length, 200);
  assert.equal(told.story.last.at(-1), "    0.000000 line 999");
});

test("the queue bears 500,000 acts, and prints what one costs", (context) => {
  const world = new World({ seed: 1 });
  const random = world.random("speed");
  let left = 500_000;
  const again = (): void => {
    if (left-- > 0) world.in(random.longTail(300, 1_000_000), again);
  };
  for (let i = 0; i < 1_000; i++) again();
  const began = process.cpuUsage(); // Other processes may have the cores.
  world.run(Number.MAX_SAFE_INTEGER);
  const nanos = (process.cpuUsage(began).user * 1_000) / world.actCount;
  context.diagnostic(`${nanos.toFixed(0)} ns for an act of 1,000 waiting`);
  assert.equal(world.waitingCount, 0);
});
