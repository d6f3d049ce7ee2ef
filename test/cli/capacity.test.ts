// What `holdfast plan` reckons, by hand where it matters, and that its figures are those that the benches have kept.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { z } from "zod";
import { planFor, type WantedLoad } from "../../src/cli/capacity.js";
import {
  lockBytes,
  operationAloneUs,
  operationBatchedUs,
  sessionBytes,
  sessionCoreShare,
} from "../../src/cli/measured.js";
import { root } from "../house/house.js";
import { runCommand } from "../node/server-process.js";

const PRICES = { core: 20, memoryGiB: 2.5, diskTB: 80, networkTB: 20 };
const LOAD: WantedLoad = {
  clients: 10_000_000,
  clientsPerConnection: 1,
  averageRate: 67_000,
  peakRate: 200_000,
  locks: 10_000_000,
  auditDays: 90,
  regions: 1,
  replicas: 3,
};

test("90 days of audit of 67,000 operations a second are 125 TB on three replicas, and they break $10,000 a month", () => {
  const plan = planFor(LOAD, PRICES, 10_000);
  const audit = plan.lines.find(({ what }) => what === "disk for the audit trail");
  assert.ok(audit !== undefined);
  assert.ok(Math.abs(audit.amount - (67_000 * 86_400 * 90 * 80 * 3) / 1e12) < 0.01);
  assert.equal(plan.fits, false);
  assert.equal(plan.dearest, "disk for the audit trail");
  const shorter = planFor({ ...LOAD, auditDays: plan.auditDaysInBudget }, PRICES, 10_000);
  assert.equal(shorter.fits, true);
  const oneMore = planFor({ ...LOAD, auditDays: plan.auditDaysInBudget + 1 }, PRICES, 10_000);
  assert.equal(oneMore.fits, false);
});

test("callers that share connections need fewer cores, and never fewer nodes than replicas in each region", () => {
  const alone = planFor(LOAD, PRICES, 10_000);
  const shared = planFor({ ...LOAD, clientsPerConnection: 100 }, PRICES, 10_000);
  assert.ok(shared.nodes < alone.nodes);
  const small = { ...LOAD, clients: 1, averageRate: 1, peakRate: 1, locks: 1, regions: 2 };
  assert.equal(planFor(small, PRICES, 10_000).nodes, 6);
});

test("the figures of the plan are within a third of what the benches have kept last", () => {
  const table = z.array(
    z.object({ name: z.string(), serverCpu: z.number(), opsPerSecond: z.object({ median: z.number() }) }),
  );
  const figures = z.object({ figures: z.array(z.object({ name: z.string(), value: z.number() })) });
  const read = (file: string): unknown => JSON.parse(readFileSync(join(root, "native-bench/results", file), "utf8"));
  const microseconds = (name: string): number => {
    const row = table.parse(read("bench.json")).find((one) => one.name === name);
    assert.ok(row !== undefined, `bench.json has no row ${name}`);
    return (row.serverCpu / row.opsPerSecond.median) * 1e6;
  };
  const figure = (file: string, name: string): number => {
    const found = figures.parse(read(file)).figures.find((one) => one.name === name);
    assert.ok(found !== undefined, `${file} has no figure ${name}`);
    return found.value;
  };
  const close = (planned: number, kept: number, what: string): void => {
    const message = `${what}: src/cli/measured.ts has ${planned}, the bench has kept ${kept}`;
    assert.ok(planned / kept > 0.67 && planned / kept < 1.5, message);
  };
  close(operationAloneUs.value, microseconds("holdfast 64×1"), "an operation alone");
  close(operationBatchedUs.value, microseconds("holdfast 64×16"), "an operation among others");
  const memory = figure("locks.json", "resident memory with all of them") * 1e6;
  close(lockBytes.value, memory / figure("locks.json", "live locks"), "a lock");
  close(sessionBytes.value, figure("idle.json", "memory of a session"), "a session");
  close(sessionCoreShare.value, figure("idle.json", "server") / 100 / 100_000, "an idle session");
});

test("holdfast plan tells people what breaks the budget, and scripts the same as JSON", async () => {
  const people = await runCommand(["plan"]);
  assert.equal(people.exitCode, 0, people.stderr);
  assert.match(people.stdout, /what breaks it is disk for the audit trail/);
  const scripts = await runCommand(["plan", "--json", "--audit-days", "7"]);
  const { plan } = z.object({ plan: z.object({ fits: z.boolean() }) }).parse(JSON.parse(scripts.stdout));
  assert.equal(plan.fits, true);
});
