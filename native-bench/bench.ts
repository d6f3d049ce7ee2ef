/**
 * Runs the benches: `node dist/native-bench/bench.js`, all parts or those that PART names (a comma between), QUICK=1
 * for a short run that only shows that everything works.
 */
import { env } from "node:process";
import { buildGenerator } from "./generator.js";
import { runHandover } from "./handover.js";
import { runIdle } from "./idle.js";
import { runLocks } from "./locks.js";
import { runOpenLoop } from "./open-loop.js";
import { writeReport } from "./report.js";
import { type PartName, partNames, readFigures } from "./results.js";
import { runSdk } from "./sdk.js";
import { runTable } from "./table.js";

const runs: Readonly<Record<PartName, () => Promise<void>>> = {
  table: runTable,
  open: runOpenLoop,
  handover: runHandover,
  locks: runLocks,
  idle: runIdle,
  sdk: runSdk,
};

/** The parts that PART names. @throws Error if it names one that there is not. */
function wantedParts(): readonly PartName[] {
  const wanted = env["PART"]?.split(",") ?? partNames;
  const unknown = wanted.filter((name) => !partNames.some((part) => part === name));
  if (unknown.length > 0) throw new Error(`PART is ${unknown.join(",")}; allowed: ${partNames.join(", ")}`);
  return partNames.filter((part) => wanted.includes(part));
}

const wanted = wantedParts();
if (wanted.some((part) => part !== "sdk")) buildGenerator();
for (const part of wanted) {
  console.log(`== ${part}`);
  await runs[part]();
  const figures = part === "table" ? undefined : readFigures(part)?.figures;
  if (figures !== undefined) console.table(figures);
  writeReport();
}
