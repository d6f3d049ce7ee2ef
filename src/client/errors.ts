/**
 * Every way in which the library says no, one class with a literal `code` each, because a program that reacts must be
 * able to tell "somebody else has it" from "we do not know" without reading a message.
 */
import type { Holder } from "../protocol/server-messages.js";

/** What all errors of the library are. `code` is stable; the message may change. */
export abstract class HoldfastError extends Error {
  abstract readonly code: string;
  override get name(): string {
    return this.constructor.name;
  }
}

/** Somebody else has the resource, and the acquire did not wait. */
export class BusyError extends HoldfastError {
  readonly code = "busy";
  readonly resource: string;
  /** Who holds it. */
  readonly holders: readonly Holder[];
  /** How many wait. */
  readonly waiters: number;
  /** Whether one of the holders is this very session. */
  readonly yours: boolean;
  /** What is left of a lock-delay, in milliseconds; 0: none. */
  readonly lockDelayMs: number;

  constructor(
    resource: string,
    seen: {
      readonly holders: readonly Holder[];
      readonly waiters: number;
      readonly yours: boolean;
      readonly delayMs: number;
    },
  ) {
    super(`busy: ${resource} has ${seen.holders.length} holder(s) and ${seen.waiters} waiter(s); wait, or try later`);
    this.resource = resource;
    this.holders = seen.holders;
    this.waiters = seen.waiters;
    this.yours = seen.yours;
    this.lockDelayMs = seen.delayMs;
  }
}

/** The wait was over before the resource was free. */
export class TimedOutError extends HoldfastError {
  readonly code = "timed-out";
  constructor(resource: string) {
    super(`timed-out: ${resource} was not free within the wait`);
  }
}

/** The wait was cancelled by somebody other than the caller's signal, as by `close`. */
export class CancelledError extends HoldfastError {
  readonly code = "cancelled";
  constructor(resource: string) {
    super(`cancelled: the wait for ${resource} was ended`);
  }
}

/** The server heard nothing of this client for too long while it waited, so its place in the queue is gone. */
export class AbandonedError extends HoldfastError {
  readonly code = "abandoned";
  constructor(resource: string) {
    super(`abandoned: the server had not heard this client while it waited for ${resource}; acquire again`);
  }
}

/** A lock that this client had is not, or may not be, held any more. */
export class LockLostError extends HoldfastError {
  readonly code = "lock-lost";
  constructor(resource: string, why: string) {
    super(`lock-lost: ${resource}: ${why}`);
  }
}

/** The server says that the token is not the holder's. */
export class NotHeldError extends HoldfastError {
  readonly code = "not-held";
  constructor(resource: string) {
    super(`not-held: the token is not that of a holder of ${resource}`);
  }
}

/** An administrator has revoked the claim: it ends at its deadline, and can't be renewed. */
export class RevokedError extends HoldfastError {
  readonly code = "revoked";
  /** How long the claim still holds, in milliseconds. */
  readonly leftMs: number;
  constructor(resource: string, leftMs: number) {
    super(`revoked: ${resource} can't be renewed; it ends in ${leftMs} ms`);
    this.leftMs = leftMs;
  }
}

/** The server refused the request, and nothing has happened. `fault` is the stable code of PROTOCOL §5. */
export class RefusedError extends HoldfastError {
  readonly code = "refused";
  readonly fault: string;
  constructor(fault: string, message: string) {
    super(message.startsWith(fault) ? message : `${fault}: ${message}`);
    this.fault = fault;
  }
}

/** No server could be reached in time, and nothing of the request has been sent. */
export class UnavailableError extends HoldfastError {
  readonly code = "unavailable";
}

/** The request was sent, but no answer came in time: it may or may not have happened. */
export class InDoubtError extends HoldfastError {
  readonly code = "in-doubt";
}

/** The server sent what is not the protocol. */
export class ServerProtocolError extends HoldfastError {
  readonly code = "protocol";
}

/** `close` was called. */
export class ClosedError extends HoldfastError {
  readonly code = "closed";
  constructor() {
    super("closed: this client was closed");
  }
}

/** The server refused the credentials, or speaks no version of ours. */
export class ConnectRefusedError extends HoldfastError {
  readonly code = "connect-refused";
}

/** A value given to the library is out of its range; nothing was sent. */
export class InvalidOptionError extends HoldfastError {
  readonly code = "invalid-option";
}
