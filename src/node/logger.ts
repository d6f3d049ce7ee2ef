/**
 * Where log lines come from: pino, one JSON object a line, on standard error, because standard output is for data. A
 * line is one write of at most 4 KiB: threads share the pipe, and larger or buffered writes tear each other's lines
 * (three threads with buffers broke 114 of 60,000; so, none). A write that blocks is no harm: nothing is logged for a
 * request.
 */
import { type DestinationStream, destination, type Logger, pino, stdTimeFunctions } from "pino";
import type { LogLevel } from "./settings-schema.js";

/** What a logger needs to know. */
export interface LoggerOptions {
  readonly level: LogLevel;
  /** The node's name: on every line, because lines of many nodes are read together. */
  readonly node: string;
  /** The file descriptor that is written to; 2, standard error, unless told otherwise. */
  readonly fileDescriptor?: number;
}

/** Linux's PIPE_BUF: a pipe never mixes writes up to this size. */
const LINE_BYTES_MAX = 4_096;
/** Of a line that is too long; with every character quoted and of three bytes it still fits. */
const START_CHARACTERS = 500;

/** What nobody may read in a log: a session's key is as good as a password. At the top and one level down. */
const SECRET_KEYS: readonly string[] = [
  "apiKey",
  "authorization",
  "cookie",
  "credentials",
  "key",
  "password",
  "secret",
  "sessionKey",
  "token",
];

/** Makes the logger of a process or thread; parts of it take `logger.child({ worker })` and the like. */
export function makeLogger(options: LoggerOptions): Logger {
  return pino(
    {
      level: options.level,
      base: { node: options.node },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: SECRET_KEYS.flatMap((key) => [key, `*.${key}`]), censor: "(hidden)" },
    },
    wholeLines(options.fileDescriptor ?? 2),
  );
}

function wholeLines(fileDescriptor: number): DestinationStream {
  const stream = destination({ fd: fileDescriptor, sync: true, minLength: 0 });
  return {
    write(line: string): void {
      stream.write(Buffer.byteLength(line) <= LINE_BYTES_MAX ? line : shortened(line));
    },
  };
}

/** A line that is too long must not be lost, and must stay one object: its start, as a text. */
function shortened(line: string): string {
  const start = line.slice(0, START_CHARACTERS);
  const level = /"level":"([a-z]+)"/.exec(start)?.[1] ?? "info";
  const bytes = Buffer.byteLength(line);
  return `${JSON.stringify({ level, time: new Date().toISOString(), bytes, start, msg: "a log line was too long" })}\n`;
}
