/**
 * The words of a history: what clients asked, were told and believed, one JSON object a line, so that the library, the
 * simulator and the checkers write and read the same. Times are whole nanoseconds from the history's start; all integers
 * are below 2^53.
 */
import type { Mode } from "./mode.js";

/** The version of the format. */
export const HISTORY_VERSION: number = 1;

/** What can be asked. */
export const HISTORY_OPERATIONS = [
  "acquire",
  "release",
  "renew",
  "check",
  "cancel",
  "revoke",
  "force-release",
  "keepalive",
  "close",
] as const;
/** What was asked. */
export type HistoryOperation = (typeof HISTORY_OPERATIONS)[number];

/** How it can end. */
export const HISTORY_OUTCOMES = [
  "granted",
  "busy",
  "timed_out",
  "cancelled",
  "released",
  "not_held",
  "renewed",
  "free",
  "held",
  "already_granted",
  "not_waiting",
  "ok",
  "refused",
  "unknown",
] as const;
/** How it ended. `refused`: no effect. `unknown`: no answer; the effect may come at any later time. */
export type HistoryOutcome = (typeof HISTORY_OUTCOMES)[number];

/** What a watch can tell; after `resync` something was left out. */
export const HISTORY_WATCH_KINDS = ["granted", "released", "expired", "forced", "revoked", "resync"] as const;
/** What a watch told. */
export type HistoryWatchKind = (typeof HISTORY_WATCH_KINDS)[number];

/** The first line. */
export interface HistoryHeader {
  readonly t: "history";
  readonly version: number;
  readonly commit: string;
  readonly seed: string;
  /** How far a clock may drift, in millionths. */
  readonly drift_ppm: number;
  /** How far the clocks of the recorders may disagree. */
  readonly clock_error_ns: number;
}

/** What was asked, apart from resource and token. Times in milliseconds; a TTL of 0 is the session's. */
export interface HistoryArgs {
  readonly mode?: Mode;
  readonly ttl_ms?: number;
  readonly wait_ms?: number;
  readonly permits?: number;
  readonly lock_delay_ms?: number;
  /** The request id of the wait that a cancel is about. */
  readonly id?: number;
}

/** A holder, as a check tells of it. */
export interface HistoryHolder {
  /** The public id of its session; "" for a claim without one. */
  readonly client: string;
  readonly mode: Mode;
}

/** What else was told. */
export interface HistoryResult {
  /** By a check. */
  readonly holders?: readonly HistoryHolder[];
  /** By a check: how many wait. */
  readonly waiters?: number;
  /** By busy: a holder's client; null: nobody holds, and it is a wait or a lock-delay that stands in the way. */
  readonly holder?: string | null;
  /** By busy: how many wait. */
  readonly queue?: number;
  /** By revoke and force-release: how many claims. */
  readonly count?: number;
  /** By refused: why. */
  readonly code?: string;
}

/** One operation, written when it ended. A process has one open at a time. */
export interface HistoryOp {
  readonly t: "op";
  readonly process: number;
  /** The public id of the session; "" without one. */
  readonly session: string;
  /** The request id. */
  readonly id: number;
  readonly op: HistoryOperation;
  /** Null for a keepalive and a close. */
  readonly resource: string | null;
  /** Before the first byte of the first sending. */
  readonly call: number;
  /** After the decoding of the answer; null: there was none. */
  readonly return: number | null;
  readonly args: HistoryArgs;
  readonly outcome: HistoryOutcome;
  readonly token: number | null;
  readonly result: HistoryResult;
}

/** While the library could say "held". */
export interface HistoryBelief {
  readonly t: "believe";
  readonly process: number;
  readonly resource: string;
  readonly mode: Mode;
  readonly token: number;
  readonly from: number;
  readonly to: number;
}

/** What a watch told. `process` names the watch. */
export interface HistoryWatch {
  readonly t: "watch";
  readonly process: number;
  /** Of a resync: the watch's pattern. */
  readonly resource: string;
  readonly kind: HistoryWatchKind;
  /** Null of a resync. */
  readonly token: number | null;
  readonly at: number;
}

/** What was done to the servers, for the reader of a failure. */
export interface HistoryFault {
  readonly t: "fault";
  readonly kind: string;
  readonly target: string;
  readonly from: number;
  readonly to: number;
}

/** Any line. */
export type HistoryLine = HistoryHeader | HistoryOp | HistoryBelief | HistoryWatch | HistoryFault;
