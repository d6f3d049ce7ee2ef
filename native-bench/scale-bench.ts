/**
 * `make bench-scale`: how cost grows with each size. PART names some axes (locks, shards, workers, nodes, connections,
 * sessions, names), QUICK=1 shows that all works. The load generator makes names of 16 to 200 bytes, so 8 and 255 are
 * not among them.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { env } from "node:process";
import { buildGenerator, root } from "./generator.js";
import { writeReport } from "./report.js";
import { type AxisName, axes, type ScaleRow } from "./scale.js";
import { keptScale } from "./scale-report.js";

const names: readonly AxisName[] = ["locks", "shards", "workers", "nodes", "connections", "sessions", "names"];
const asked = env["PART"]?.split(",") ?? names;
const unknown = asked.filter((name) => !names.some((axis) => axis === name));
if (unknown.length > 0) throw new Error(`PART is ${unknown.join(",")}; allowed: ${names.join(", ")}`);

buildGenerator();
const rows: ScaleRow[] = [];
for (const name of names.filter((axis) => asked.includes(axis))) {
  const { sizes, unit, measure } = axes[name];
  for (const size of sizes) {
    const seen = await measure(size);
    if (typeof seen === "string") {
      console.log(`${size} ${unit}: skipped: ${seen}`);
      continue;
    }
    rows.push(seen);
    const memory = seen.residentMB === null ? "" : `, ${Math.round(seen.residentMB)} MB`;
    const recovery = seen.recoveryMs === null ? "" : `, recovery ${Math.round(seen.recoveryMs)} ms`;
    console.log(
      `${size} ${unit}: ${Math.round(seen.opsPerSecond)}/s, p99 ${seen.p99Ms.toFixed(2)} ms${memory}${recovery}`,
    );
  }
}
const kept = keptScale().filter(({ axis }) => !asked.includes(axis));
const file = join(root, "native-bench", "results", "scale.json");
writeFileSync(file, `${JSON.stringify([...kept, ...rows], undefined, 2)}\n`);
writeReport();
