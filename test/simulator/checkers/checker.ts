/**
 * What every checker of an invariant is: it is told what happened, in the order of true time, keeps its own books, and
 * throws a Violation at the first thing that must not be. It calls nothing of what it judges.
 */
import type { ServerMessage } from "../../../src/protocol/server-messages.js";
import type { LoggedEntry, LoggedEvent } from "../log-reader.js";

/** A broken invariant, and what was seen of it. */
export class Violation extends Error {
  override readonly name = "Violation";
  /** "INV-1" and the like: shrinking keeps to the same one. */
  readonly invariant: string;

  constructor(invariant: string, message: string) {
    super(`${invariant}: ${message}`);
    this.invariant = invariant;
  }
}

/** The log of one shard in one store: what is applied there, in order. */
export interface Place {
  /** Counts from 0; checkers keep their books by it. */
  readonly number: number;
  readonly node: string;
  readonly shard: number;
}

/** A session's answer as its client read it from a frame. */
export interface HeardAnswer {
  readonly client: string;
  /** The session's key as hexadecimal digits. */
  readonly key: string;
  readonly kind: string;
  readonly requestId: number;
  readonly resource: string;
  /** Of a grant; else 0. */
  readonly token: number;
  readonly atUs: number;
  /** When the request was sent first, microseconds. */
  readonly sentUs: number;
  /** The answer as it stood in its frame. */
  readonly message: ServerMessage;
}

/** A claim that a client would say that it holds, if it were asked now. */
export interface Belief {
  readonly client: string;
  readonly resource: string;
  readonly mode: number;
  /** Of a permit, how many may hold; else 0. */
  readonly permits: number;
  readonly token: number;
}

/** What a client knows to be its own at the end of a run. */
export interface Wanted {
  readonly key: string;
  readonly resource: string;
  readonly token: number;
}

/** What is so when a run is over. */
export interface RunEnd {
  readonly atUs: number;
  readonly wanted: readonly Wanted[];
  /** Keys of sessions that keep to no rule: nobody knows what they want, and what they sent may come late. */
  readonly strangers: ReadonlySet<string>;
  /** Nothing is held or asked for any more. */
  readonly isLast: boolean;
}

/** One invariant. Every method may be left out. */
export interface Checker {
  readonly invariant: string;
  /** An event is in the tables of a replica. `isAgain`: it is replayed, at the true time at which it first happened. */
  applied?(place: Place, event: LoggedEvent, atUs: number, isAgain: boolean): void;
  /** All events of one entry are applied. */
  appliedEntry?(place: Place, entry: LoggedEntry, atUs: number, isAgain: boolean): void;
  /** What was known of that place is void: the log that survived a crash is told anew, each event. */
  forget?(place: Place): void;
  /** That anew-telling is over. */
  recalled?(place: Place, head: number): void;
  /** All up to this LSN is on disk. */
  committed?(place: Place, lsn: number): void;
  answered?(answer: HeardAnswer): void;
  /** A client has read something, and would now say that it holds this. */
  believed?(belief: Belief, atUs: number): void;
  /** An admin's order to force or revoke was sent for this resource. */
  ordered?(resource: string): void;
  /** A session of a client has begun; its key as hexadecimal digits. */
  began?(client: string, key: string): void;
  /** A frame of a client has reached a node: what is decided from now on may rest on it. */
  reached?(node: string, client: string): void;
  /** Somebody who keeps to no rule uses these resources. */
  stranger?(resources: readonly string[]): void;
  /** A session was told to close by its user. */
  closed?(key: string): void;
  /** The faults are healed; from now on the liveness clauses count. */
  healed?(atUs: number): void;
  /** The run is over, all is quiet. */
  ended?(end: RunEnd): void;
}

/** Who believes in a claim on a resource now: the cast answers by asking every client. */
export type Believers = (resource: string) => readonly Belief[];
