/** Judges a whole history: what it can't have been, with the lines that say so. */
import type { HistoryBook } from "./book.js";
import { checkResource } from "./check-resource.js";
import type { Violation } from "./findings.js";

/** All contradictions: at most one for each resource. Empty: an order of events explains every line. */
export function checkHistory(book: HistoryBook): readonly Violation[] {
  const found: Violation[] = book.overlaps.map(({ line, process, resource }) => ({
    resource: resource < 0 ? "" : book.resources.text(resource),
    rule: "process",
    why: `process ${process} had two operations open at once, or one after it got no answer`,
    lines: [line],
  }));
  for (let resource = 0; resource < book.resources.size; resource++) {
    const violation = checkResource(book, resource);
    if (violation !== undefined) found.push(violation);
  }
  return found;
}

/** One line for a reader. */
export function describe({ resource, rule, why, lines }: Violation): string {
  return `${resource}: ${rule}: ${why} (lines ${lines.join(", ")})`;
}
