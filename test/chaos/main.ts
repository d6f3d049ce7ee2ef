/**
 * `make chaos`: DURATION=300s SEED=n RUNS=1 runs of a real cluster under faults. Each run's result is a line of
 * test/proof/chaos.jsonl; what was wrong is told, and the exit code is 1.
 */
import { parseDuration } from "../../src/words/duration.js";
import { countFrom, ProofSeries } from "../proof/proof-lines.js";
import { Random, seedOfRun } from "../tables/random.js";
import { runChaos } from "./run.js";

const DURATION_DEFAULT = "300s";

const runs = countFrom("RUNS", 1);
const given = process.env["DURATION"] ?? DURATION_DEFAULT;
const duration = parseDuration(given);
if (duration.kind === "refused") throw new Error(`DURATION=${given} is refused: ${duration.reason}`);
const series = new ProofSeries("chaos", `make chaos DURATION=${given}`);
const seeds = new Random(seedOfRun());
for (let run = 0; run < runs; run++) {
  const seed = run === 0 ? seedOfRun() : seeds.bits();
  console.log(`chaos: SEED=${seed} DURATION=${given}`);
  const result = await runChaos({
    seed,
    durationMs: duration.value,
    clients: 12,
    sessions: 50,
    shards: 64,
    flags: [],
    say: (line) => console.log(line),
  });
  console.log(JSON.stringify(result, null, 2));
  const { seconds, answers, offices, violations } = result;
  series.add({ runs: 1, seconds: Math.round(seconds), answers, offices, wrong: violations.length, seed });
  if (violations.length > 0) process.exitCode = 1;
}
