/**
 * `make kills ROUNDS=1000`: so many rounds in all for this source, of raw connections and as many of the library and HTTP.
 * What test/proof already has of this source counts, so a run that was stopped goes on where it was. With SEED one batch
 * of ROUNDS is played again, as far as a machine can, and nothing is recorded.
 */
import { test } from "node:test";
import { countFrom, ProofSeries } from "../proof/proof-lines.js";
import { Random } from "../tables/random.js";
import { runClientRounds } from "./client-rounds.js";
import { playRounds } from "./rounds.js";

/** Rounds on one data directory, and in one line of proof. */
const BATCH = 25;

type Clients = "raw" | "library";

const wanted = countFrom("ROUNDS", 200);
const givenSeed = process.env["SEED"];

/** Plays one batch. @returns how many answers were checked. @throws Error naming the answer that was not kept */
async function play(clients: Clients, rounds: number, seed: number): Promise<number> {
  console.log(`${clients}: SEED=${seed} ROUNDS=${rounds}`);
  const tell = (line: string): void => console.log(`${clients}, ${line}`);
  if (clients === "library") return runClientRounds({ rounds, seed, tell });
  return (await playRounds(rounds, new Random(seed), tell)).answered;
}

async function playOn(clients: Clients): Promise<void> {
  const series = new ProofSeries(`kills-${clients}`, `make kills ROUNDS=${wanted}`);
  const began = performance.now();
  let done = series.sum("rounds");
  console.log(`${clients}: ${done} rounds of ${wanted} are done at this source`);
  while (done < wanted) {
    const rounds = Math.min(BATCH, wanted - done);
    const seed = Math.floor(Math.random() * 2 ** 32);
    try {
      series.add({ rounds, answers: await play(clients, rounds, seed), wrong: 0, seed });
    } catch (error) {
      series.add({ rounds: 0, answers: 0, wrong: 1, seed });
      throw error;
    }
    done += rounds;
    console.log(`${clients}: ${done} of ${wanted} rounds, after ${Math.round((performance.now() - began) / 1_000)} s`);
  }
}

for (const clients of ["raw", "library"] as const) {
  test(`after ${wanted} kills under load ${clients} clients find every answer kept`, async () => {
    if (givenSeed === undefined) await playOn(clients);
    else await play(clients, wanted, Number(givenSeed));
  });
}
