/** What a seed draws is its own, each thing is off in some seeds, and the last whole copy is spared. */
import assert from "node:assert/strict";
import test from "node:test";
import { ControlPlane, CALM_CONTROL } from "./control-plane.js";
import { ControlWeather } from "./control-weather.js";
import { CALM_DISK, Disk } from "./disk.js";
import { LOSSES, Losses } from "./losses.js";
import { Planner } from "./planner.js";
import { SimStore } from "./store.js";
import { drawSwarm, FAULTS, OPERATIONS } from "./swarm.js";
import { World } from "./world.js";

test("one seed draws one swarm, and each fault and operation is there in some seeds and not in others", () => {
  assert.deepEqual(drawSwarm(0x5eed), drawSwarm(0x5eed));
  const swarms = Array.from({ length: 300 }, (_, seed) => drawSwarm(seed));
  for (const fault of FAULTS) {
    const count = swarms.filter((swarm) => swarm.faults[fault] > 0).length;
    if (fault === "control-back") assert.equal(count, 0, "only by its profile");
    else assert.ok(count > 40 && count < 200, `${fault} is there in ${count} of 300 seeds`);
  }
  for (const operation of OPERATIONS) {
    const count = swarms.filter((swarm) => swarm.operations[operation] > 0).length;
    const isAlways = operation === "acquire" || operation === "release";
    assert.ok(isAlways ? count === 300 : count > 100 && count < 200, `${operation}: ${count} of 300`);
  }
  const kinds = swarms.map((swarm) => FAULTS.filter((fault) => swarm.faults[fault] > 0).length);
  assert.ok(Math.min(...kinds) <= 3 && Math.max(...kinds) >= 15, "from nearly calm to nearly everything");
});

test("a fault that is left out changes nothing else of a seed's draw", () => {
  const whole = drawSwarm(17);
  const without = drawSwarm(17, "default", FAULTS);
  assert.deepEqual(without.shape, whole.shape);
  assert.deepEqual(without.product, whole.product);
  assert.deepEqual(without.operations, whole.operations);
  assert.ok(FAULTS.every((fault) => without.faults[fault] === 0));
});

test("profiles lift what they say", () => {
  for (let seed = 0; seed < 50; seed++) {
    assert.ok(FAULTS.every((fault) => drawSwarm(seed, "quiet").faults[fault] === 0));
    assert.ok(drawSwarm(seed, "default").driftPpmMax <= 500);
    assert.equal(drawSwarm(seed, "drift-beyond").driftPpmMax, 5_000);
    assert.equal(drawSwarm(seed, "default").sparedCopies, 1);
    assert.equal(drawSwarm(seed, "last-copy").sparedCopies, 0);
    assert.ok(drawSwarm(seed, "control-back").faults["control-back"] > 0);
    for (const loss of LOSSES) assert.ok(drawSwarm(seed, "lost-disk").faults[loss] > 0);
  }
});

test("the planner spares the last whole copy of each shard, and a copy that has caught up counts again", () => {
  const planner = new Planner(new World({ seed: 1 }), 1);
  for (const store of ["a", "b", "c"]) planner.noteWhole(1, store);
  for (const store of ["a", "b"]) planner.noteWhole(2, store);
  assert.deepEqual(planner.sufficientStores(), ["a"]);
  assert.equal(planner.ask("a"), true);
  assert.deepEqual([planner.isWhole(1, "a"), planner.isWhole(1, "b")], [false, true]);
  assert.equal(planner.ask("b"), false, "shard 2 has no other");
  assert.equal(planner.ask("c"), true);
  planner.noteWhole(2, "c");
  assert.equal(planner.ask("b"), false, "shard 1 has no other");
  planner.noteWhole(1, "c");
  assert.equal(planner.ask("b"), true);
  assert.deepEqual(planner.sufficientStores(), ["c"]);
  const careless = new Planner(new World({ seed: 1 }), 0);
  careless.noteWhole(1, "a");
  assert.equal(careless.ask("a"), true);
});

test("losses strike disks that nobody has, within the planner's word, and a suppressed one does not happen", () => {
  for (const isSuppressed of [false, true]) {
    const suppressed = new Set(isSuppressed ? ["b/store-lost#1"] : []);
    const world = new World({ seed: 1, suppressed });
    const planner = new Planner(world, 1);
    const losses = new Losses(world, planner);
    const disks = ["a", "b"].map((name) => {
      const disk = new Disk(world, name, CALM_DISK);
      disk.make(name, 0);
      planner.noteWhole(1, name);
      return disk;
    });
    const [one, other] = disks;
    assert.ok(one !== undefined && other !== undefined);
    const owner = { whenAwake: (act: () => void): void => act() };
    const store = SimStore.open({ world, disk: other, owner, createAs: null, era: 0, ringBytes: 65_536 });
    assert.equal(losses.strike(other, "store-lost"), false, "a process has it");
    store.end();
    assert.equal(losses.strike(other, "store-older"), false, "there is no copy");
    assert.equal(planner.isWhole(1, "b"), true, "what did not happen costs nothing");
    assert.equal(losses.strike(other, "store-lost"), !isSuppressed);
    assert.equal(other.isMade, isSuppressed);
    assert.equal(losses.strike(one, "store-lost"), isSuppressed, "the last whole copy is spared");
    assert.equal(world.states.get("the last whole copy was spared"), isSuppressed ? 0 : 1);
  }
});

test("the control plane's weather comes and goes, and is over when healed", () => {
  const world = new World({ seed: 4, story: "last" });
  const plane = new ControlPlane<string>(world, CALM_CONTROL);
  const strengths = drawSwarm(4, "quiet").faults;
  const faults = { ...strengths, "control-away": 1, "control-slow": 1, "control-cut-off": 1, "control-back": 1 };
  for (let shard = 0; shard < 8; shard++) plane.preset(shard, "first");
  const weather = new ControlWeather({ world, plane, askers: ["node-0", "node-1"], faults });
  world.run(30_000_000);
  const said = world.story.last.join("\n");
  for (const what of [/: away$/m, /times as slow/, /away for node-/, /: back/, /restored from a copy/]) {
    assert.match(said, what);
  }
  weather.heal();
  assert.equal(plane.isAway, false);
  const { length } = world.decisions;
  world.run(300_000_000);
  assert.equal(world.decisions.length, length);
  assert.equal(plane.isAway, false);
});
