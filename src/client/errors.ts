/**
 * Every way in which the library says no. Five families, because they ask for five reactions, and one class with a literal
 * `code` for each case, because a program must be able to tell "somebody else has it" from "we do not know" without
 * reading a message.
 *
 *     NotGotError       BusyError, TimedOutError, AbandonedError, CancelledError    nothing is held: wait, or try later
 *     LostError         LockLostError, NotHeldError                                 stop: it is, or may be, another's
 *     InDoubtError                                                                  it may have happened; settled at `until`
 *     RefusedError      RevokedError, ConnectRefusedError                           no effect: asking again is no use
 *     UnavailableError  ClosedError                                                 no effect: nothing was sent
 */
import { formatDuration } from "../words/duration.js";
import type { Holder } from "../protocol/server-messages.js";

/** What all errors of the library are. `code` is stable; the message may change. */
export abstract class HoldfastError extends Error {
  abstract readonly code: string;
  override get name(): string {
    return this.constructor.name;
  }
}

/** What an acquire that was not granted was told of its resource. Times in milliseconds. */
export interface SeenResource {
  /** Who holds it, at most 16. */
  readonly holders: readonly Holder[];
  /** How many wait. */
  readonly waiters: number;
  /** Whether one of the holders is this very session. */
  readonly yours?: boolean;
  /** What is left of a lock-delay. */
  readonly delayMs?: number;
  /** The own place in the queue: 1 is next. */
  readonly position?: number | undefined;
}

const NOTHING_SEEN: SeenResource = { holders: [], waiters: 0 };

/** The resource was not granted: nothing is held, and nothing waits any more. */
export abstract class NotGotError extends HoldfastError {
  readonly resource: string;
  /** Who holds it, as far as was told: mode, client, metadata, how long, and what is left. */
  readonly holders: readonly Holder[];
  /** How many wait. */
  readonly waiters: number;
  /** The place in the queue when it was left, or that a wait would have had; 1 is next. Undefined: not told. */
  readonly position: number | undefined;
  /** Whether one of the holders is this very session. */
  readonly yours: boolean;
  /** What is left of a lock-delay, in milliseconds; 0: none. */
  readonly lockDelayMs: number;

  constructor(message: string, resource: string, seen: SeenResource = NOTHING_SEEN) {
    super(message);
    this.resource = resource;
    this.holders = seen.holders;
    this.waiters = seen.waiters;
    this.position = seen.position;
    this.yours = seen.yours ?? false;
    this.lockDelayMs = seen.delayMs ?? 0;
  }

  /** Who has held it longest; undefined where nobody was told of. */
  get holder(): Holder | undefined {
    return this.holders[0];
  }

  /** How long that holder has held, in milliseconds. */
  get heldMs(): number | undefined {
    return this.holder?.heldMs;
  }

  /** Until that holder's deadline if it is not renewed, in milliseconds; undefined: it holds as long as its session. */
  get remainingMs(): number | undefined {
    return this.holder?.leftMs;
  }
}

/** Somebody else has the resource, and the acquire did not wait. */
export class BusyError extends NotGotError {
  readonly code = "busy";
  constructor(resource: string, seen: SeenResource) {
    const place = seen.position ?? seen.waiters + 1;
    super(`busy: ${resource} ${shown(seen)}; wait, or try later`, resource, { ...seen, position: place });
  }
}

/**
 * The wait was over before the resource was free. Holders and position are as they were at that moment; where the answer
 * was lost with a connection and told again, nobody knows them any more.
 */
export class TimedOutError extends NotGotError {
  readonly code = "timed-out";
  constructor(resource: string, seen?: SeenResource) {
    const told = seen === undefined ? "" : `: it ${shown(seen)}`;
    super(`timed-out: ${resource} was not free within the wait${told}`, resource, seen);
  }
}

/** The wait was cancelled by somebody other than the caller's signal, as by `close`. */
export class CancelledError extends NotGotError {
  readonly code = "cancelled";
  constructor(resource: string) {
    super(`cancelled: the wait for ${resource} was ended`, resource);
  }
}

