/**
 * A known bug, as a patch of one file of `src`: what is written there, and what a careless hand would have written. Each
 * says which net must find it and by which check, so that a net with a hole is found before a bug falls through it.
 */
import { createHash } from "node:crypto";
import type { Fault, Operation, Profile } from "../simulator/world/swarm.js";

/** Where a mutant must be found. */
export type Net =
  | {
      readonly kind: "simulator";
      readonly profile: Profile;
      /** What a seed must have at all to find it: one that lacks it counts, and is not run. */
      readonly needs: readonly (Fault | Operation)[];
    }
  /** The bound of the explorer that shows it. */
  | { readonly kind: "explorer"; readonly bound: string }
  /** A compiled test file under test/, without its ending. */
  | { readonly kind: "tests"; readonly file: string };

/** What stands in the source, exactly once, and what is put in its place. */
export type Edit = readonly [from: string, to: string];

/** One bug. */
export interface Mutant {
  /** In kebab-case: what is wrong. */
  readonly name: string;
  /** Under `src`. */
  readonly file: string;
  readonly edits: readonly Edit[];
  readonly net: Net;
  /** Checks of which any may find it; for tests and explorer, what the failure's text has in it. */
  readonly breaks: readonly string[];
}

/** Places of one node each, with seeds that have all of this. */
export function oneNode(...needs: readonly (Fault | Operation)[]): Net {
  return { kind: "simulator", profile: "default", needs };
}

/** All nodes are one cluster. */
export function cluster(...needs: readonly (Fault | Operation)[]): Net {
  return { kind: "simulator", profile: "cluster", needs };
}

/** The explorer in one of its bounds (test/model/bounds.ts). */
export function explorer(bound: string): Net {
  return { kind: "explorer", bound };
}

/** A test of an adapter, such as `log/store.test`. */
export function tests(file: string): Net {
  return { kind: "tests", file };
}

/** The source with the bug in it. @throws Error if the mutant's lines are not there, or not once */
export function mutated(mutant: Mutant, source: string): string {
  let text = source;
  for (const [from, to] of mutant.edits) {
    const count = text.split(from).length - 1;
    if (count !== 1) throw new Error(`${mutant.name}: ${mutant.file} has ${count} times \`${from}\`, not once`);
    text = text.replace(from, () => to);
  }
  return text;
}

/** Twelve hexadecimal digits that change with the patch: what was found of another one counts no more. */
export function patchHash({ file, edits, net }: Mutant): string {
  return createHash("sha1")
    .update(JSON.stringify([file, edits, net]))
    .digest("hex")
    .slice(0, 12);
}

/** The net in words. */
export function toldNet(net: Net): string {
  if (net.kind === "simulator") return `simulator, ${net.profile}`;
  return net.kind === "explorer" ? `explorer, ${net.bound}` : `test/${net.file}`;
}
