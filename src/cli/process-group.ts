/**
 * A command in a process group of its own, so that it can be ended with all that it has started: a child that works on
 * after the lock is lost is what locks are there to prevent.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { setTimeout as after } from "node:timers/promises";

/** How a command ended: with a code, by a signal, or it could not be started. */
export type CommandEnd =
  | { readonly kind: "exited"; readonly exitCode: number }
  | { readonly kind: "not-started"; readonly error: Error };

/** A shell's way to tell which signal ended a process. */
const SIGNAL_BASE = 128;
const LOOK_EVERY_MS = 20;

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

  /**
   * Waits until no process of the group is left, for `withinMs` milliseconds at most.
   * @returns whether none is
   */
  async gone(withinMs: number): Promise<boolean> {
    const { pid } = this.#child;
    const deadlineMs = performance.now() + withinMs;
    while (pid !== undefined && isAlive(pid)) {
      if (performance.now() >= deadlineMs) return false;
      await after(LOOK_EVERY_MS);
    }
    return true;
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

/** Whether a process of the group does, or can do, anything. */
function isAlive(group: number): boolean {
  try {
    process.kill(-group, 0);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ESRCH") return false;
    throw error;
  }
  return process.platform !== "linux" || hasLivingMember(group);
}

/** A container whose first process collects nobody keeps the dead for ever, and signals reach them, too. */
function hasLivingMember(group: number): boolean {
  return readdirSync("/proc").some((name) => /^[0-9]+$/.test(name) && isLivingMember(name, group));
}

function isLivingMember(pid: string, group: number): boolean {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return false; // It has ended since the directory was read.
  }
  const [state = "", , memberOf = ""] = stat.slice(stat.lastIndexOf(")") + 2).split(" "); // Behind the name.
  return Number(memberOf) === group && state !== "Z" && state !== "X";
}
