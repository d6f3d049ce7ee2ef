/** A dozen of the moments that `make belief` has a thousand of; and that the net finds a client that breaks R-3. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { seedOfRun } from "../tables/random.js";
import { fakeClockMissing } from "./fake-clock.js";
import { FEW, STOPPED } from "./parties.js";
import { runBelief } from "./run.js";

/** The broken client is stopped until it says what is wrong, so often at most. */
const BATCHES_MAX = 8;

test("no two clients say that they hold one lock, whatever happens to them (R-3, INV-4)", {
  skip: fakeClockMissing(),
}, async (t) => {
  const seed = seedOfRun();
  t.diagnostic(`SEED=${seed}`);
  const say = (line: string): void => t.diagnostic(line);
  const result = await runBelief({ seed, moments: 8, parties: FEW, asking: "computed", say });
  t.diagnostic(JSON.stringify(result));
  assert.deepEqual(result.violations, []);
  assert.ok(result.believed > 10, JSON.stringify(result));
});

test("a client that believes until a timer tells it otherwise is found", async (t) => {
  const say = (line: string): void => t.diagnostic(line);
  for (let batch = 1; batch <= BATCHES_MAX; batch++) {
    const result = await runBelief({ seed: batch, moments: 6, parties: STOPPED, asking: "flag", say });
    t.diagnostic(JSON.stringify(result));
    if (result.violations.length > 0) return;
  }
  assert.fail("it said that it held what another was granted, or could have, and the checker found no fault");
});
