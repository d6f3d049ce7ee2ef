/** Thousands of short random runs: what the rules promise holds after every turn, and when all is healed it goes on. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { randomRun, type Run } from "./random-cluster.js";

const RUNS = 2_000;
const STEPS = 150;

/** What fails names its seed. */
function runOf(seed: number, steps: number): Run {
  try {
    return randomRun(seed, steps);
  } catch (error) {
    throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

test("INV-3, INV-5: whatever is lost, repeated or late, logs agree and what is committed stays", () => {
  const sum = { commits: 0, answered: 0, offices: 0 };
  for (let seed = 1; seed <= RUNS; seed++) {
    const { watch } = runOf(seed, STEPS);
    sum.commits += watch.commits;
    sum.answered += watch.answered;
    sum.offices += watch.offices;
  }
  // A run in which nothing happens finds nothing.
  assert.ok(sum.commits > RUNS && sum.answered > RUNS && sum.offices > RUNS, JSON.stringify(sum));
});

test("INV-9: when the faults are over, somebody takes office, commits, and all come in sync again", () => {
  for (let seed = 1; seed <= RUNS / 20; seed++) {
    const { cluster, watch } = runOf(seed, STEPS);
    cluster.heal();
    const before = watch.commits;
    for (let passed = 0; passed < 30_000 && watch.commits === before; passed += 500) cluster.run(500, 1);
    assert.ok(watch.commits > before, `seed ${seed}: nothing is committed`);
    const { control } = cluster;
    for (let passed = 0; passed < 60_000 && control.configuration.inSync.length < 3; passed += 500) cluster.run(500);
    assert.equal(control.configuration.inSync.length, 3, `seed ${seed}: a learner is not added`);
  }
});
