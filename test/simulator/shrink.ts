/**
 * Makes a failing seed small: leaves out decisions (requests and faults) by halves, then one by one, as long as the same
 * check breaks, and keeps what is left under found/, where it runs for ever.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { run, type RunResult } from "./run.js";
import { isProfile } from "./seeds.js";
import type { DecisionId } from "./world/decisions.js";
import type { Profile } from "./world/swarm.js";

/** A seed that once failed, with the decisions that it needs no more left out. */
export interface Found {
  readonly name: string;
  readonly seed: number;
  readonly profile: Profile;
  /** The check that it broke then; it must hold now. */
  readonly invariant: string;
  readonly suppressed: readonly DecisionId[];
}

/** Where they are kept, from the root of the checkout. */
const FOUND_DIRECTORY = "test/simulator/found";

interface Shrinking {
  readonly seed: number;
  readonly profile: Profile;
  readonly invariant: string;
}

/** Shrinks a seed, and says how small it became. Answers false where it does not fail at all. */
export function shrink(seed: number, profile: Profile): boolean {
  const first = run({ seed, profile });
  const invariant = first.failure?.invariant;
  if (invariant === undefined) {
    process.stdout.write("the seed does not fail\n");
    return false;
  }
  const suppressed = smallest({ seed, profile, invariant }, first);
  const last = run({ seed, profile, suppressed, story: "last" });
  const name = `${invariant.toLowerCase()}-${seed.toString(16)}`;
  const found: Found = { name, seed, profile, invariant, suppressed: [...suppressed] };
  mkdirSync(FOUND_DIRECTORY, { recursive: true });
  writeFileSync(`${FOUND_DIRECTORY}/${name}.json`, `${JSON.stringify(found, null, 1)}\n`);
  const left = `${last.decisions.length} of ${first.decisions.length} decisions are left; ${FOUND_DIRECTORY}/${name}.json has them`;
  process.stdout.write([...last.story, "", last.failure?.message ?? "", left, ""].join("\n"));
  return true;
}

/** The decisions that may all be left out at once. */
function smallest(of: Shrinking, first: RunResult): ReadonlySet<DecisionId> {
  let suppressed: ReadonlySet<DecisionId> = new Set();
  let left = first.decisions;
  for (let size = Math.ceil(left.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < left.length; ) {
      const tried = new Set([...suppressed, ...left.slice(at, at + size)]);
      const result = run({ ...of, suppressed: tried });
      if (result.failure?.invariant !== of.invariant) {
        at += size;
        continue;
      }
      suppressed = tried;
      left = result.decisions; // Others may have come, in the place of what was left out.
    }
  }
  return suppressed;
}

/** All that were found so far. */
export function foundSeeds(directory: string = FOUND_DIRECTORY): readonly Found[] {
  const files = readdirSync(directory).filter((name) => name.endsWith(".json"));
  return files.sort().map((file) => {
    const found: unknown = JSON.parse(readFileSync(`${directory}/${file}`, "utf8"));
    if (!isFound(found)) throw new Error(`${file} is not what make shrink writes`);
    return found;
  });
}

function isFound(value: unknown): value is Found {
  if (typeof value !== "object" || value === null) return false;
  if (!("seed" in value && "profile" in value && "suppressed" in value && "invariant" in value)) return false;
  return typeof value.seed === "number" && isProfile(String(value.profile)) && Array.isArray(value.suppressed);
}
