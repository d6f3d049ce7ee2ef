/**
 * `holdfast lock RESOURCE -- COMMAND…`: runs a command while holding a lock, with its token in HOLDFAST_TOKEN, and
 * passes on its exit code (held-command.ts). Here: what is asked of the lock, and how the command fails by itself.
 */
import { Command } from "commander";
import { Holdfast, HoldfastError, RefusedError } from "../client/index.js";
import { CommandFailure, exitCodeOf, lockExitCodeOf } from "./failure.js";
import { runWhileHeld } from "./held-command.js";
import { Interrupt } from "./interrupt.js";
import {
  acquireOptions,
  defaultMetadata,
  durationMsOf,
  durationText,
  surroundingsOf,
  withAcquireOptions,
} from "./options.js";

const DEFAULT_TTL = "30s";
/** What every command that runs another one says of its exit codes. */
export const LOCK_AFTER_HELP: string = `
Exits as the command does; with 121 if busy, 122 timed out, 123 lost, 125 otherwise. The command finds its fencing
token in HOLDFAST_TOKEN. It has a process group of its own: if the lock is lost the whole group is ended before anybody
else can have it, and the lock is given back when the last process of the group has ended. A process that has left the
group (setsid, nohup with a daemon, systemd-run) is neither waited for nor ended: give it the token, or don't start it.`;

/** Makes the command. */
export function lockCommand(): Command {
  const command = new Command("lock")
    .description("run a command while holding a lock; it finds the fencing token in HOLDFAST_TOKEN")
    .argument("<resource>", "what to lock, such as order:12345")
    .argument("<command...>", "what to run, after --")
    .option("--ttl <duration>", "how long the server keeps the lock without hearing of us", durationText, DEFAULT_TTL);
  return withAcquireOptions(command).action(runLocked).addHelpText("after", LOCK_AFTER_HELP);
}

async function runLocked(
  resource: string,
  words: readonly string[],
  _options: unknown,
  command: Command,
): Promise<void> {
  const { output, url } = surroundingsOf(command);
  const {
    ttl = DEFAULT_TTL,
    wait = "0ms",
    shared,
    permits,
    lockDelay = "0ms",
    metadata,
  } = acquireOptions.parse(command.opts());
  const interrupt = new Interrupt();
  try {
    const holdfast = await Holdfast.connect({
      url,
      ttl,
      clientName: "holdfast-cli",
      metadata: metadata ?? defaultMetadata(),
    });
    try {
      const mode = permits !== undefined ? { permits } : shared ? "shared" : "exclusive";
      const lock = await holdfast.acquire(resource, { wait, mode, lockDelay, signal: interrupt.signal });
      const ended = runWhileHeld(lock, { words, ttlMs: durationMsOf(ttl), output });
      interrupt.disarm(); // Only now: between the two a signal would end us, and leave the command alone.
      process.exitCode = await ended;
    } finally {
      interrupt.disarm();
      await holdfast.close();
    }
  } catch (error) {
    throw lockFailure(error);
  }
}

/** A failure of a command that runs another one, with one of its own codes: the others are the other's. */
export function lockFailure(error: unknown): unknown {
  if (error instanceof CommandFailure) {
    return new CommandFailure(lockExitCodeOf(error.exitCode), error.code, error.message, error.details);
  }
  if (!(error instanceof HoldfastError)) return error;
  const code = error instanceof RefusedError ? error.fault : error.code;
  return new CommandFailure(lockExitCodeOf(exitCodeOf(code)), code, error.message);
}
