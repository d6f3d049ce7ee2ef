/** The control plane never changes a configuration against its revision, and may do anything to who asks it. */
import assert from "node:assert/strict";
import test from "node:test";
import {
  CALM_CONTROL,
  type ControlAnswer,
  ControlPlane,
  type ControlRequest,
  type ControlSettings,
  type Entry,
} from "./control-plane.js";
import { Machine } from "./machine.js";
import { World } from "./world.js";

interface Table {
  readonly world: World;
  readonly plane: ControlPlane<string>;
  readonly asker: Machine;
  readonly heard: string[];
  readonly ask: (request: ControlRequest<string>) => void;
}

function table(settings: Partial<ControlSettings> = {}, seed = 1): Table {
  const world = new World({ seed });
  const plane = new ControlPlane<string>(world, { ...CALM_CONTROL, ...settings });
  const asker = new Machine(world, { name: "node-1", driftPpm: 0, wallAheadUs: 0, timerLateMaxUs: 0 });
  asker.start();
  plane.preset(1, "first");
  const heard: string[] = [];
  const ask = (request: ControlRequest<string>): void =>
    plane.request(asker.process, request, (answer) => heard.push(textOf(answer)));
  return { world, plane, asker, heard, ask };
}

function textOf(answer: ControlAnswer<string>): string {
  if (answer.kind === "unknown") return `unknown: ${answer.why}`;
  if (answer.kind === "entries") return answer.entries.map(entryText).join(", ");
  return `${answer.kind} ${entryText(answer.entry)}`;
}

const entryText = (entry: Entry<string>): string => `${entry.shard}=${String(entry.configuration)}@${entry.revision}`;

const swap = (expectedRevision: number, next: string): ControlRequest<string> => {
  return { kind: "compare-and-swap", shard: 1, expectedRevision, next };
};

test("a compare-and-swap is made on its revision only, and reads see it", () => {
  const { world, heard, ask } = table();
  const steps: ControlRequest<string>[] = [
    swap(1, "second"),
    swap(1, "stale"),
    { kind: "read", shard: 1 },
    { kind: "read", shard: 2 },
    { kind: "compare-and-swap", shard: 2, expectedRevision: 0, next: "other" },
    { kind: "read-all" },
  ];
  for (const step of steps) {
    ask(step);
    world.run(world.nowUs + 3_000_000);
  }
  assert.deepEqual(heard, [
    "swapped 1=second@2",
    "comparison-failed 1=second@2",
    "entry 1=second@2",
    "entry 2=null@0",
    "swapped 2=other@3",
    "1=second@2, 2=other@3",
  ]);
});

test("a change may be applied and unanswered, or answered as failed though it was made", () => {
  const silent = table({ unanswered: 1 });
  silent.ask(swap(1, "second"));
  silent.world.run(3_000_000);
  assert.deepEqual([silent.heard, silent.plane.peek(1).configuration], [["unknown: timed-out"], "second"]);

  const lying = table({ falseFailure: 1 });
  lying.ask(swap(1, "second"));
  lying.world.run(3_000_000);
  assert.deepEqual(lying.heard, ["comparison-failed 1=second@2"]);
});

test("a change may be applied after its time-out and after any number of reads, and only on its revision even then", () => {
  const { world, plane, heard, ask } = table({ late: 1, lateMaxUs: 10_000_000 });
  ask(swap(1, "late"));
  world.run(2_100_000);
  assert.deepEqual(heard.splice(0), ["unknown: timed-out"]);
  let reads = 0;
  while (plane.peek(1).configuration !== "late") {
    ask({ kind: "read", shard: 1 });
    world.run(world.nowUs + 500_000);
    reads++;
    assert.ok(reads < 30);
  }
  assert.ok(heard.filter((line) => line === "entry 1=first@1").length >= 1, heard.join("; "));
  assert.equal(world.states.get("compare-and-swap applied after its time-out"), 1);

  const other = table({ late: 1, lateMaxUs: 10_000_000 });
  other.ask(swap(1, "late"));
  other.ask(swap(1, "later"));
  other.world.run(30_000_000);
  assert.equal(other.plane.history.length, 2, "one of the two was made, the other found another revision");
});

test("away, it answers nobody, or one asker only, and never says more than unknown", () => {
  for (let seed = 0; seed < 20; seed++) {
    const { world, plane, heard, ask } = table({}, seed);
    plane.goAway();
    ask(swap(1, "lost"));
    world.run(3_000_000);
    assert.match(heard.join(), /^unknown: (timed-out|unreachable)$/);
    plane.comeBack();
    plane.cutOff("node-2");
    ask({ kind: "read", shard: 1 });
    world.run(6_000_000);
    plane.cutOff("node-1");
    ask({ kind: "read", shard: 1 });
    world.run(9_000_000);
    plane.heal();
    ask({ kind: "read", shard: 1 });
    world.run(12_000_000);
    assert.equal(heard[1], "entry 1=first@1");
    assert.match(heard[2] ?? "", /^unknown/);
    assert.equal(heard[3], "entry 1=first@1");
  }
});

test("watchers are told in order, late and at times again, and the dead are not", () => {
  const { world, plane, asker, ask } = table({ repeated: 0.5, watchMaxUs: 3_000_000 });
  const seen: number[] = [];
  const stop = plane.watch(asker, (entry) => seen.push(entry.revision));
  for (let i = 1; i <= 20; i++) {
    ask(swap(i, `next ${i}`));
    world.run(world.nowUs + 1_000_000);
  }
  world.run(world.nowUs + 20_000_000);
  const firsts = seen.filter((revision, i) => seen.indexOf(revision) === i);
  assert.deepEqual(
    firsts,
    [...firsts].sort((one, other) => one - other),
  );
  assert.equal(firsts.length, 20);
  assert.ok(seen.length > 20, "some were told again");
  stop();
  ask(swap(21, "unseen"));
  world.run(world.nowUs + 20_000_000);
  assert.ok(!seen.includes(22));
});

test("an answer reaches its process when it is awake, and no later life of it", () => {
  const { world, asker, heard, ask } = table();
  ask({ kind: "read", shard: 1 });
  asker.halt("stopped");
  world.run(10_000_000);
  assert.deepEqual(heard, []);
  ask({ kind: "read", shard: 1 });
  asker.kill();
  asker.start();
  world.run(20_000_000);
  assert.equal(heard.length, 0);
});

test("restored from a copy, it knows only what was before it", () => {
  const { world, plane, heard, ask } = table();
  ask(swap(1, "second"));
  world.run(3_000_000);
  ask(swap(2, "third"));
  world.run(6_000_000);
  plane.goBack(1);
  ask({ kind: "read", shard: 1 });
  world.run(9_000_000);
  assert.equal(heard.at(-1), "entry 1=second@2");
});
