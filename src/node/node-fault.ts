/** Why a node can't start or go on, in the form that the operator reads: a stable code, and a message that says what to do. */

/** A node that can't start, or can't go on. `message` says what was seen and what to do. */
export class NodeFault extends Error {
  override readonly name = "NodeFault";
  /** Stable, in kebab-case: `port-in-use`, `worker-ended`, or the code of the store's fault. */
  readonly code: string;
  /** Which worker it was, from 0; null if it was none, or that does not matter. */
  readonly worker: number | null;

  constructor(code: string, message: string, cause?: unknown, worker: number | null = null) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.worker = worker;
  }

  /** Where it was thrown, as far as that is known; "" if it was not. */
  get origin(): string {
    return this.cause instanceof Error ? (this.cause.stack ?? "") : "";
  }
}

/** Anything that was thrown, as a fault: one that has a code of ours keeps it, all else is `internal`. */
export function nodeFault(error: unknown): NodeFault {
  if (error instanceof NodeFault) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "internal";
  return new NodeFault(code, message, error);
}
