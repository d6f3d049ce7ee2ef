/**
 * `make simulate`: fresh seeds on all cores for some minutes, or one seed told as a story. `make shrink`: the fewest
 * decisions with which a seed still breaks the same check. Settings come from the environment, as make gives them.
 */
import { execFileSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { appendFileSync, mkdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { parseDuration } from "../../src/words/duration.js";
import { run } from "./run.js";
import { isProfile, runSeeds, type SeedAnswer, type SeedsDone } from "./seeds.js";
import { shrink } from "./shrink.js";
import { toldStates } from "./states.js";
import type { Profile } from "./world/swarm.js";

const DURATION_DEFAULT_MS = 600_000;
/** Seeds are below this, so that a run of them has room behind its first. */
const SEEDS_END = 2 ** 40;

function setting(name: string): string | undefined {
  const value = process.env[name];
  return value === undefined || value === "" ? undefined : value;
}

function numberOf(name: string, otherwise: number): number {
  const value = Number(setting(name) ?? otherwise);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`${name} is a whole number, such as 0x5eed or 1000`);
  return value;
}

function profileOf(): Profile {
  const name = setting("PROFILE") ?? "default";
  if (!isProfile(name)) throw new Error(`PROFILE is no profile: ${name}; world/swarm.ts has their names`);
  return name;
}

function commit(): string {
  const git = (...args: readonly string[]): string => execFileSync("git", args, { encoding: "utf8" }).trim();
  return (
    git("rev-parse", "--short=12", "HEAD") + (git("status", "--porcelain", "src", "test/simulator") === "" ? "" : "+")
  );
}

/** Tells one seed line by line. */
function tell(seed: number, profile: Profile): boolean {
  const result = run({ seed, profile, story: (line) => process.stdout.write(`${line}\n`) });
  const { failure, digest, simulatedSeconds, operations, failOvers } = result;
  const end = `seed ${hex(seed)}, digest ${digest}: ${simulatedSeconds} s, ${operations} operations, ${failOvers} fail-overs`;
  process.stdout.write(`${end}, ${failure === undefined ? "no failure" : failure.message}\n`);
  return failure === undefined;
}

/** All that somebody needs to look into a failure. */
function report({ seed, failure }: SeedAnswer, profile: Profile): void {
  const isEndless = failure?.invariant === "endless";
  const story = isEndless ? [] : run({ seed, profile, story: "last" }).story;
  const command = `make simulate SEED=${hex(seed)}${profile === "default" ? "" : ` PROFILE=${profile}`}`;
  const lines = [...story, "", failure?.message ?? "", `commit ${commit()}: ${command}`, ""];
  process.stdout.write(lines.join("\n"));
}

function lastLine(done: SeedsDone): string {
  const sum = (pick: (answer: SeedAnswer) => number): number =>
    done.answers.reduce((total, answer) => total + pick(answer), 0);
  const seconds = Math.round(sum(({ simulatedSeconds }) => simulatedSeconds));
  const operations = sum((answer) => answer.operations);
  const failOvers = sum((answer) => answer.failOvers);
  const { length } = done.failures;
  return `${done.answers.length} seeds, ${seconds} simulated seconds, ${failOvers} fail-overs, ${operations} operations, ${length} failures`;
}

/** Kept for test/PROOF.md, when asked. */
function prove(done: SeedsDone, profile: Profile): void {
  const sum = (pick: (answer: SeedAnswer) => number): number =>
    done.answers.reduce((total, answer) => total + pick(answer), 0);
  const line = {
    kind: "simulator",
    commit: commit(),
    profile,
    command: `make simulate PROFILE=${profile}`,
    seeds: done.answers.length,
    simulatedSeconds: Math.round(sum(({ simulatedSeconds }) => simulatedSeconds)),
    failOvers: sum(({ failOvers }) => failOvers),
    operations: sum(({ operations }) => operations),
    answers: sum(({ answers }) => answers),
    failures: done.failures.map(({ seed }) => hex(seed)),
    states: Object.fromEntries([...done.states].sort()),
  };
  mkdirSync("test/proof", { recursive: true });
  appendFileSync(`test/proof/simulator-${commit()}.jsonl`, `${JSON.stringify(line)}\n`);
}

async function many(profile: Profile): Promise<boolean> {
  const count = numberOf("SEEDS", Number.MAX_SAFE_INTEGER);
  const isCounted = setting("SEEDS") !== undefined;
  const asked = setting("DURATION");
  const durationMs = asked === undefined ? (isCounted ? Number.MAX_SAFE_INTEGER : DURATION_DEFAULT_MS) : parseMs(asked);
  const done = await runSeeds({
    firstSeed: numberOf("FROM", randomInt(SEEDS_END)),
    seedCountMax: count,
    durationMs,
    processes: numberOf("WORKERS", availableParallelism()),
    profile,
  });
  for (const failure of done.failures.slice(0, 3)) report(failure, profile);
  for (const { seed, failure } of done.failures.slice(3)) {
    process.stdout.write(`SEED=${hex(seed)} ${failure?.message.split("\n")[0] ?? ""}\n`);
  }
  if (setting("PROOF") === "1") prove(done, profile);
  if (setting("STATES") === "1")
    for (const [state, seeds] of [...done.states].sort()) process.stdout.write(`${seeds} ${state}\n`);
  const states = toldStates(done.states, profile === "cluster" ? "cluster" : "place");
  process.stdout.write(`${states}\n${lastLine(done)}\n`);
  return done.failures.length === 0;
}

function parseMs(text: string): number {
  const read = parseDuration(text);
  if (read.kind === "refused") throw new Error(`DURATION is a time such as 60s or 10m, not ${text}`);
  return read.value;
}

function hex(seed: number): string {
  return `0x${seed.toString(16)}`;
}

async function main(): Promise<boolean> {
  const profile = profileOf();
  const isSingle = setting("SEED") !== undefined;
  if (process.argv[2] === "shrink") {
    if (!isSingle) throw new Error("make shrink SEED=0x5eed: which seed?");
    return shrink(numberOf("SEED", 0), profile);
  }
  return isSingle ? tell(numberOf("SEED", 0), profile) : many(profile);
}

process.exitCode = (await main()) ? 0 : 1;
