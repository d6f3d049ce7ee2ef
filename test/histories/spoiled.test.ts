/** The checker lets real histories pass, and none of 200 that were spoiled on purpose. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { seedOfRun } from "../tables/random.js";
import { checkHistory, describe } from "./check.js";
import { readHistoryLines } from "./read-history.js";
import { recordHistory } from "./record.js";
import { SPOILS } from "./spoil.js";
import { spoil } from "./spoiled.js";

const SPOILED = 200;

test("what clients saw of a server that was killed is linearizable, and nothing spoiled passes", async (t) => {
  const seed = seedOfRun();
  t.diagnostic(`SEED=${seed}`);
  const goods = [
    await recordHistory({ seed, lives: 2, linesPerLife: 700 }),
    await recordHistory({ seed: seed + 1, lives: 1, linesPerLife: 700 }),
  ];
  for (const good of goods) {
    const book = readHistoryLines(good);
    assert.deepEqual(checkHistory(book).map(describe), []);
    assert.ok(book.operations > 100, `only ${book.operations} operations`);
  }

  const made = new Map<string, number>();
  for (const { kind, rules, lines } of spoil(goods, SPOILED, seed)) {
    made.set(kind, (made.get(kind) ?? 0) + 1);
    const found = checkHistory(readHistoryLines(lines));
    assert.ok(found.length > 0, `${kind} passes`);
    for (const violation of found) assert.ok(rules.includes(violation.rule), `${kind}: ${describe(violation)}`);
  }
  const missing = [...SPOILS.keys()].filter((kind) => !made.has(kind));
  assert.deepEqual(missing, [], "kinds that found no place");
  assert.equal(
    [...made.values()].reduce((sum, count) => sum + count, 0),
    SPOILED,
  );
});
