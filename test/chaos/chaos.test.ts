/** A minute of chaos on real processes: three nodes, three members of etcd, clients that record, faults by seed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { etcdMissing } from "../control/etcd-process.js";
import { seedOfRun } from "../tables/random.js";
import { runChaos } from "./run.js";

test("a minute of faults on three real nodes breaks no promise", { skip: etcdMissing }, async (t) => {
  const seed = seedOfRun();
  t.diagnostic(`SEED=${seed}`);
  const result = await runChaos({
    seed,
    durationMs: 40_000,
    clients: 3,
    sessions: 8,
    shards: 8,
    flags: [],
    say: (line) => t.diagnostic(line),
  });
  t.diagnostic(JSON.stringify({ ...result, violations: result.violations.length }));
  assert.deepEqual(result.violations, []);
  assert.ok(result.answers > 200, `only ${result.answers} answers: the run shows nothing`);
});
