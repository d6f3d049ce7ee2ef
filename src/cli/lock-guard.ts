/**
 * Watches over the belief in a lock while a command runs under it, and says when the command has to go.
 *
 *     belief    ├───────────────────────────────┤ deadline: somebody else may be granted it from here on
 *     command   ├─────────────────┤ SIGTERM ──┤ SIGKILL
 *
 * Each keep-alive that is answered moves the deadline, so the times are computed anew whenever the timer rings. A lock
 * that is lost at once (forced) leaves no time to ask politely.
 */

/** What is known of the lock. */
export interface Believed {
  /** Milliseconds that are left; 0: not held. */
  remainingMs(): number;
  /** Aborts when it is lost. */
  readonly signal: AbortSignal;
}

/** What happens, at most once each. */
export interface GuardActions {
  /** Little is left: end in good order. */
  endSoon(): void;
  /** Nothing is left. */
  endNow(): void;
}

/** The command is asked to end when a quarter of the TTL is left, and 3 s at most: news may still come. */
const SOON_SHARE = 0.25;
const SOON_MAX_MS = 3_000;
/** A kill takes effect within this, with a late timer: a fiftieth of the TTL, and 200 ms at most. */
const NOW_SHARE = 0.02;
const NOW_MAX_MS = 200;
/** The lock is looked at this often at least, because a suspended machine's timers ring late. */
const LOOK_EVERY_MS = 1_000;

/** A guard on duty until `stop`. */
export class LockGuard {
  readonly #lock: Believed;
  readonly #actions: GuardActions;
  readonly #soonMs: number;
  readonly #nowMs: number;
  readonly #lost: () => void;
  #timer: NodeJS.Timeout | null = null;
  #hasAsked = false;
  #hasLost = false;
  #isOff = false;

  /** @param ttlMs the TTL by which the belief is prolonged. */
  constructor(lock: Believed, ttlMs: number, actions: GuardActions) {
    this.#lock = lock;
    this.#actions = actions;
    this.#soonMs = Math.min(SOON_MAX_MS, ttlMs * SOON_SHARE);
    this.#nowMs = Math.min(NOW_MAX_MS, ttlMs * NOW_SHARE);
    this.#lost = () => this.#endNow();
    lock.signal.addEventListener("abort", this.#lost, { once: true });
    if (lock.signal.aborted) this.#endNow();
    else this.look();
  }

  /** Whether the lock was lost before `stop`. */
  get hasLost(): boolean {
    return this.#hasLost;
  }

  /** Looks one last time, and goes off duty. */
  stop(): void {
    if (this.#lock.remainingMs() <= 0) this.#hasLost = true;
    this.#leave();
  }

  /** Looks at the lock now, and does what is due. */
  look(): void {
    if (this.#hasLost || this.#isOff) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const leftMs = this.#lock.remainingMs();
    if (leftMs <= this.#nowMs) {
      this.#endNow();
      return;
    }
    if (leftMs <= this.#soonMs && !this.#hasAsked) {
      this.#hasAsked = true;
      this.#actions.endSoon();
    }
    const nextMs = leftMs > this.#soonMs ? leftMs - this.#soonMs : leftMs - this.#nowMs;
    this.#timer = setTimeout(() => this.look(), Math.min(nextMs, LOOK_EVERY_MS));
  }

  #endNow(): void {
    if (this.#hasLost) return;
    this.#hasLost = true;
    this.#leave();
    this.#actions.endNow();
  }

  #leave(): void {
    this.#isOff = true;
    this.#lock.signal.removeEventListener("abort", this.#lost);
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
