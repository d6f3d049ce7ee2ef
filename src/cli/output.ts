/**
 * The only place that writes to the terminal: data on standard output, so that it can be piped; all else on standard
 * error. `--json` writes one JSON value a line instead of what people read.
 */
import { styleText } from "node:util";
import Table from "cli-table3";

type Style = Parameters<typeof styleText>[0];

/** Without borders, as kubectl's: what is cut by columns stays whole. */
const NO_BORDERS = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "  ",
};

/** To the upper left corner, and everything below it gone. */
const CLEAR = "\u001b[H\u001b[J";

/** Where a command writes. */
export class Output {
  /** Whether data is to be JSON. */
  readonly json: boolean;

  /** @param json one JSON value a line instead of text */
  constructor(json: boolean) {
    this.json = json;
  }

  /** Data: `text` for people, or `value` as JSON. */
  data(text: string, value: unknown): void {
    process.stdout.write(`${this.json ? JSON.stringify(value) : text}\n`);
  }

  /** Data as a table, or `value` as JSON. A table without rows is nothing at all. */
  table(head: readonly string[], rows: readonly (readonly string[])[], value: unknown): void {
    if (this.json) this.data("", value);
    else if (rows.length > 0) process.stdout.write(`${tableText(head, rows)}\n`);
  }

  /** A picture that the next one replaces: on a terminal it is written over, into a pipe they stand one below the other. */
  screen(text: string): void {
    process.stdout.write(process.stdout.isTTY ? `${CLEAR}${text}\n` : `${text}\n\n`);
  }

  /** A word to whoever watches; never data. */
  note(text: string): void {
    if (!this.json) process.stderr.write(`${text}\n`);
  }

  /** Why the command failed; with `--json` as an object. An outcome is data, so it goes to standard output then. */
  failure(failure: {
    readonly code: string;
    readonly message: string;
    readonly details: Readonly<Record<string, unknown>>;
    readonly isOutcome: boolean;
  }): void {
    const { code, message, details, isOutcome } = failure;
    if (!this.json) {
      process.stderr.write(`${styled("red", "holdfast:", process.stderr)} ${message}\n`);
      return;
    }
    const stream = isOutcome ? process.stdout : process.stderr;
    stream.write(`${JSON.stringify({ code, message, ...details })}\n`);
  }
}

/** Text with a colour, if `stream` is a terminal that shows it and NO_COLOR is not set. */
export function styled(style: Style, text: string, stream: NodeJS.WriteStream = process.stdout): string {
  return styleText(style, text, { stream, validateStream: true });
}

/** Standard output may be a pipe whose reader had enough (`| head`): that is no error. */
export function endWithReader(): void {
  process.stdout.on("error", (error: Error & { readonly code?: string }) => {
    if (error.code !== "EPIPE") throw error;
    process.exit();
  });
}

/** A table as text: for who writes it together with other things. */
export function tableText(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const table = new Table({
    head: head.map((title) => styled("dim", title)),
    chars: NO_BORDERS,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
  });
  for (const row of rows) table.push([...row]);
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}
