/** The default tests' share of the simulator: some fresh seeds, all that ever failed, and that a run is a function. */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { describe, test } from "node:test";
import type { RunSettings } from "./cast/settings.js";
import { run } from "./run.js";
import { runSeeds } from "./seeds.js";
import { foundSeeds } from "./shrink.js";

const SHARE_MS = 10_000;
const PROCESSES = 2;
/** Few, because a cluster's seed takes a second; 12, 102, 5,069 and 5,231 have failed once. */
const CLUSTER_SEEDS: readonly number[] = [12, 102, 5_069, 5_231];

const LOSING_SEEDS: readonly number[] = [50_103, 50_106];

describe("the simulator", () => {
  test("finds no broken invariant in fresh seeds", async () => {
    const firstSeed = randomInt(2 ** 40);
    const done = await runSeeds({
      firstSeed,
      seedCountMax: 400,
      durationMs: SHARE_MS,
      processes: PROCESSES,
      profile: "default",
    });
    const failures = done.failures.map(
      ({ seed, failure }) => `make simulate SEED=0x${seed.toString(16)}: ${failure?.message.split("\n")[0]}`,
    );
    assert.deepEqual(failures, []);
    assert.ok(done.answers.length > 0);
    assert.ok(done.answers.reduce((sum, { answers }) => sum + answers, 0) > 0, "clients were answered");
  });

  test("finds no broken invariant in clusters, whose primaries are killed, cut off and stopped", () => {
    const results = CLUSTER_SEEDS.map((seed) => run({ seed, profile: "cluster" }));
    assert.deepEqual(
      results.flatMap(({ seed, failure }) => (failure === undefined ? [] : [`${seed}: ${failure.message}`])),
      [],
    );
    const sum = (pick: (result: (typeof results)[number]) => number): number =>
      results.reduce((total, result) => total + pick(result), 0);
    assert.ok(sum(({ failOvers }) => failOvers) >= CLUSTER_SEEDS.length, "offices changed");
    assert.ok(sum(({ answers }) => answers) > 100, "clients were answered");
  });

  test("finds no broken invariant where stores are lost and replaced, and offices are handed over", () => {
    const settings = (drawn: RunSettings): RunSettings => ({
      ...drawn,
      faults: { ...drawn.faults, handOver: 0.5, storeLost: 0.5 },
    });
    const results = LOSING_SEEDS.map((seed) => run({ seed, profile: "cluster", settings }));
    assert.deepEqual(
      results.flatMap(({ seed, failure }) => (failure === undefined ? [] : [`${seed}: ${failure.message}`])),
      [],
    );
    for (const state of ["an office is handed over", "a lost store's successor is in sync"])
      assert.ok(
        results.some(({ states }) => states.has(state)),
        state,
      );
  });

  test("gives the same digest for a cluster twice", () => {
    const [seed = 0] = CLUSTER_SEEDS;
    assert.equal(run({ seed, profile: "cluster" }).digest, run({ seed, profile: "cluster" }).digest);
  });

  test("gives the same digest for a seed in every process", async () => {
    const seeds = 3;
    const wanted = { firstSeed: 7, seedCountMax: seeds, durationMs: 60_000, processes: 1, profile: "default" } as const;
    const { answers } = await runSeeds(wanted);
    assert.equal(answers.length, seeds);
    for (const { seed, digest } of answers) assert.equal(run({ seed }).digest, digest, `seed ${seed}`);
  });

  test("tells a story without changing what happens", () => {
    const lines: string[] = [];
    const told = run({ seed: 7, story: (line) => lines.push(line) });
    assert.equal(told.digest, run({ seed: 7 }).digest);
    assert.ok(lines.length > 100);
  });

  for (const { name, seed, profile, invariant, suppressed } of foundSeeds()) {
    test(`does not break ${invariant} again by ${name}`, () => {
      const { failure } = run({ seed, profile, suppressed: new Set(suppressed) });
      assert.equal(failure?.message, undefined);
    });
  }
});
