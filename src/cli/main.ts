#!/usr/bin/env node
/** The `holdfast` command: runs what was asked for, and ends with the exit code that scripts go by. */
import { CommanderError } from "commander";
import { HoldfastError, RefusedError } from "../client/index.js";
import { CommandFailure, EXIT_CODES, exitCodeOf } from "./failure.js";
import { endWithReader, Output } from "./output.js";
import { makeProgram } from "./program.js";

/** Commands that take signals themselves. */
const OWN_SIGNALS: readonly string[] = ["serve", "dev", "lock", "elect"];

endWithReader();
const program = makeProgram();
program.hook("preAction", (_program, command) => {
  if (!OWN_SIGNALS.includes(command.name())) process.once("SIGINT", () => process.exit(EXIT_CODES.interrupted));
});
try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) tell(failureOf(error)); // A help text or the version was written already.
}

function tell(failure: CommandFailure): void {
  const options = program.opts<{ json?: boolean }>();
  new Output(options.json === true).failure(failure);
  process.exitCode = failure.exitCode;
}

function failureOf(error: unknown): CommandFailure {
  if (error instanceof CommandFailure) return error;
  if (error instanceof HoldfastError) {
    const code = error instanceof RefusedError ? error.fault : error.code;
    return new CommandFailure(exitCodeOf(code), code, error.message);
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new CommandFailure(EXIT_CODES.failed, "internal", text);
}
