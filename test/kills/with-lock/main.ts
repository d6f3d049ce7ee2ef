/**
 * `make with-lock-kills ROUNDS=100`: so many kills in all for this source under a thousand `withLock` at once. What
 * test/proof already has of this source counts.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { countFrom, ProofSeries } from "../../proof/proof-lines.js";
import { runWithLock } from "../with-lock.js";

/** Kills of one server, and in one line of proof. */
const BATCH = 25;
const CALLS = 1_000;

const wanted = countFrom("ROUNDS", 100);

test(`every withLock ends with its one true outcome through ${wanted} kills`, async () => {
  const series = new ProofSeries("with-lock", `make with-lock-kills ROUNDS=${wanted}`);
  for (let done = series.sum("kills"); done < wanted; done += BATCH) {
    const seed = Math.floor(Math.random() * 2 ** 32);
    const kills = Math.min(BATCH, wanted - done);
    const result = await runWithLock({ kills, calls: CALLS, seed, tell: (line) => console.log(line) });
    series.add({ kills, calls: result.done, wrong: result.wrong.length, seed });
    assert.deepEqual(result.wrong, []);
  }
});
