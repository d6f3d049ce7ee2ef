/**
 * What a server says, as values: the cold view that clients, tests and people read (PROTOCOL.md §2, §3, §5 and §6). Times
 * are whole milliseconds; a token or mark of 0 means none.
 */
import type { Mode } from "../words/mode.js";

/** One claim as others see it (PROTOCOL §5, `holder`). */
export interface Holder {
  readonly mode: Mode;
  /** 0 unless the claim is the asking session's own. */
  readonly token: number;
  readonly heldMs: number;
  /** Until its deadline; undefined: bound to its session. */
  readonly leftMs: number | undefined;
  readonly principal: string;
  /** The public id of its session, or "". */
  readonly client: string;
  readonly address: string;
  readonly metadata: string;
  readonly renewCount: number;
  /** How many may hold at once, in permit mode. */
  readonly permits: number;
}

/** A claim of a list or a resync. */
export interface ClaimListed {
  readonly resource: string;
  readonly holds: boolean;
  readonly holder: Holder;
}

/** Which worker has which shard. */
export interface ClusterMap {
  readonly version: number;
  readonly shards: number;
  /** CRC-32 of the ring's bytes. */
  readonly ringId: number;
  /** `host:port` on which just that worker listens; undefined: it is reached through any other. */
  readonly workers: readonly (string | undefined)[];
  /** For each shard the index of its worker. */
  readonly owners: readonly number[];
}

/** The server's side of the handshake. */
export interface Welcome {
  readonly kind: "welcome";
  readonly version: number;
  readonly server: string;
  readonly node: string;
  readonly worker: number;
  readonly principal: string;
  readonly limits: ReadonlyMap<string, number>;
  readonly map: ClusterMap;
  readonly ring: Uint8Array | undefined;
}

/** A claim as the opening of a path tells it. */
export interface ClaimOpened {
  readonly requestId: number;
  /** 0: it waits. */
  readonly token: number;
  readonly resource: string;
  readonly mode: Mode;
  /** Until its own deadline, or that of its wait; undefined: bound to the session. */
  readonly leftMs: number | undefined;
}

/** An answer that was given before, and not seen. */
export interface OutcomeOpened {
  readonly requestId: number;
  readonly answerKind: number;
  readonly value: number;
}

/** One session in one shard, as the opening of its path tells it. */
export interface SessionOpened {
  readonly path: number;
  readonly ttlMs: number;
  readonly mark: number;
  readonly heardCount: number;
  readonly ageMs: number;
  readonly claims: readonly ClaimOpened[];
  readonly outcomes: readonly OutcomeOpened[];
}

/** What a wait that was over in vain is told of its resource. */
export interface TimedOutSeen {
  /** At most 16. */
  readonly holders: readonly Holder[];
  /** How many waited, the asker with them. */
  readonly waiters: number;
  /** The asker's place, 1 was next; undefined: too far back to be counted. */
  readonly position: number | undefined;
}

/** Answers to requests: `id` names the request. */
export type Answer =
  | {
      readonly kind: "granted";
      readonly id: number;
      readonly token: number;
      /** 0: bound to the session. */
      readonly ttlMs: number;
      readonly waited: boolean;
      readonly leftMs: number | undefined;
      readonly heardCount: number;
      readonly ageMs: number;
    }
  | {
      readonly kind: "busy";
      readonly id: number;
      readonly holders: readonly Holder[];
      readonly waiters: number;
      readonly yours: boolean;
      readonly delayMs: number;
    }
  /** Why it was not granted, as it was when the wait ended; undefined: an older server, or remembered only. */
  | { readonly kind: "timed-out"; readonly id: number; readonly seen: TimedOutSeen | undefined }
  | { readonly kind: "cancelled"; readonly id: number }
  | { readonly kind: "abandoned"; readonly id: number }
  | { readonly kind: "released"; readonly id: number }
  | { readonly kind: "not-held"; readonly id: number }
  | { readonly kind: "renewed"; readonly id: number; readonly ttlMs: number; readonly leftMs: number }
  | { readonly kind: "revoked"; readonly id: number; readonly leftMs: number }
  | {
      readonly kind: "checked";
      readonly id: number;
      readonly holders: readonly Holder[];
      readonly waiters: number;
      readonly delayMs: number;
    }
  | { readonly kind: "already-granted"; readonly id: number; readonly token: number }
  | { readonly kind: "not-waiting"; readonly id: number }
  | {
      readonly kind: "position";
      readonly id: number;
      readonly position: number;
      readonly waitedMs: number;
      readonly holders: readonly Holder[];
    }
  | { readonly kind: "done"; readonly id: number; readonly count: number }
  | {
      readonly kind: "listed";
      readonly id: number;
      readonly claims: readonly ClaimListed[];
      readonly cursor: string | undefined;
    }
  | { readonly kind: "watching"; readonly id: number; readonly cursor: string }
  | { readonly kind: "status"; readonly id: number; readonly json: string }
  | { readonly kind: "fault"; readonly id: number; readonly code: string; readonly message: string }
  | { readonly kind: "moved"; readonly id: number; readonly map: ClusterMap };

/** Why a claim ended or was revoked unasked. */
export type EndCause = "expired" | "revoked" | "forced" | "session-ended";
/** What a watch tells of. */
export type WatchedKind = "granted" | "released" | "expired" | "forced" | "revoked";

/** What a server says unasked. */
export type Push =
  | {
      readonly kind: "claim-ended";
      readonly shard: number;
      readonly mark: number;
      readonly token: number;
      readonly resource: string;
      readonly cause: EndCause;
      readonly reason: string;
    }
  | { readonly kind: "session-ended"; readonly shard: number; readonly mark: number }
  | {
      readonly kind: "event";
      readonly watchId: number;
      readonly event: WatchedKind;
      readonly resource: string;
      readonly lsn: number;
      readonly token: number;
      readonly mode: Mode;
      readonly client: string;
      readonly principal: string;
      readonly cursor: string;
    }
  | {
      readonly kind: "resync";
      readonly watchId: number;
      readonly cursor: string;
      readonly claims: readonly ClaimListed[];
    }
  | { readonly kind: "in-use-elsewhere"; readonly path: number }
  | { readonly kind: "going-away"; readonly reason: string };

/** Everything that a server says. `unknown` is a kind of a later minor version: it is passed over. */
export type ServerMessage =
  | Welcome
  | { readonly kind: "group"; readonly path: number }
  | { readonly kind: "opened"; readonly id: number; readonly paths: readonly number[] }
  | {
      readonly kind: "open-shard";
      readonly id: number;
      readonly shard: number;
      readonly lsn: number;
      readonly sessions: readonly SessionOpened[];
    }
  | {
      readonly kind: "kept";
      readonly id: number;
      readonly count: number;
      readonly shard: number;
      readonly lsn: number;
      /** Each path with the mark of its session there. */
      readonly marks: readonly { readonly path: number; readonly mark: number }[];
    }
  | Answer
  | Push
  | { readonly kind: "unknown"; readonly number: number };
