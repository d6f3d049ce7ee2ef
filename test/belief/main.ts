/**
 * `make belief ROUNDS=1000`: so many moments in all for this source at which a client that may believe in a lock is
 * stopped, busy, given strange clocks or a strange wire. What test/proof already has of this source counts, so a run that
 * was stopped goes on where it was. With SEED one batch is played again, as far as a machine can, and not recorded.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { countFrom, ProofSeries } from "../proof/proof-lines.js";
import { fakeClockMissing } from "./fake-clock.js";
import { EXACT, STANDING } from "./parties.js";
import { type BeliefResult, runBelief } from "./run.js";

/** Moments in one server's life, and in one line of proof. */
const BATCH = 100;
/** One batch in so many has clocks that stand. */
const STANDING_EACH = 4;

const wanted = countFrom("ROUNDS", 1_000);
const givenSeed = process.env["SEED"];

async function play(batch: number, moments: number, seed: number): Promise<BeliefResult> {
  const parties = batch % STANDING_EACH === STANDING_EACH - 1 && STANDING.length > 0 ? STANDING : EXACT;
  console.log(`SEED=${seed} BATCH=${batch} ROUNDS=${moments}, ${parties.length} processes`);
  const result = await runBelief({ seed, moments, parties, asking: "computed", say: () => undefined });
  console.log(JSON.stringify(result));
  return result;
}

test(`at ${wanted} moments no two clients say that they hold one lock`, async () => {
  const missing = fakeClockMissing();
  if (missing !== false) console.log(`without clocks that jump: ${missing}`);
  if (givenSeed !== undefined) {
    const { violations } = await play(countFrom("BATCH", 1), wanted, Number(givenSeed));
    assert.deepEqual(violations, []);
    return;
  }
  const series = new ProofSeries("belief", `make belief ROUNDS=${wanted}`);
  for (let done = series.sum("met"), batch = Math.floor(done / BATCH); done < wanted; batch++) {
    const seed = Math.floor(Math.random() * 2 ** 32);
    const { violations, ...figures } = await play(batch, BATCH, seed);
    series.add({ ...figures, wrong: violations.length, seed, batch });
    assert.deepEqual(violations, []);
    done += figures.met;
    console.log(`${done} of ${wanted} moments`);
  }
});
