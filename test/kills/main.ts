/** `make kills ROUNDS=200`: as many kills as you have time for. SEED repeats the moments, as far as a machine can. */
import { test } from "node:test";
import { Random, seedOfRun } from "../tables/random.js";
import { runClientRounds } from "./client-rounds.js";
import { playRounds } from "./rounds.js";

const rounds = Number(process.env["ROUNDS"] ?? 200);

test(`after ${rounds} kills under load every answer is kept`, async (t) => {
  const seed = seedOfRun();
  t.diagnostic(`SEED=${seed}`);
  await playRounds(rounds, new Random(seed), (line) => console.log(line));
});

test(`after ${rounds} kills under load the library and HTTP find all that was answered`, async () => {
  const seed = seedOfRun();
  console.log(`SEED=${seed}`);
  await runClientRounds({ rounds, seed, tell: (line) => console.log(line) });
});
