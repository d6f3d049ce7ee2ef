/** That every mutant still fits the source, and that five of them, which are quick, are found by their checks. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { hunt } from "./hunt.js";
import { mutated } from "./mutant.js";
import { mutantNamed, MUTANTS } from "./mutants.js";
import { sourceOf } from "./scratch-tree.js";

const QUICK: readonly string[] = [
  "answer-before-commit",
  "shared-overtakes-exclusive",
  "session-ends-too-early",
  "shared-beside-exclusive",
  "freed-row-left-in-the-wheel",
];
const SEEDS_MAX = 40;

describe("mutants", () => {
  test("there are at least forty, each with a name of its own", () => {
    assert.ok(MUTANTS.length >= 40);
    assert.equal(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length);
  });

  for (const mutant of MUTANTS) {
    test(`${mutant.name} is a patch of the source as it stands`, () => {
      const source = sourceOf(mutant);
      assert.notEqual(mutated(mutant, source), source);
    });
  }

  for (const name of QUICK) {
    test(`${name} is found by the check that it breaks`, async () => {
      const { by, seeds, others } = await hunt(mutantNamed(name), { firstSeed: 1, seedsMax: SEEDS_MAX });
      assert.notEqual(by, "", `not in ${seeds} seeds; but ${JSON.stringify([...others])}`);
    });
  }
});
