/** The part of REPORT.md about `make bench-scale`, out of `results/scale.json`. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { root } from "./generator.js";
import { type AxisName, axes, type ScaleRow } from "./scale.js";

const scaleRow: z.ZodType<ScaleRow> = z.object({
  axis: z.enum(["locks", "shards", "workers", "nodes", "connections", "sessions", "names"]),
  size: z.number(),
  opsPerSecond: z.number(),
  p99Ms: z.number(),
  residentMB: z.number().nullable(),
  recoveryMs: z.number().nullable(),
});

/** The rows as kept; empty if there are none yet. */
export function keptScale(): readonly ScaleRow[] {
  const file = join(root, "native-bench", "results", "scale.json");
  return existsSync(file) ? z.array(scaleRow).parse(JSON.parse(readFileSync(file, "utf8"))) : [];
}

/** A table for each axis; empty if nothing was measured yet. */
export function scaleSection(round: (value: number) => string): readonly string[] {
  const groups = new Map<AxisName, ScaleRow[]>();
  for (const row of keptScale()) groups.set(row.axis, [...(groups.get(row.axis) ?? []), row]);
  if (groups.size === 0) return [];
  const shown = (value: number | null): string => (value === null ? "" : round(value));
  const tables = [...groups].flatMap(([axis, rows]) => [
    `### ${axes[axis].unit}`,
    "",
    `The code promises: ${axes[axis].promise}.`,
    "",
    "| size | operations a second | p99 ms | memory MB | recovery ms |",
    "|---|---|---|---|---|",
    ...rows.map(({ size, opsPerSecond, p99Ms, residentMB, recoveryMs }) => {
      const cells = [round(size), round(opsPerSecond), round(p99Ms), shown(residentMB), shown(recoveryMs)];
      return `| ${cells.join(" | ")} |`;
    }),
    "",
  ]);
  return ["## How cost grows", "", "`make bench-scale`: one size is varied, all else stays as it is.", "", ...tables];
}
