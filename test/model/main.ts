/**
 * `make model`: every bound to its end (BOUND=name: that one), then every clause switched off in the bound that shows it
 * (CLAUSES=none: only the bounds). A bound that has more than STATES states (a million) is cut off there, and its figures
 * say so. Figures go to test/proof/model.jsonl. It ends with 1 where a bound breaks, or where a
 * clause that is needed can be left out without a break.
 */
import { ProofSeries } from "../proof/proof-lines.js";
import { type Bound, boundNamed, BOUNDS } from "./bounds.js";
import { type Clause, CLAUSES } from "./clauses.js";
import { explore, type Explored } from "./explore.js";
import { exploreWithout } from "./without.js";

const name = process.env["BOUND"] ?? "";
const series = new ProofSeries("model", name === "" ? "make model" : `make model BOUND=${name}`);
const bounds: readonly Bound[] = name === "" ? BOUNDS : [boundNamed(name)];

const STATES = Number(process.env["STATES"] ?? 1_000_000);

function storyOf({ broken }: Explored): string {
  const lines = broken?.story.map((line, index) => `  ${index + 1}. ${line}`) ?? [];
  return [broken?.what ?? "", ...lines].join("\n");
}

function runBound(bound: Bound): void {
  const began = performance.now();
  const found = explore(bound, STATES);
  const seconds = Math.round((performance.now() - began) / 100) / 10;
  const { states, steps, depth } = found;
  const result = found.broken !== null ? "broken" : found.isComplete ? "complete" : "cut off";
  console.log(`${bound.name}: ${bound.why}: ${result}, ${states} states, ${steps} steps, depth ${depth}, ${seconds} s`);
  series.add({ bound: bound.name, states, steps, depth, seconds, result, wrong: found.broken === null ? 0 : 1 });
  if (found.broken === null) return;
  console.log(storyOf(found));
  process.exitCode = 1;
}

async function runClause(clause: Clause): Promise<void> {
  const began = performance.now();
  const found = await exploreWithout(clause);
  const seconds = Math.round((performance.now() - began) / 100) / 10;
  const result = found.broken === null ? "nothing breaks" : found.broken.what;
  console.log(
    `without ${clause.rule}, "${clause.says}" [${clause.bound}]: ${result}, ${found.states} states, ${seconds} s`,
  );
  if (process.env["STORY"] === "1") console.log(storyOf(found));
  const isWrong = (found.broken === null) !== clause.isSpare;
  const { states, depth } = found;
  const without = `${clause.rule}: ${clause.says}`;
  series.add({ bound: clause.bound, without, states, depth, seconds, result, wrong: isWrong ? 1 : 0 });
  if (isWrong) process.exitCode = 1;
}

for (const bound of bounds) runBound(bound);
if (process.env["CLAUSES"] !== "none") {
  for (const clause of CLAUSES) if (name === "" || clause.bound === name) await runClause(clause);
}
