/** Clocks stand and run as those of real machines do, and a process that can't act does nothing, and later all of it. */
import assert from "node:assert/strict";
import test from "node:test";
import { Machine } from "./machine.js";
import { World } from "./world.js";

const CALM = { name: "node-1", driftPpm: 0, wallAheadUs: 0, timerLateMaxUs: 0 };

function machineIn(world: World, options: Partial<typeof CALM> = {}): Machine {
  const machine = new Machine(world, { ...CALM, ...options });
  machine.start();
  return machine;
}

/** How far each clock went on while `act` ran the world. */
function elapsed(machine: Machine, act: () => void): { monotonic: number; boot: number; wall: number } {
  const { monotonicUs, bootUs, wallUs } = machine.clocks;
  act();
  const { clocks } = machine;
  return { monotonic: clocks.monotonicUs - monotonicUs, boot: clocks.bootUs - bootUs, wall: clocks.wallUs - wallUs };
}

test("a clock runs at its rate, and changes it without a jump", () => {
  const world = new World({ seed: 1 });
  const machine = machineIn(world, { driftPpm: 500 });
  assert.deepEqual(
    elapsed(machine, () => world.run(10_000_000)),
    { monotonic: 10_005_000, boot: 10_005_000, wall: 10_005_000 },
  );
  const drifted = elapsed(machine, () => {
    machine.setDrift(-500);
    world.run(20_000_000);
  });
  assert.ok(Math.abs(drifted.monotonic - 9_995_000) <= 1);
});

test("suspended, the monotonic clock stands and the others go on; paused, all stand; stopped, none does", () => {
  const world = new World({ seed: 1 });
  const machine = machineIn(world);
  const runFor = (us: number): void => world.run(world.nowUs + us);
  const during = (why: "stopped" | "suspended" | "paused"): ReturnType<typeof elapsed> =>
    elapsed(machine, () => {
      machine.halt(why);
      runFor(1_000_000);
      machine.go(why);
      runFor(0);
    });

  const reading = (why: "suspended" | "paused"): ReturnType<typeof elapsed> =>
    elapsed(machine, () => {
      machine.halt(why);
      runFor(1_000_000);
    });

  assert.deepEqual(during("suspended"), { monotonic: 0, boot: 1_000_000, wall: 1_000_000 });
  assert.deepEqual(during("paused"), { monotonic: 0, boot: 0, wall: 0 });
  assert.deepEqual(during("stopped"), { monotonic: 1_000_000, boot: 1_000_000, wall: 1_000_000 });
  assert.deepEqual(
    elapsed(machine, () => machine.clocks.jumpWall(-5_000_000)),
    { monotonic: 0, boot: 0, wall: -5_000_000 },
  );
  assert.deepEqual(reading("suspended"), { monotonic: 0, boot: 1_000_000, wall: 1_000_000 });
  assert.deepEqual(reading("paused"), { monotonic: 0, boot: 0, wall: 0 });
});

test("a timer goes by the monotonic clock, waits while it stands, and never rings early", () => {
  const world = new World({ seed: 1 });
  const machine = machineIn(world, { driftPpm: -500 });
  const rang: number[] = [];
  const setAt = machine.clocks.monotonicUs;
  machine.setTimer(1_000_000, () => rang.push(machine.clocks.monotonicUs - setAt));
  const cancelled = machine.setTimer(1_000_000, () => rang.push(-1));
  machine.cancelTimer(cancelled);
  world.run(500_000);
  machine.halt("suspended");
  world.run(60_000_000);
  assert.equal(rang.length, 0);
  machine.go("suspended");
  machine.setDrift(500);
  world.run(70_000_000);

  assert.equal(rang.length, 1);
  assert.ok((rang[0] ?? 0) >= 1_000_000 && (rang[0] ?? 0) <= 1_000_002, `rang after ${String(rang[0])} us`);
});

test("a timer of a machine that was suspended rings when its clock has made up for it", () => {
  const world = new World({ seed: 1 });
  const machine = machineIn(world);
  let rangAt = 0;
  machine.setTimer(1_000_000, () => {
    rangAt = world.nowUs;
  });
  for (const why of ["suspended", "paused", "stopped"] as const) {
    world.run(world.nowUs + 100_000);
    machine.halt(why);
    world.run(world.nowUs + 10_000_000);
    machine.go(why);
  }
  world.run(100_000_000);
  assert.equal(rangAt, 30_300_000, "the clocks of a stopped process run, so it rings as soon as that goes on");
});

test("what reaches a process that can't act waits in order, and what reaches a dead one is gone", () => {
  const world = new World({ seed: 1 });
  const machine = machineIn(world);
  const done: string[] = [];
  machine.halt("stopped");
  machine.halt("paused");
  machine.whenAwake(() => {
    done.push("first");
    machine.halt("stopped");
  });
  machine.whenAwake(() => done.push("second"));
  machine.go("paused");
  world.run(1);
  assert.equal(done.length, 0, "one reason is left");
  machine.go("stopped");
  machine.whenAwake(() => done.push("third"));
  world.run(2);
  assert.deepEqual(done, ["first"], "it was stopped in the middle");
  machine.go("stopped");
  world.run(3);
  assert.deepEqual(done, ["first", "second", "third"]);

  machine.setTimer(10, () => done.push("timer of the dead"));
  machine.halt("stopped");
  machine.whenAwake(() => done.push("message to the dead"));
  const dead = machine.process;
  machine.kill();
  const next = machine.start();
  dead.whenAwake(() => done.push("answer to the dead"));
  next.whenAwake(() => done.push("the next life"));
  assert.deepEqual([dead.isUp, next.isUp], [false, true]);
  world.run(1_000_000);
  assert.deepEqual(done.slice(3), ["the next life"]);
  assert.equal(machine.life, 2);
});

test("timers come late where they may, never by more than their bound", () => {
  const world = new World({ seed: 1 });
  const machine = machineIn(world, { timerLateMaxUs: 5_000_000 });
  let late = 0;
  for (let i = 0; i < 500; i++) {
    machine.setTimer(1_000, () => {
      if (world.nowUs > 1_001) late++;
    });
  }
  world.run(5_001_000);
  assert.ok(late > 0 && late < 50, `${late} of 500 were late`);
  assert.equal(world.waitingCount, 0);
});
