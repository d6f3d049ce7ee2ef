/** `make tables-long OPERATIONS=10000000`: so many random operations on the tables, held against plain models. */
import { countFrom, ProofSeries } from "../../proof/proof-lines.js";
import { Random, seedOfRun } from "../random.js";
import { runRandomTables } from "../random-tables.js";

/** Operations of one line of proof, each with tables and a seed of its own. */
const BATCH = 1_000_000;

const wanted = countFrom("OPERATIONS", 10_000_000);
const series = new ProofSeries("tables", "make tables-long");
const random = new Random(seedOfRun());
for (let done = 0; done < wanted; done += BATCH) {
  const operations = Math.min(BATCH, wanted - done);
  const seed = random.bits();
  try {
    runRandomTables(operations, seed);
    series.add({ operations, wrong: 0, seed });
    console.log(`${done + operations} of ${wanted} operations`);
  } catch (error) {
    series.add({ operations: 0, wrong: 1, seed });
    throw error;
  }
}
