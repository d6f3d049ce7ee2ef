/**
 * A command in a process group of its own, so that it can be ended with all that it has started: a child that works on
 * after the lock is lost is what locks are there to prevent.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";

/** How a command ended: with a code, by a signal, or it could not be started. */
export type CommandEnd =
  | { readonly kind: "exited"; readonly exitCode: number }
  | { readonly kind: "not-started"; readonly error: Error };

/** A shell's way to tell which signal ended a process. */
const SIGNAL_BASE = 128;

/** A running command, and all that it has started and not put elsewhere. */
export class ProcessGroup {
  /** Settled when the command itself has ended. */
  readonly ended: Promise<CommandEnd>;
  readonly #child: ChildProcess;

  /** Starts `command` with our standard streams. */
  constructor(command: readonly string[], environment: NodeJS.ProcessEnv) {
    const [program = "", ...args] = command;
    this.#child = spawn(program, args, { stdio: "inherit", env: environment, detached: true });
    this.ended = new Promise((resolve) => {
      this.#child.on("error", (error) => resolve({ kind: "not-started", error }));
      this.#child.on("exit", (code, signal) => {
        const exitCode = code ?? SIGNAL_BASE + (signal === null ? 0 : constants.signals[signal]);
        resolve({ kind: "exited", exitCode });
      });
    });
  }

  /** Sends a signal to the whole group; one that is gone does not mind. */
  kill(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
    }
  }
}
