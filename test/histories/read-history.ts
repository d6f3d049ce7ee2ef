/** Reads a history line by line, from a file or in pieces of any size; a piece may end within a line, or a character. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { HistoryBook } from "./book.js";
import { BadLine, parseLine } from "./parse-line.js";
import { LineScanner } from "./scan-line.js";

const LINE_FEED = 0x0a;
/** A longer line is none: a check names at most 1,000 holders. */
const LINE_BYTES_MAX = 1024 * 1024;
const PIECE_BYTES = 1024 * 1024;
/** Few lines are shorter. */
const LINE_BYTES_LEAST = 120;
const NOTHING: Uint8Array = new Uint8Array(0);

/** Takes in a history as it comes. */
export class HistoryReader {
  readonly book: HistoryBook = new HistoryBook();
  readonly #scanner: LineScanner = new LineScanner(this.book);
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });
  /** The beginning of a line whose end has not come. */
  #rest: Uint8Array = NOTHING;
  #lines = 0;

  /** Takes the next piece. @throws BadLine with the number of the first line that is none */
  take(piece: Uint8Array): void {
    let from = 0;
    if (this.#rest.length > 0) {
      const end = piece.indexOf(LINE_FEED);
      this.#rest = Buffer.concat([this.#rest, end < 0 ? piece : piece.subarray(0, end)]);
      if (end >= 0) this.#takeLine(this.#rest, 0, this.#rest.length);
      from = end < 0 ? piece.length : end + 1;
      if (end >= 0) this.#rest = NOTHING;
    }
    for (let to = piece.indexOf(LINE_FEED, from); to >= 0; to = piece.indexOf(LINE_FEED, from)) {
      this.#takeLine(piece, from, to);
      from = to + 1;
    }
    if (from < piece.length) this.#rest = new Uint8Array(piece.subarray(from)); // A copy: the piece is not ours.
    if (this.#rest.length > LINE_BYTES_MAX) throw new BadLine(this.#lines + 1, `longer than ${LINE_BYTES_MAX} bytes`);
  }

  /** All has come. @throws BadLine if it ends within a line, or has none */
  end(): HistoryBook {
    if (this.#rest.length > 0) throw new BadLine(this.#lines + 1, "the history ends within a line");
    if (this.book.header === undefined) throw new BadLine(1, "the history is empty");
    return this.book;
  }

  #takeLine(bytes: Uint8Array, from: number, to: number): void {
    this.#lines += 1;
    if (this.#scanner.take(bytes, from, to, this.#lines)) return;
    this.book.add(parseLine(this.#text(bytes.subarray(from, to)), this.#lines), this.#lines);
  }

  #text(bytes: Uint8Array): string {
    try {
      return this.#decoder.decode(bytes);
    } catch (cause) {
      throw new BadLine(this.#lines, "not UTF-8", { cause });
    }
  }
}

/** Reads a file. @throws BadLine; the error of the file system */
export async function readHistoryFile(path: string): Promise<HistoryBook> {
  const reader = new HistoryReader();
  reader.book.reserve(Math.ceil((await stat(path)).size / LINE_BYTES_LEAST));
  for await (const piece of createReadStream(path, { highWaterMark: PIECE_BYTES })) {
    if (piece instanceof Uint8Array) reader.take(piece);
  }
  return reader.end();
}

/** Reads lines that are in memory. @throws BadLine */
export function readHistoryLines(lines: readonly string[]): HistoryBook {
  const reader = new HistoryReader();
  for (const line of lines) reader.take(Buffer.from(`${line}\n`));
  return reader.end();
}
