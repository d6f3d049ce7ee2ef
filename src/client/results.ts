/**
 * What questions to the server are answered with, as values for callers.
 */
import type { Holder } from "../protocol/server-messages.js";

/** What `check` saw at one moment between call and answer. */
export interface CheckResult {
  readonly resource: string;
  /** No holder and no lock-delay. */
  readonly free: boolean;
  readonly holders: readonly Holder[];
  /** How many wait. */
  readonly waiters: number;
  /** What is left of a lock-delay, in milliseconds; 0: none. */
  readonly lockDelayMs: number;
}

/** One claim of a list. */
export interface ListedClaim {
  readonly resource: string;
  /** It holds; else it waits. */
  readonly holds: boolean;
  readonly holder: Holder;
}

/** Why a wait waits. */
export interface QueuePosition {
  /** 1 is next. */
  readonly position: number;
  readonly waitedMs: number;
  readonly holders: readonly Holder[];
}

/**
 * What a watch tells. After `resync` something was left out, and `claims` is what holds and waits now: all of it if it is
 * `complete`, else ask `list`. An event behind it may tell what is in it already; its token says so.
 */
export type WatchEvent =
  | {
      readonly kind: "granted" | "released" | "expired" | "forced" | "revoked";
      readonly resource: string;
      readonly lsn: number;
      readonly token: number;
      readonly mode: "exclusive" | "shared" | "permit";
      readonly client: string;
      readonly principal: string;
      readonly cursor: string;
    }
  | {
      readonly kind: "resync";
      readonly cursor: string;
      readonly claims: readonly ListedClaim[];
      readonly complete: boolean;
    };
