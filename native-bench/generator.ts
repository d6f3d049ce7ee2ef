/**
 * Builds the load generator when its sources are newer, runs it, and reads what it prints: lines of JSON, notices as
 * they come and the result at the end.
 */
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { z } from "zod";

/** The top of the checkout. */
export const root: string = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const sources: string = join(root, "native-bench", "load");
const binary: string = join(root, "native-bench", "build", "load");
/** GCC 12 warns of overlaps inside std::string that are not there (its bug 105651). */
const compilerFlags: readonly string[] = ["-std=c++20", "-O3", "-Wall", "-Wextra", "-Wno-restrict"];

/** What one phase of a run has seen. `generatorCpu` is a share of one core; latencies are in milliseconds. */
export interface Phase {
  readonly name: string;
  readonly seconds: number;
  readonly operations: number;
  readonly opsPerSecond: number;
  readonly generatorCpu: number;
  readonly latencyMs: { p50: number; p95: number; p99: number; p999: number; max: number; mean: number };
  readonly answers: Readonly<Record<string, number>>;
  readonly errors: Readonly<Record<string, number>>;
}

/** What a whole run has seen. */
export interface RunResult {
  readonly mode: string;
  readonly server: string;
  readonly errorCount: number;
  readonly phases: readonly Phase[];
  readonly violations: number;
  readonly firstViolations: readonly string[];
  readonly locksFilled?: number | undefined;
}

const phaseLine: z.ZodType<Phase> = z.object({
  name: z.string(),
  seconds: z.number(),
  operations: z.number(),
  opsPerSecond: z.number(),
  generatorCpu: z.number(),
  latencyMs: z.object({
    p50: z.number(),
    p95: z.number(),
    p99: z.number(),
    p999: z.number(),
    max: z.number(),
    mean: z.number(),
  }),
  answers: z.record(z.string(), z.number()),
  errors: z.record(z.string(), z.number()),
});

const resultLine: z.ZodType<RunResult> = z.object({
  mode: z.string(),
  server: z.string(),
  errorCount: z.number(),
  phases: z.array(phaseLine),
  violations: z.number(),
  firstViolations: z.array(z.string()),
  locksFilled: z.number().optional(),
});

/** Compiles the generator if a source is newer than the binary. @throws Error if g++ fails. */
export function buildGenerator(): void {
  const files = readdirSync(sources).map((name) => join(sources, name));
  const newest = Math.max(...files.map((file) => statSync(file).mtimeMs));
  if (existsSync(binary) && statSync(binary).mtimeMs > newest) return;
  mkdirSync(dirname(binary), { recursive: true });
  const units = files.filter((file) => file.endsWith(".cc"));
  execFileSync("g++", [...compilerFlags, "-o", binary, ...units], { stdio: "inherit" });
}

/**
 * Runs the generator with `words` to its end. `onNotice` is called for each notice that it prints, by its name.
 * @throws Error if it fails, or if the server broke an invariant.
 */
export async function generate(
  words: readonly string[],
  onNotice: (reached: string) => void = () => undefined,
): Promise<RunResult> {
  const child = spawn(binary, [...words, "--json"], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<number | null>((resolve) => child.once("close", (code) => resolve(code)));
  let result: RunResult | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    const value: unknown = JSON.parse(line);
    const notice = z.object({ notice: z.string() }).safeParse(value);
    if (notice.success) onNotice(notice.data.notice);
    else result = resultLine.parse(value);
  }
  const code = await ended;
  const command = `load ${words.join(" ")}`;
  if (result !== undefined && result.violations > 0) {
    throw new Error(`${command}: ${result.violations} invariants broken: ${result.firstViolations.join("; ")}`);
  }
  if (code !== 0 || result === undefined) throw new Error(`${command}: exit code ${String(code)}`);
  return result;
}

/** The phase of that name. @throws Error if the run had none. */
export function phaseOf(result: RunResult, name: string): Phase {
  const found = result.phases.find((phase) => phase.name === name);
  if (found === undefined) throw new Error(`the run has no phase ${name}`);
  return found;
}
