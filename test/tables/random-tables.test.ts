/** A short share of `make tables-long`. */
import { test } from "node:test";
import { seedOfRun } from "./random.js";
import { runRandomTables } from "./random-tables.js";

const OPERATIONS = 100_000;

test("names, rows, index and wheel agree with a Map and a sorted list after each operation and each growth", (t) => {
  const seed = seedOfRun();
  t.diagnostic(`SEED=${seed}`);
  runRandomTables(OPERATIONS, seed);
});
