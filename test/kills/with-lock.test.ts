/** One of the hundred kills of `make with-lock-kills`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { seedOfRun } from "../tables/random.js";
import { runWithLock } from "./with-lock.js";

test("calls of withLock ride through kill -9: each runs its work once, and nothing is left behind", async (t) => {
  const seed = seedOfRun();
  t.diagnostic(`SEED=${seed}`);
  const { done, wrong } = await runWithLock({ kills: 1, calls: 200, seed, tell: (line) => t.diagnostic(line) });
  assert.deepEqual(wrong, []);
  assert.ok(done >= 200, `${done} calls`);
});
