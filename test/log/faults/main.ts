/** `make log-faults`: the n-th call of a store to its disk fails, for n = 1, 2, ... until a run ends untouched. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ProofSeries } from "../../proof/proof-lines.js";
import { buildFailingCalls, FAILURES, type Failure, runFailing, whyNotBuilt } from "../failing-disk.js";

const TELL_EVERY = 50;

interface Told {
  /** The first n at which nothing failed, less one. */
  readonly calls: number;
  /** How often each fault was said. */
  readonly faults: ReadonlyMap<string, number>;
  readonly wrong: readonly string[];
}

async function failEach(library: string, scratch: string, how: Failure): Promise<Told> {
  const faults = new Map<string, number>();
  const wrong: string[] = [];
  for (let at = 1; ; at++) {
    try {
      const { failed, told } = await runFailing({ library, scratch, at, how });
      if (failed === null) return { calls: at - 1, faults, wrong };
      faults.set(told, (faults.get(told) ?? 0) + 1);
    } catch (error) {
      wrong.push(error instanceof Error ? error.message : String(error));
      console.error(`WRONG: ${wrong.at(-1) ?? ""}`);
    }
    if (at % TELL_EVERY === 0) console.log(`${how}: each call up to the ${at}th has failed, ${wrong.length} wrong`);
  }
}

const missing = whyNotBuilt();
if (missing !== false) {
  console.log(`log-faults skipped: ${missing}`);
} else {
  const scratch = mkdtempSync(join(tmpdir(), "holdfast-faults-"));
  const series = new ProofSeries("log-faults", "make log-faults");
  const library = buildFailingCalls(scratch);
  await Promise.all(
    FAILURES.map(async (how) => {
      const { calls, faults, wrong } = await failEach(library, scratch, how);
      assert.ok(calls > 0);
      const told = [...faults].map(([fault, count]) => `${fault} ${count}`).join(", ");
      console.log(`${how}: ${calls} calls, each failed once; ${told}; ${wrong.length} wrong`);
      series.add({ how, calls, told, wrong: wrong.length });
      if (wrong.length > 0) process.exitCode = 1;
    }),
  );
  rmSync(scratch, { recursive: true, force: true });
}
