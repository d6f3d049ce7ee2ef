/**
 * `holdfast lock RESOURCE -- COMMAND…`: runs a command while holding a lock, with its token in HOLDFAST_TOKEN, and
 * passes on its exit code. If the lock is lost the command is ended, with all that it started, before anybody else can
 * be granted the resource. (If this process itself is killed or suspended nobody ends the command: then only fencing
 * by the token protects.)
 */
import { Command } from "commander";
import { Holdfast, HoldfastError, type Lock, RefusedError } from "../client/index.js";
import { CommandFailure, EXIT_CODES, exitCodeOf, LOCK_EXIT_CODES, lockExitCodeOf } from "./failure.js";
import { LockGuard } from "./lock-guard.js";
import {
  acquireOptions,
  defaultMetadata,
  durationMsOf,
  durationText,
  surroundingsOf,
  withAcquireOptions,
} from "./options.js";
import type { Output } from "./output.js";
import { type CommandEnd, ProcessGroup } from "./process-group.js";

/** Passed on to the command; Ctrl-C reaches this process only, because the command has a group of its own. */
const PASSED_ON = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGCONT", "SIGWINCH"] as const;
/** While it still waits for the lock, these end it. */
const INTERRUPTS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
const DEFAULT_TTL = "30s";

/** Makes the command. */
export function lockCommand(): Command {
  const command = new Command("lock")
    .description("run a command while holding a lock; it finds the fencing token in HOLDFAST_TOKEN")
    .argument("<resource>", "what to lock, such as order:12345")
    .argument("<command...>", "what to run, after --")
    .option("--ttl <duration>", "how long the server keeps the lock without hearing of us", durationText, DEFAULT_TTL);
  return withAcquireOptions(command)
    .action(runLocked)
    .addHelpText("after", "\nExits as the command does; with 121 if busy, 122 timed out, 123 lost, 125 otherwise.");
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
      interrupt.disarm();
      process.exitCode = await hold(lock, { words, ttlMs: durationMsOf(ttl), output });
    } finally {
      interrupt.disarm();
      await holdfast.close();
    }
  } catch (error) {
    throw lockFailure(error);
  }
}

interface Work {
  readonly words: readonly string[];
  readonly ttlMs: number;
  readonly output: Output;
}

/** Runs the command under the lock. @returns the exit code */
async function hold(lock: Lock, { words, ttlMs, output }: Work): Promise<number> {
  const group = new ProcessGroup(words, { ...process.env, HOLDFAST_TOKEN: String(lock.token) });
  const passOn = (signal: NodeJS.Signals): void => group.kill(signal);
  for (const signal of PASSED_ON) process.on(signal, passOn);
  const guard = new LockGuard(lock, ttlMs, {
    endSoon: () => {
      output.note(`no word from the server: ${lock.resource} is about to be lost, and the command is asked to end`);
      group.kill("SIGTERM");
    },
    endNow: () => group.kill("SIGKILL"),
  });
  const end = await group.ended;
  guard.stop();
  for (const signal of PASSED_ON) process.off(signal, passOn);
  if (guard.hasLost) {
    group.kill("SIGKILL");
    const reason: unknown = lock.signal.reason;
    const why =
      reason instanceof Error ? reason.message : `lock-lost: ${lock.resource}: no word from the server in time`;
    throw new CommandFailure(EXIT_CODES.lost, "lock-lost", `${why}; the command was ended`);
  }
  await giveBack(lock, output);
  return exitCodeFor(end);
}

/** The command is done, so a release that fails is only a word: the lock ends with its TTL. */
async function giveBack(lock: Lock, output: Output): Promise<void> {
  try {
    await lock.release();
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    output.note(`${lock.resource} was not released (${error.message}); it ends with its TTL`);
  }
}

function exitCodeFor(end: CommandEnd): number {
  if (end.kind === "exited") return end.exitCode;
  throw new CommandFailure(
    LOCK_EXIT_CODES.failed,
    "command-not-started",
    `the command can't be started: ${end.error.message}`,
  );
}

/** Gives up the wait when somebody interrupts it. Until the command runs, nobody else takes the signals. */
class Interrupt {
  readonly #controller = new AbortController();
  readonly #listeners = new Map<keyof typeof INTERRUPTS, () => void>();

  constructor() {
    this.#arm("SIGHUP");
    this.#arm("SIGINT");
    this.#arm("SIGTERM");
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  disarm(): void {
    for (const [signal, listener] of this.#listeners) process.off(signal, listener);
    this.#listeners.clear();
  }

  #arm(signal: keyof typeof INTERRUPTS): void {
    const listener = (): void => {
      this.#controller.abort(new CommandFailure(INTERRUPTS[signal], "interrupted", `interrupted by ${signal}`));
    };
    this.#listeners.set(signal, listener);
    process.on(signal, listener);
  }
}

/** A failure of ours with one of our codes: the others are the command's. */
function lockFailure(error: unknown): unknown {
  if (error instanceof CommandFailure) {
    return new CommandFailure(lockExitCodeOf(error.exitCode), error.code, error.message, error.details);
  }
  if (!(error instanceof HoldfastError)) return error;
  const code = error instanceof RefusedError ? error.fault : error.code;
  return new CommandFailure(lockExitCodeOf(exitCodeOf(code)), code, error.message);
}
