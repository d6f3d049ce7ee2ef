/** Plans of faults: the same seed plans the same, all kinds come, never more than three at a time, and there is time to heal. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../tables/random.js";
import { planOf } from "./plan.js";

const PARTIES = {
  nodes: ["node-0", "node-1", "node-2"],
  etcds: ["etcd-0", "etcd-1", "etcd-2"],
  clients: ["client-0", "client-1"],
};
const RUN = { ms: 300_000, longestMs: 30_000 };

test("a plan is the seed's, has every kind, and leaves the end to healing", () => {
  for (let seed = 1; seed <= 50; seed++) {
    const plan = planOf(new Random(seed), PARTIES, RUN);
    assert.deepEqual(plan, planOf(new Random(seed), PARTIES, RUN));
    assert.equal(new Set(plan.map(({ kind }) => kind)).size, 8, `seed ${seed} has not all kinds`);
    for (const { fromMs, toMs } of plan) {
      assert.ok(fromMs < toMs && toMs <= RUN.ms - 20_000);
      const under = plan.filter((other) => other.fromMs <= fromMs && other.toMs > fromMs);
      assert.ok(under.length <= 3, `seed ${seed}: ${under.length} at a time`);
    }
  }
});

test("no process is killed, stopped or restarted twice at a time", () => {
  for (let seed = 1; seed <= 50; seed++) {
    const plan = planOf(new Random(seed), PARTIES, RUN).filter(({ kind }) =>
      ["kill", "restart", "pause"].includes(kind),
    );
    for (const [index, one] of plan.entries()) {
      for (const other of plan.slice(index + 1)) {
        const isApart = one.target !== other.target || one.toMs <= other.fromMs || other.toMs <= one.fromMs;
        assert.ok(isApart, `seed ${seed}: ${JSON.stringify(one)} beside ${JSON.stringify(other)}`);
      }
    }
  }
});
