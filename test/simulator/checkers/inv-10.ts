/**
 * INV-10: the history that clients see is linearizable, resource by resource. The library's own recorder writes it, frame
 * by frame and in true time, and when the run is quiet the checker of histories judges it (test/histories). Resources that
 * somebody has used who keeps to no rule, and records nothing, are left out.
 */
import { History } from "../../../src/client/history.js";
import { HistoryRecorder } from "../../../src/client/history-recorder.js";
import { checkResource } from "../../histories/check-resource.js";
import { HistoryReader } from "../../histories/read-history.js";
import { describe } from "../../histories/check.js";
import { type Checker, type RunEnd, Violation } from "./checker.js";

export class HistoryIsLinear implements Checker {
  readonly invariant = "INV-10";
  readonly #history: History;
  readonly #recorders: HistoryRecorder[] = [];
  readonly #lines: string[] = [];
  readonly #strangers = new Set<string>();

  /** @param now true time, microseconds */
  constructor(now: () => number) {
    this.#history = new History((line) => this.#lines.push(line), { readMs: () => now() / 1_000 });
  }

  /** A recorder for the frames of one session. @param session its public id */
  recorder(session: string): HistoryRecorder {
    const made = new HistoryRecorder(this.#history, session);
    this.#recorders.push(made);
    return made;
  }

  stranger(resources: readonly string[]): void {
    for (const resource of resources) this.#strangers.add(resource);
  }

  ended({ wanted, isLast }: RunEnd): void {
    if (!isLast || wanted.length > 0) return;
    for (const recorder of this.#recorders) recorder.clientEnded(); // What has no answer by now never will.
    const reader = new HistoryReader();
    reader.take(Buffer.from(`${this.#lines.join("\n")}\n`));
    const book = reader.end();
    for (let resource = 0; resource < book.resources.size; resource++) {
      if (this.#strangers.has(book.resources.text(resource))) continue;
      const violation = checkResource(book, resource);
      if (violation === undefined) continue;
      const lines = violation.lines.map((line) => this.#lines[line - 1] ?? "");
      throw new Violation(this.invariant, [describe(violation), ...lines].join("\n"));
    }
  }
}
