/**
 * The record of all that chance decided to do to a run. Shrinking runs a seed again with some of it left out, so each
 * decision has a name that stays its own when others are gone: who decided, and how many of its decisions came before.
 */
import { assert } from "../../../src/words/assert.js";

/** Names one decision, such as `disk-1/fsync-fails#3`. */
export type DecisionId = string;

/** What was decided in one run. */
export class Decisions {
  readonly #suppressed: ReadonlySet<DecisionId>;
  readonly #counts = new Map<string, number>();
  readonly #taken: DecisionId[] = [];

  /** @param suppressed decisions that shall not come true */
  constructor(suppressed: ReadonlySet<DecisionId>) {
    this.#suppressed = suppressed;
  }

  /** Those that came true, in their order; lent. */
  get taken(): readonly DecisionId[] {
    return this.#taken;
  }

  /**
   * Whether what was drawn may come true. The draw is made before, by the caller, from dice of its own: they roll on the
   * same whether the decision is suppressed or not.
   */
  decide(name: string, isDrawn: boolean): boolean {
    if (!isDrawn) return false;
    const count = (this.#counts.get(name) ?? 0) + 1;
    this.#counts.set(name, count);
    const id = `${name}#${count}`;
    if (this.#suppressed.has(id)) return false;
    assert(this.#taken.length < DECISIONS_MAX, "a run has a bounded number of decisions");
    this.#taken.push(id);
    return true;
  }
}

const DECISIONS_MAX = 10_000_000;
