/** What ends a wait for a lock from outside: a signal, as long as there is no command yet that would take it. */
import { CommandFailure } from "./failure.js";

/** The exit codes that a shell would give. */
const INTERRUPTS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/** Gives up the wait when somebody interrupts it. Until the command runs, nobody else takes the signals. */
export class Interrupt {
  readonly #controller = new AbortController();
  readonly #listeners = new Map<keyof typeof INTERRUPTS, () => void>();

  constructor() {
    this.#arm("SIGHUP");
    this.#arm("SIGINT");
    this.#arm("SIGTERM");
  }

  /** Aborts with a CommandFailure. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** From here on signals do what they did before. */
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
