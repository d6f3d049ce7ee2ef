/**
 * Runs a store on a disk whose n-th call fails (failing-calls.c), and holds what is left against what was acknowledged:
 * nothing is lost, the failed store says a typed fault, and after it nothing is acknowledged.
 */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { root } from "../house/house.js";
import { checkKept } from "./kept.js";

const CHILD = fileURLToPath(new URL("./failing-child.js", import.meta.url));

/** How a call fails: with an error, or because the power is gone from there on. */
export type Failure = "error" | "power";

/** All of them. */
export const FAILURES: readonly Failure[] = ["error", "power"];

/** Faults that a disk that fails may be told as; `store-stopped` would call it a bug of ours. */
const FAULTS: readonly string[] = ["disk-failed", "disk-full"];
/** SQLite tells a sector that can't be read as damage, and that is what it is. */
const READ_FAULTS: readonly string[] = [...FAULTS, "store-damaged"];
/**
 * What SQLite does without. The directory is synced once more by us before the store is open, and the journal is only
 * that of an empty database which becomes one with a WAL.
 */
const SPARE: readonly string[] = ["open .", "fsync .", "fsync store-0.db-journal"];

/** One run. */
export interface Run {
  /** What the call was and of which file, as `fsync store-0.db-wal`; null: the run ended before it. */
  readonly failed: string | null;
  /** Calls that the run made. */
  readonly calls: number;
  /** What the child said of the failure: a fault's code, `power`, or `nothing` where SQLite does without the call. */
  readonly told: string;
}

/** Why no library can be built here; false: it can. */
export function whyNotBuilt(): string | false {
  return spawnSync("gcc", ["--version"]).error === undefined ? false : "needs gcc";
}

/** Builds the library that fails calls into `directory`. @returns its path */
export function buildFailingCalls(directory: string): string {
  const path = join(directory, "failing-calls.so");
  const source = join(root, "test/log/failing-calls.c");
  const built = spawnSync("gcc", ["-shared", "-fPIC", "-O1", "-o", path, source, "-ldl", "-lpthread"]);
  assert.equal(built.status, 0, built.stderr.toString());
  return path;
}

/** What to run. */
export interface FailingPlan {
  /** Path of the library. */
  readonly library: string;
  /** For the store's directory and the trace; both are made anew. */
  readonly scratch: string;
  /** Which call fails, from 1; 0: none. */
  readonly at: number;
  readonly how: Failure;
}

/** Runs both lives of the store, and checks what is left. @throws AssertionError naming the call and what went wrong */
export async function runFailing(plan: FailingPlan): Promise<Run> {
  const { library, scratch, at, how } = plan;
  const directory = join(scratch, `store-${how}-${at}`);
  const trace = `${directory}.trace`;
  mkdirSync(directory, { recursive: true });
  const { lines, exitCode } = await runChild(directory, {
    LD_PRELOAD: library,
    FAILING_UNDER: directory,
    FAILING_AT: String(at),
    FAILING_HOW: how,
    FAILING_TRACE: trace,
  });
  const calls = readFileSync(trace, "utf8").trim().split("\n");
  const due = calls.find((line) => line.endsWith(" failed"))?.split(" ");
  const failed = due === undefined ? null : due.slice(1, 3).join(" ");
  try {
    const told = await checkRun(directory, lines, { how, failed, exitCode });
    rmSync(directory, { recursive: true });
    rmSync(trace);
    return { failed, calls: calls.length, told };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`${how} at call ${at}, ${failed ?? "none"}, said ${lines.join(", ")}: ${why}`, { cause: error });
  }
}

interface Outcome {
  readonly how: Failure;
  /** As in `Run`. */
  readonly failed: string | null;
  readonly exitCode: number | null;
}

async function checkRun(directory: string, lines: readonly string[], outcome: Outcome): Promise<string> {
  const { how, failed, exitCode } = outcome;
  const acknowledged = Math.max(0, ...lines.filter((line) => /^\d+$/.test(line)).map(Number));
  const at = lines.findIndex((line) => line.startsWith("fault "));
  const fault = lines[at]?.slice("fault ".length);
  if (fault === undefined) {
    assert.equal(exitCode, failed !== null && how === "power" ? 77 : 0, "the process ended in another way");
    if (failed !== null && how === "error") assert.ok(SPARE.includes(failed), "the store went on");
  } else {
    assert.ok(failed !== null, `a fault without a failure: ${fault}`);
    assert.ok((failed.startsWith("read ") ? READ_FAULTS : FAULTS).includes(fault), `${fault} is another thing`);
    const rest = lines.slice(at + 1);
    const isQuiet = rest.length === 0 || (rest.length === 1 && rest[0] === `after ${acknowledged}`);
    assert.ok(isQuiet, "R-7: a failed store acknowledges nothing more");
  }
  await checkKept(directory, { acknowledged, create: acknowledged === 0 });
  if (failed === null) return "nothing";
  return how === "power" ? "power" : (fault ?? "nothing");
}

async function runChild(
  directory: string,
  environment: Readonly<Record<string, string>>,
): Promise<{ readonly lines: readonly string[]; readonly exitCode: number | null }> {
  const env = { ...process.env, ...environment };
  const child = spawn(process.execPath, [CHILD, directory], { stdio: ["ignore", "pipe", "inherit"], env });
  let output = "";
  child.stdout.on("data", (data: Buffer) => (output += data.toString("latin1")));
  await once(child, "close");
  return { lines: output.split("\n").filter((line) => line !== ""), exitCode: child.exitCode };
}
