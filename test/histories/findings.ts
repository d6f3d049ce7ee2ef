/** What a checker has to say: which lines can't be true together, and why. */

/** One contradiction. */
export interface Violation {
  readonly resource: string;
  /** A short name of what is broken. */
  readonly rule: string;
  readonly why: string;
  /** The lines that contradict each other, from 1. */
  readonly lines: readonly number[];
}

/** Stops the check of a resource at its first contradiction: what follows from it would only be noise. */
export class Contradiction extends Error {
  readonly rule: string;
  readonly lines: readonly number[];

  constructor(rule: string, why: string, ...lines: readonly number[]) {
    super(why);
    this.rule = rule;
    this.lines = [...new Set(lines)].filter((line) => line > 0).sort((one, other) => one - other);
  }
}
