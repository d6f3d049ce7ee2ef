/** The abstract model allows what replicas do, in every order that a walk through the explorer's worlds takes, and no more. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Configuration } from "../../src/words/configuration.js";
import { epoch, shardIndex } from "../../src/words/ids.js";
import { Random } from "../tables/random.js";
import { AbstractModel, type AbstractStep } from "./abstract.js";
import { boundNamed } from "./bounds.js";
import { firstWorld } from "./first-world.js";
import { moved, movesOf } from "./moves.js";
import { NAMES, nodeAt, OutOfBound, type World } from "./world.js";

const FIRST: Configuration = {
  shard: shardIndex(0),
  epoch: epoch(1),
  era: 0,
  primary: "a",
  inSync: ["a", "b"],
  replicas: ["a", "b", "c"],
  nonce: "first",
};
const ONE = { epoch: 2, lsn: 1, checksum: 7 };
const START = { epoch: 0, lsn: 0, checksum: 0 };

/** a in office in epoch 2, with an entry that a alone has. */
function inOffice(): AbstractModel {
  const model = new AbstractModel(FIRST);
  const steps: AbstractStep[] = [
    { kind: "configured", configuration: { ...FIRST, epoch: epoch(2), nonce: "2" } },
    { kind: "remembered", replica: "a", epoch: 2 },
    { kind: "served", replica: "a", epoch: 2, head: START },
    { kind: "appended", replica: "a", previous: START, position: ONE },
  ];
  for (const step of steps) assert.ok(model.allows(step), model.why);
  return model;
}

function forbids(model: AbstractModel, step: AbstractStep, why: RegExp): void {
  assert.ok(!model.allows(step), `${step.kind} is allowed`);
  assert.match(model.why, why);
}

test("nothing is committed or answered before every member has stored it (R-8)", () => {
  const model = inOffice();
  forbids(model, { kind: "committed", replica: "a", epoch: 2, position: ONE }, /b has not stored/);
  forbids(model, { kind: "answered", replica: "a", epoch: 2, head: ONE, servedAtRead: 2 }, /before its commit/);
  assert.ok(model.allows({ kind: "appended", replica: "b", previous: START, position: ONE }));
  assert.ok(model.allows({ kind: "committed", replica: "a", epoch: 2, position: ONE }));
  assert.ok(model.allows({ kind: "answered", replica: "a", epoch: 2, head: ONE, servedAtRead: 2 }));
  forbids(model, { kind: "answered", replica: "a", epoch: 2, head: ONE, servedAtRead: 3 }, /after another served/);
});

test("what is committed is not cut, and nobody joins or serves without it (R-7, R-12, R-13)", () => {
  const model = inOffice();
  assert.ok(model.allows({ kind: "appended", replica: "b", previous: START, position: ONE }));
  assert.ok(model.allows({ kind: "committed", replica: "a", epoch: 2, position: ONE }));
  forbids(model, { kind: "cut", replica: "b", to: START }, /below what is committed/);
  const all = { ...FIRST, epoch: epoch(3), inSync: ["a", "b", "c"], nonce: "3" };
  forbids(model, { kind: "configured", configuration: all }, /joins without/);
  const ofLearner = { ...FIRST, epoch: epoch(3), primary: "c", inSync: ["c"], nonce: "3" };
  forbids(model, { kind: "configured", configuration: ofLearner }, /not in sync/);
  forbids(model, { kind: "thrown-away", replica: "b" }, /member throws away/);
  forbids(model, { kind: "served", replica: "b", epoch: 2, head: ONE }, /not the configured primary/);
});

test("one (epoch, LSN) is one entry, and a chain has no gaps (R-7, INV-5)", () => {
  const model = inOffice();
  const other = { ...ONE, checksum: 8 };
  forbids(model, { kind: "appended", replica: "b", previous: START, position: other }, /two entries/);
  forbids(model, { kind: "appended", replica: "b", previous: ONE, position: { ...ONE, lsn: 2 } }, /continues nothing/);
});

