/** A process of its own that runs the seeds it is told and answers what came of each: one for each core (main.ts). */
import { run } from "./run.js";
import { isProfile, type SeedAnswer } from "./seeds.js";

/** One seed in so many runs twice, and both runs must have the same digest. */
const TWICE_EVERY = 20;

process.on("message", (message: unknown) => {
  if (typeof message !== "object" || message === null || !("seed" in message) || !("profile" in message)) return;
  const { seed, profile } = message;
  if (typeof seed === "number" && typeof profile === "string") process.send?.(answerOf(seed, profile));
});
process.on("disconnect", () => process.exit(0));

function answerOf(seed: number, name: string): SeedAnswer {
  const profile = isProfile(name) ? name : "default";
  const result = run({ seed, profile });
  const again = seed % TWICE_EVERY === 0 ? run({ seed, profile }).digest : result.digest;
  const { simulatedSeconds, failOvers, operations, answers } = result;
  const failure =
    again === result.digest
      ? result.failure
      : { invariant: "determinism", message: `two runs, two digests: ${result.digest} and ${again}` };
  const states = [...result.states].filter(([, count]) => count > 0).map(([state]) => state);
  return {
    seed,
    digest: result.digest,
    simulatedSeconds,
    failOvers,
    operations,
    answers,
    failure: failure ?? null,
    states,
  };
}
