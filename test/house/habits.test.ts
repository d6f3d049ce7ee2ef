/** Sizes, names, words, first comments and rule numbers, in each file of the house. */
import assert from "node:assert/strict";
import test from "node:test";
import { aboutRules, brokenHabitsOf } from "./habits.js";
import { assertNone, readSources } from "./house.js";

test("every file keeps to the sizes, names and words of the house, and names only rules that exist", () => {
  assertNone(readSources().flatMap(brokenHabitsOf));
});

test("every page of prose names only rules that exist", () => {
  assertNone(readSources(["src", "config", "native-bench"], ".md").flatMap(aboutRules));
});

test("each broken habit is seen, and is the only one that is seen", () => {
  const good = "/** Why. */\nexport const x: number = 1;";
  const broken: readonly (readonly [string, string])[] = [
    ["src/engine/x.ts", `${good}\n// TO` + "DO: later"],
    ["src/engine/x.ts", `${good}\nexport const y: number = z as ` + "any;"],
    ["src/engine/x.ts", `${good}\n// @ts-` + "ignore"],
    ["test/engine/x.test.ts", `${good}\ntest` + '.only("a", f);'],
    ["test/engine/x.test.ts", `${good}\ndescribe` + '.skip("a", f);'],
    ["src/engine/x.ts", `${good}\nexport ` + '* from "./y.js";'],
    ["src/engine/x.ts", `${good}\nclass LockMan` + "ager {}"],
    ["src/engine/x.ts", good.replace("/** Why. */\n", "")],
    ["src/engine/x.ts", `${good}\n// R` + "-21"],
    ["src/engine/x.ts", `${good}\n// INV` + "-12"],
    ["src/engine/x.ts", `${good}${"\n".repeat(400)}`],
    ["src/engine/ut" + "ils.ts", good],
    ["src/com" + "mon/x.ts", good],
    ["src/engine/fooBar.ts", good],
  ];
  for (const [path, text] of broken) {
    assert.equal(brokenHabitsOf({ path, text }).length, 1, `${path}: ${text.trimEnd()}`);
  }
  assert.deepEqual(brokenHabitsOf({ path: "src/engine/a-thing.test.ts", text: `${good}\n// R-20, INV-11` }), []);
});
