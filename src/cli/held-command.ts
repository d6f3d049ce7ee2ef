/**
 * A command that runs while something is held, a lock or the lead, and never beyond it: if it is lost, the command is
 * ended with all that it started before anybody else can be granted it; and it is given back only when the last process
 * that the command started is gone. (If this process itself is killed nobody ends the command: then only fencing by the
 * token protects.)
 */
import { HoldfastError } from "../client/index.js";
import { CommandFailure, EXIT_CODES, LOCK_EXIT_CODES } from "./failure.js";
import { type Believed, LockGuard } from "./lock-guard.js";
import type { Output } from "./output.js";
import { type CommandEnd, ProcessGroup } from "./process-group.js";

/** Passed on to the command; Ctrl-C reaches this process only, because the command has a group of its own. */
const PASSED_ON = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGWINCH"] as const;
/** After its command has ended, a group that lives on is spoken of this late, in milliseconds. */
const SPEAK_AFTER_MS = 1_000;
/** A group that was killed is gone soon; this long it is waited for, in milliseconds. */
const KILLED_WITHIN_MS = 2_000;

/** What is held. */
export interface Held extends Believed {
  readonly resource: string;
  readonly token: number;
  release(): Promise<unknown>;
}

/** What runs under it. */
export interface Work {
  /** The command and its arguments. */
  readonly words: readonly string[];
  /** By which belief is prolonged. */
  readonly ttlMs: number;
  readonly output: Output;
}

/**
 * Runs the command, with its token in HOLDFAST_TOKEN. It takes all signals before it returns its promise.
 * @returns its exit code
 * @throws CommandFailure `lock-lost` or `command-not-started`
 */
export async function runWhileHeld(held: Held, { words, ttlMs, output }: Work): Promise<number> {
  const environment = { ...process.env, HOLDFAST_TOKEN: String(held.token), HOLDFAST_RESOURCE: held.resource };
  const running: Running = {};
  const signals = passOn(running); // First: a signal that nobody takes would end us, and leave the command alone.
  const group = new ProcessGroup(words, environment);
  running.group = group;
  const guard = new LockGuard(held, ttlMs, {
    endSoon: () => {
      output.note(`no word from the server: ${held.resource} is about to be lost, and the command is asked to end`);
      group.kill("SIGTERM");
    },
    endNow: () => group.kill("SIGKILL"),
  });
  running.guard = guard;
  const end = await group.ended;
  await untilGone(group, guard, output);
  guard.stop();
  signals.leave();
  if (guard.hasLost) {
    group.kill("SIGKILL");
    await group.gone(KILLED_WITHIN_MS);
    const reason: unknown = held.signal.reason;
    const why =
      reason instanceof Error ? reason.message : `lock-lost: ${held.resource}: no word from the server in time`;
    throw new CommandFailure(EXIT_CODES.lost, "lock-lost", `${why}; the command was ended`);
  }
  await giveBack(held, output);
  return exitCodeFor(end);
}

/** What the command left behind still works under the lock, so nobody else may have it before that has ended. */
async function untilGone(group: ProcessGroup, guard: LockGuard, output: Output): Promise<void> {
  let isSpokenOf = false;
  while (!guard.hasLost && !(await group.gone(SPEAK_AFTER_MS))) {
    if (!isSpokenOf)
      output.note("the command has ended; the lock is kept until the processes that it started end, too");
    isSpokenOf = true;
  }
}

/** The command is done, so a release that fails is only a word: the lock ends with its TTL. */
async function giveBack(held: Held, output: Output): Promise<void> {
  try {
    await held.release();
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    output.note(`${held.resource} was not released (${error.message}); it ends with its TTL`);
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

/** What signals are for, once it is there. */
interface Running {
  group?: ProcessGroup;
  guard?: LockGuard;
}

/**
 * Passes signals on to the command. Who stops us (Ctrl-Z) stops the command first, because nobody would end it while we
 * stand; when we go on the lock is looked at before the command does anything.
 */
function passOn(running: Running): { leave(): void } {
  const listeners = new Map<NodeJS.Signals, () => void>();
  for (const signal of PASSED_ON) listeners.set(signal, () => running.group?.kill(signal));
  listeners.set("SIGTSTP", () => {
    running.group?.kill("SIGSTOP");
    process.kill(process.pid, "SIGSTOP");
  });
  listeners.set("SIGCONT", () => {
    running.guard?.look();
    running.group?.kill("SIGCONT");
  });
  for (const [signal, listener] of listeners) process.on(signal, listener);
  return {
    leave: () => {
      for (const [signal, listener] of listeners) process.off(signal, listener);
    },
  };
}
