/** The n-th call of a store to its disk fails, for a sample of n: `make log-faults` does it for each. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Random, seedOfRun } from "../tables/random.js";
import { buildFailingCalls, FAILURES, runFailing, whyNotBuilt } from "./failing-disk.js";
import { freshDirectory } from "./fresh-store.js";

/** Of each way to fail. */
const SAMPLE = 8;

test("whichever call to the disk fails, what was acknowledged is kept and nothing is acknowledged after (R-7)", {
  skip: whyNotBuilt(),
}, async (t) => {
  const scratch = freshDirectory(t);
  const library = buildFailingCalls(scratch);
  const seed = seedOfRun();
  t.diagnostic(`SEED=${seed}`);
  const random = new Random(seed);
  const whole = await runFailing({ library, scratch, at: 0, how: "error" });
  assert.ok(whole.failed === null && whole.calls > 300, `${whole.calls} calls are hardly a store's life`);
  const step = Math.floor(whole.calls / SAMPLE);
  const sample = Array.from({ length: SAMPLE }, (_, i) => 1 + i * step + random.below(step));
  const lanes = FAILURES.map(async (how) => {
    for (const at of sample) {
      const { failed, told } = await runFailing({ library, scratch, at, how });
      assert.notEqual(failed, null);
      t.diagnostic(`${how} at call ${at}, ${String(failed)}: ${told}`);
    }
  });
  await Promise.all(lanes);
});
