/**
 * Why a command did not do what it was asked, with the exit code that scripts go by: one table, so that a code means
 * the same in every command. `lock` has codes of its own, because those of its command pass through it.
 */

/** What the exit codes of every command but `lock` mean. */
export const EXIT_CODES = {
  done: 0,
  failed: 1,
  wrongUse: 2,
  busy: 3,
  timedOut: 4,
  lost: 5,
  unavailable: 69,
  notPermitted: 77,
  interrupted: 130,
} as const;

/** What `lock` exits with when it is itself that failed; all others are the command's. */
export const LOCK_EXIT_CODES = { busy: 121, timedOut: 122, lost: 123, failed: 125 } as const;

/** A command's failure. In `--json` the details stand beside code and message. */
export class CommandFailure extends Error {
  override readonly name = "CommandFailure";
  readonly exitCode: number;
  /** Stable, in kebab-case: that of the protocol where the server said no. */
  readonly code: string;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(exitCode: number, code: string, message: string, details: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.exitCode = exitCode;
    this.code = code;
    this.details = details;
  }

  /** Whether it is an answer (busy, not held, timed out), and so data; all else is an error. */
  get isOutcome(): boolean {
    return this.exitCode === EXIT_CODES.busy || this.exitCode === EXIT_CODES.timedOut;
  }
}

const EXIT_CODE_OF: Readonly<Record<string, number>> = {
  busy: EXIT_CODES.busy,
  "not-held": EXIT_CODES.busy,
  "mode-in-use": EXIT_CODES.busy,
  "timed-out": EXIT_CODES.timedOut,
  revoked: EXIT_CODES.lost,
  "lock-lost": EXIT_CODES.lost,
  abandoned: EXIT_CODES.lost,
  unavailable: EXIT_CODES.unavailable,
  "in-doubt": EXIT_CODES.unavailable,
  draining: EXIT_CODES.unavailable,
  overloaded: EXIT_CODES.unavailable,
  "disk-reserve-reached": EXIT_CODES.unavailable,
  "connect-refused": EXIT_CODES.notPermitted,
  "not-permitted": EXIT_CODES.notPermitted,
  "not-authenticated": EXIT_CODES.notPermitted,
  "invalid-option": EXIT_CODES.wrongUse,
  "resource-invalid": EXIT_CODES.wrongUse,
  "resource-too-long": EXIT_CODES.wrongUse,
  "ttl-out-of-range": EXIT_CODES.wrongUse,
  "wait-out-of-range": EXIT_CODES.wrongUse,
  "lock-delay-out-of-range": EXIT_CODES.wrongUse,
  "permits-out-of-range": EXIT_CODES.wrongUse,
  "metadata-too-long": EXIT_CODES.wrongUse,
  "mode-invalid": EXIT_CODES.wrongUse,
  "token-invalid": EXIT_CODES.wrongUse,
  "cursor-invalid": EXIT_CODES.wrongUse,
  malformed: EXIT_CODES.wrongUse,
};

/** The exit code for a code of the protocol or of the library. */
export function exitCodeOf(code: string): number {
  return EXIT_CODE_OF[code] ?? EXIT_CODES.failed;
}

/** The code of `lock` for a failure of its own. */
export function lockExitCodeOf(exitCode: number): number {
  if (exitCode === EXIT_CODES.busy) return LOCK_EXIT_CODES.busy;
  if (exitCode === EXIT_CODES.timedOut) return LOCK_EXIT_CODES.timedOut;
  if (exitCode === EXIT_CODES.lost) return LOCK_EXIT_CODES.lost;
  return exitCode > 128 ? exitCode : LOCK_EXIT_CODES.failed; // Above 128 is a signal, which nobody may hide.
}
