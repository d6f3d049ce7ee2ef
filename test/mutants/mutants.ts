/** All known bugs. A bug from the field becomes one more, in the file of its room. */
import { CLIENT_MUTANTS } from "./client-mutants.js";
import { ENGINE_MUTANTS } from "./engine-mutants.js";
import type { Mutant } from "./mutant.js";
import { REPLICATION_MUTANTS } from "./replication-mutants.js";
import { WORKER_MUTANTS } from "./worker-mutants.js";

/** By room. */
export const MUTANTS: readonly Mutant[] = [
  ...ENGINE_MUTANTS,
  ...CLIENT_MUTANTS,
  ...REPLICATION_MUTANTS,
  ...WORKER_MUTANTS,
];

/** @throws Error naming the mutants that there are */
export function mutantNamed(name: string): Mutant {
  const found = MUTANTS.find((one) => one.name === name);
  if (found !== undefined) return found;
  throw new Error(`no mutant ${name}; there are ${MUTANTS.map((one) => one.name).join(", ")}`);
}
