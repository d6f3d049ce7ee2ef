/**
 * What the benches keep: one JSON file for each part under `native-bench/results/`, from which the report is made.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { env } from "node:process";
import { z } from "zod";
import { root } from "./generator.js";

const resultsDir: string = join(root, "native-bench", "results");

/** A short run that shows that everything works: its figures say little. */
export const isQuick: boolean = env["QUICK"] === "1";

/** The parts, in the order in which they run. */
export const partNames: readonly PartName[] = ["table", "open", "handover", "locks", "idle", "sdk"];
/** One part of the benches. */
export type PartName = "table" | "open" | "handover" | "locks" | "idle" | "sdk";

/** The middle and the ends of what several rounds gave. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** One server at one place of the table; `ratioToEcho` is 1 for the echo itself, shares of processors are of one core. */
export interface TableRow {
  readonly name: string;
  readonly connections: number;
  readonly window: number;
  readonly opsPerSecond: Spread;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly ratioToEcho: number;
  readonly serverCpu: number;
  readonly generatorCpu: number;
}

/** One figure of another part; `met` is null where there is no target. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly target: string;
  readonly met: boolean | null;
}

/** All figures of one part, and how they were made. */
export interface FiguresFile {
  readonly quick: boolean;
  readonly at: string;
  readonly commands: readonly string[];
  readonly figures: readonly Figure[];
}

const spread: z.ZodType<Spread> = z.object({ median: z.number(), min: z.number(), max: z.number() });

const tableRow: z.ZodType<TableRow> = z.object({
  name: z.string(),
  connections: z.number(),
  window: z.number(),
  opsPerSecond: spread,
  p50Ms: z.number(),
  p95Ms: z.number(),
  p99Ms: z.number(),
  ratioToEcho: z.number(),
  serverCpu: z.number(),
  generatorCpu: z.number(),
});

const figure: z.ZodType<Figure> = z.object({
  name: z.string(),
  value: z.number(),
  unit: z.string(),
  target: z.string(),
  met: z.boolean().nullable(),
});

const figuresFile: z.ZodType<FiguresFile> = z.object({
  quick: z.boolean(),
  at: z.string(),
  commands: z.array(z.string()),
  figures: z.array(figure),
});

/** The parts of the cluster's benches. */
export const clusterPartNames: readonly ClusterPartName[] = ["cluster", "cluster-open", "cluster-handover", "failover"];
/** One part of the cluster's benches. */
export type ClusterPartName = "cluster" | "cluster-open" | "cluster-handover" | "failover";

function pathOf(part: PartName | ClusterPartName): string {
  return join(resultsDir, part === "table" ? "bench.json" : `${part}.json`);
}

function write(part: PartName | ClusterPartName, content: unknown): void {
  mkdirSync(resultsDir, { recursive: true });
  writeFileSync(pathOf(part), `${JSON.stringify(content, undefined, 2)}\n`);
}

function read(part: PartName | ClusterPartName): unknown {
  if (!existsSync(pathOf(part))) return undefined;
  const content: unknown = JSON.parse(readFileSync(pathOf(part), "utf8"));
  return content;
}

/** Keeps a table: `results/bench.json`, `results/cluster.json`. */
export function writeTable(rows: readonly TableRow[], part: "table" | "cluster" = "table"): void {
  write(part, rows);
}

/** Keeps the figures of a part: `results/<part>.json`. */
export function writeFigures(
  part: PartName | ClusterPartName,
  commands: readonly string[],
  figures: readonly Figure[],
): void {
  write(part, { quick: isQuick, at: new Date().toISOString(), commands, figures });
}

/** A table as kept; empty if there is none yet. */
export function readTable(part: "table" | "cluster" = "table"): readonly TableRow[] {
  const content = read(part);
  return content === undefined ? [] : z.array(tableRow).parse(content);
}

/** The figures of a part as kept, if there are any. */
export function readFigures(part: PartName | ClusterPartName): FiguresFile | undefined {
  const content = read(part);
  return content === undefined ? undefined : figuresFile.parse(content);
}

/** Median, smallest and largest of at least one value. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((left, right) => left - right);
  const at = (index: number): number => sorted[index] ?? Number.NaN;
  const half = sorted.length / 2;
  const median = sorted.length % 2 === 1 ? at(Math.floor(half)) : (at(half - 1) + at(half)) / 2;
  return { median, min: at(0), max: at(sorted.length - 1) };
}

/** A figure that must stay below `bound`. */
export function below(name: string, value: number, unit: string, bound: number): Figure {
  return { name, value, unit, target: `< ${bound} ${unit}`, met: value < bound };
}

/** A figure that is only told. */
export function told(name: string, value: number, unit: string): Figure {
  return { name, value, unit, target: "", met: null };
}
