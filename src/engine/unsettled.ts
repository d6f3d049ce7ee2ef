/** What one turn leaves for the next: see queue.ts. */
import { outOfRange } from "../words/assert.js";
import { type ResourceRow, resourceRow } from "../words/ids.js";

/** So many rows that were taken may stand at the front before the others move up. */
const TAKEN_MAX = 1_024;

/** Resources of which more waiters can be granted than one settling does. Derived: a new primary settles them all. */
export class Unsettled {
  readonly #rows: number[] = [];
  #taken = 0;

  push(row: ResourceRow): void {
    this.#rows.push(row);
  }
  pop(): ResourceRow {
    const row = resourceRow(this.#rows[this.#taken] ?? outOfRange(this.#taken));
    this.#taken++;
    // Not shift(): after a take-over a million rows may stand here, and each would move all the others.
    if (this.#taken >= TAKEN_MAX || this.#taken >= this.#rows.length) {
      this.#rows.splice(0, this.#taken);
      this.#taken = 0;
    }
    return row;
  }
  get isEmpty(): boolean {
    return this.#rows.length === 0;
  }
}