for (const name of ["pair", "learner", "crash", "late-swap", "trio", "trio-learner"]) {
  test(`what replicas do in random walks through "${name}" is allowed`, () => {
    const bound = boundNamed(name);
    const random = new Random(0x5eed);
    const first = firstWorld(bound);
    let committed = 0;
    for (let walk = 0; walk < 60; walk++) {
      let world = first;
      const model = new AbstractModel({ ...first.configuration, epoch: epoch(1) });
      for (const step of beginning(first)) assert.ok(model.allows(step), `${step.kind}: ${model.why}`);
      for (let count = 0; count < 60; count++) {
        const moves = movesOf(world, bound);
        const move = moves[random.below(moves.length)];
        if (move === undefined) break;
        const next = movedWithin(world, () => moved(world, move, bound));
        for (const step of stepsBetween(world, next)) assert.ok(model.allows(step), `${step.kind}: ${model.why}`);
        world = next;
      }
      committed += world.books.committed.length;
    }
    assert.ok(committed > 0, "no walk committed anything");
  });
}

function movedWithin(world: World, move: () => World): World {
  try {
    return move();
  } catch (error) {
    if (error instanceof OutOfBound) return world;
    throw error;
  }
}

/** The first office, as the model is told it. */
function beginning({ configuration, books, nodes }: World): readonly AbstractStep[] {
  const by = NAMES[books.served[0]?.by ?? 0] ?? "";
  return [
    { kind: "configured", configuration },
    ...nodes.flatMap(({ disk }, index): AbstractStep[] => {
      const replica = NAMES[index] ?? "";
      return disk.remembered === null ? [] : [{ kind: "remembered", replica, epoch: disk.remembered.epoch }];
    }),
    { kind: "served", replica: by, epoch: configuration.epoch, head: START },
  ];
}

/** What one move did to disks, offices and commits. */
function stepsBetween(before: World, after: World): readonly AbstractStep[] {
  const steps: AbstractStep[] = [];
  const { configuration, books } = after;
  if (configuration !== before.configuration) steps.push({ kind: "configured", configuration });
  for (const [index, replica] of NAMES.entries()) steps.push(...stepsOfDisk(before, after, index, replica));
  for (const { epoch: at, by } of books.served.slice(before.books.served.length)) {
    const replica = NAMES[by] ?? "";
    // Taking office commits all that is there; going on by a larger epoch nothing.
    const isGoingOn = nodeAt(before, by).state?.isServing === true;
    const end = isGoingOn ? before.books.committed.at(-1) : nodeAt(after, by).disk.entries.at(-1)?.position;
    const head = end ?? START;
    steps.push({ kind: "served", replica, epoch: at, head });
  }
  for (const position of books.committed.slice(before.books.committed.length)) {
    const by = books.served.findLast((one) => (nodeAt(after, one.by).state?.committed ?? 0) >= position.lsn);
    if (by !== undefined) {
      steps.push({ kind: "committed", replica: NAMES[by.by] ?? "", epoch: by.epoch, position });
    }
  }
  return steps;
}

function stepsOfDisk(before: World, after: World, index: number, replica: string): readonly AbstractStep[] {
  const [old, now] = [nodeAt(before, index).disk, nodeAt(after, index).disk];
  const steps: AbstractStep[] = [];
  if (now.remembered !== null && now.remembered !== old.remembered) {
    steps.push({ kind: "remembered", replica, epoch: now.remembered.epoch });
  }
  let kept = 0;
  while (kept < old.entries.length && old.entries[kept] === now.entries[kept]) kept++;
  if (kept < old.entries.length) steps.push({ kind: "cut", replica, to: old.entries[kept - 1]?.position ?? START });
  for (const { previous, position } of now.entries.slice(kept)) {
    steps.push({ kind: "appended", replica, previous, position });
  }
  return steps;
}
