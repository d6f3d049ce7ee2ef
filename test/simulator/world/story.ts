/**
 * A run told in lines, for who reads a failure. Lines are made only when somebody wants them: a run among thousands makes
 * none, and a failing seed is simply run again with its story.
 */

/** How many of the last lines a failure shows. */
const LINES_MAX = 200;

/** Takes each line as it is told, true time before it. */
export type Listener = (line: string) => void;

/** The lines of one run. */
export class Story {
  readonly #lines: string[] = [];
  readonly #listener: Listener | null;
  readonly isTold: boolean;

  /** @param wanted "untold": no line is made; "last": the last 200 are kept; a listener is given each line, too */
  constructor(wanted: "untold" | "last" | Listener) {
    this.isTold = wanted !== "untold";
    this.#listener = typeof wanted === "function" ? wanted : null;
  }

  /** The last lines, oldest first; lent. */
  get last(): readonly string[] {
    return this.#lines.slice(-LINES_MAX);
  }

  /** Adds one line; `line` is called only if the story is told. */
  tell(timeUs: number, line: () => string): void {
    if (!this.isTold) return;
    const text = `${stampOf(timeUs)} ${line()}`;
    this.#listener?.(text);
    this.#lines.push(text);
    if (this.#lines.length >= 2 * LINES_MAX) this.#lines.splice(0, LINES_MAX);
  }
}

/** Seconds with all six places, so that lines stand below each other. */
function stampOf(timeUs: number): string {
  return (timeUs / 1_000_000).toFixed(6).padStart(12);
}
