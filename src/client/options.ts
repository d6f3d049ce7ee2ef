/**
 * What callers may ask for, as types, in one place, so that a newcomer reads every option and its default on one page.
 */

import type { TimeSource } from "./clock.js";
import type { History } from "./history.js";

/** Milliseconds, or a number with a unit: "250ms", "30s", "5m", "1h". */
export type Duration = number | string;

/** Who else may hold: nobody, other sharers, or other permits up to a number of all. */
export type LockMode = "exclusive" | "shared" | { readonly permits: number };

/** How to reach a server, and as whom. */
export interface ConnectOptions {
  /** `holdfast://[key@]host:port[,host:port…]`. Default: HOLDFAST_URL, else holdfast://127.0.0.1:7400. */
  readonly url?: string;
  /** TTL of the session: how long the server keeps what is bound to it without hearing of us. Default 30 s. */
  readonly ttl?: Duration;
  /** Name and version of the program, told to the server. Default "holdfast-js/0.1.0". */
  readonly clientName?: string;
  /** What acquires say of themselves unless they say otherwise: at most 256 bytes. Default "". */
  readonly metadata?: string;
  /** How long a call may go without an answer, beyond its wait, before it ends unavailable or in doubt. Default 10 s. */
  readonly answerWithin?: Duration;
  /** Where to record what this client asked, was told and believed, for a checker. Default: nowhere. */
  readonly recordHistory?: History;
  /** The clocks to go by, in tests (`holdfast/testing`); everything stays on this thread then. Default: the machine's. */
  readonly time?: TimeSource;
}

/** How to acquire. */
export interface AcquireOptions {
  /** TTL of the claim. Left out: the claim is bound to this client's session, which one keep-alive covers. */
  readonly ttl?: Duration;
  /** How long to wait for the resource. Default 0: at once or BusyError. */
  readonly wait?: Duration;
  /** Default "exclusive". */
  readonly mode?: LockMode;
  /** How long nobody may be granted the resource after this claim expires or is forced. Default 0. */
  readonly lockDelay?: Duration;
  /** Who this is, for people: at most 256 bytes. */
  readonly metadata?: string;
  /** Gives up: the call rejects with the signal's reason at once, and a grant that comes anyway is released. */
  readonly signal?: AbortSignal;
  /** Whether the library renews a claim that has a TTL, every third of it. Default true. */
  readonly autoRenew?: boolean;
  /** "session" makes binding to the session explicit; with a `ttl` it is an error. */
  readonly bound?: "session";
}

/** How to acquire without a session: at once or busy, with a TTL; release and renew are by token, from any process. */
export interface DetachedOptions {
  readonly ttl: Duration;
  readonly mode?: LockMode;
  readonly lockDelay?: Duration;
  readonly metadata?: string;
}

/** A claim without a session, owned by whoever knows its token (of the same principal). */
export interface DetachedClaim {
  readonly resource: string;
  readonly token: number;
  readonly ttlMs: number;
}

/** How to list. */
export interface ListOptions {
  /** Claims a page at most. Default: the server's. */
  readonly pageSize?: number;
}

/** How to watch. */
export interface WatchOptions {
  /** Where to go on: the cursor of an earlier event. */
  readonly cursor?: string;
  /** Ends the watch. */
  readonly signal?: AbortSignal;
}