/** The server heard nothing of this client for too long while it waited, so its place in the queue is gone. */
export class AbandonedError extends NotGotError {
  readonly code = "abandoned";
  constructor(resource: string) {
    super(`abandoned: the server had not heard this client while it waited for ${resource}; acquire again`, resource);
  }
}

/** What was held is not, or may not be, held any more. Nothing takes it again by itself. */
export abstract class LostError extends HoldfastError {
  readonly resource: string;
  constructor(message: string, resource: string) {
    super(message);
    this.resource = resource;
  }
}

/** A lock that this client had is not, or may not be, held any more. */
export class LockLostError extends LostError {
  readonly code = "lock-lost";
  constructor(resource: string, why: string) {
    super(`lock-lost: ${resource}: ${why}`, resource);
  }
}

/** The server says that the token is not the holder's. */
export class NotHeldError extends LostError {
  readonly code = "not-held";
  constructor(resource: string) {
    super(`not-held: the token is not that of a holder of ${resource}`, resource);
  }
}

/** The server refused the request, and nothing has happened. `fault` is the stable code of PROTOCOL §5. */
export class RefusedError extends HoldfastError {
  readonly code: "refused" | "revoked" | "connect-refused" = "refused";
  readonly fault: string;
  constructor(fault: string, message: string) {
    super(message.startsWith(fault) ? message : `${fault}: ${message}`);
    this.fault = fault;
  }
}

/** An administrator has revoked the claim: it ends at its deadline, and can't be renewed. */
export class RevokedError extends RefusedError {
  override readonly code = "revoked";
  /** How long the claim still holds, in milliseconds. */
  readonly leftMs: number;
  constructor(resource: string, leftMs: number) {
    super("revoked", `revoked: ${resource} can't be renewed; it ends in ${leftMs} ms`);
    this.leftMs = leftMs;
  }
}

/** The server refused the credentials, or speaks no version of ours. */
export class ConnectRefusedError extends RefusedError {
  override readonly code = "connect-refused";
  constructor(reason: string) {
    super("connect-refused", `connect-refused: ${reason}`);
  }
}

/** No server could be reached in time, and nothing of the request has been sent. */
export class UnavailableError extends HoldfastError {
  readonly code: "unavailable" | "closed" = "unavailable";
}

/** `close` was called. */
export class ClosedError extends UnavailableError {
  override readonly code = "closed";
  constructor() {
    super("closed: this client was closed");
  }
}

/**
 * The request was sent, but no answer came in time: it may or may not have happened. The library goes on cleaning up
 * behind: a grant that it hears of is given back.
 */
export class InDoubtError extends HoldfastError {
  readonly code = "in-doubt";
  /** From here on nothing of it is held any more, as long as a server was there to count the time meanwhile. */
  readonly until: Date;
  /** @param withinMs how long a claim of it could live without this client, in milliseconds from now */
  constructor(message: string, withinMs: number) {
    const until = new Date(Date.now() + withinMs);
    super(`in-doubt: ${message}, until ${until.toISOString()}`);
    this.until = until;
  }
}

/** The server sent what is not the protocol. */
export class ServerProtocolError extends HoldfastError {
  readonly code = "protocol";
}

/** A value given to the library is out of its range; nothing was sent. */
export class InvalidOptionError extends HoldfastError {
  readonly code = "invalid-option";
}

/** Who holds, for how long, and who waits, as a phrase behind the resource's name. */
function shown({ holders, waiters, delayMs }: SeenResource): string {
  const [first] = holders;
  const queue = `${waiters} wait${waiters === 1 ? "s" : ""}`;
  if (first === undefined) return delayMs === undefined || delayMs === 0 ? queue : `is in its lock-delay; ${queue}`;
  const who = first.metadata === "" ? `${first.client} at ${first.address}` : `${first.metadata} (${first.client})`;
  const others = holders.length > 1 ? ` and ${holders.length - 1} more` : "";
  const left = first.leftMs === undefined ? "" : `, at most ${formatDuration(first.leftMs)} more unless renewed`;
  return `is held by ${who}${others} for ${formatDuration(first.heldMs)}${left}; ${queue}`;
}
