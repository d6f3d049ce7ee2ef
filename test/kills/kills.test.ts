/** Ten rounds of what `make kills` does two hundred times. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Random, seedOfRun } from "../tables/random.js";
import { playRounds } from "./rounds.js";

test("whatever moment the server is killed at, every answer that it gave is kept (INV-1, INV-2, INV-3)", async (t) => {
  const seed = seedOfRun();
  t.diagnostic(`SEED=${seed}`);
  const { answered } = await playRounds(10, new Random(seed), (line) => t.diagnostic(line));
  assert.ok(answered > 200, `only ${answered} answers: hardly a load`);
});
