/**
 * A history in a file. Lines are gathered and written in pieces, in order, by synchronous writes: a history that lags
 * behind its program would be cut off where it matters, at the end of a process that is killed.
 */
import { InvalidOptionError } from "./errors.js";
import { History, type HistoryOptions } from "./history.js";
import { nodeProcess } from "./machine.js";

/** Written in pieces of about so many characters. */
const PIECE_SIZE = 64 * 1024;

/** A history and its file. */
export interface HistoryFile {
  readonly history: History;
  /** Writes what is left. Close the clients before: what has no answer then is written as unknown. */
  close(): void;
}

/** Makes or empties the file. @throws the error of the file system; InvalidOptionError where there is none. */
export function openHistoryFile(path: string, options: HistoryOptions = {}): HistoryFile {
  const files = nodeProcess()?.getBuiltinModule("node:fs");
  if (files === undefined)
    throw new InvalidOptionError("histories go to a file in Node only; use new History(line => …)");
  const file = files.openSync(path, "w");
  let unwritten: string[] = [];
  let size = 0;
  const write = (): void => {
    const bytes = Buffer.from(unwritten.join(""));
    for (let at = 0; at < bytes.length; ) at += files.writeSync(file, bytes, at);
    unwritten = [];
    size = 0;
  };
  const history = new History((line) => {
    unwritten.push(line, "\n");
    size += line.length + 1;
    if (size >= PIECE_SIZE) write();
  }, options);
  return {
    history,
    close: () => {
      write();
      files.closeSync(file);
    },
  };
}
