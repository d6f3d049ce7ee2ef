/**
 * All that a replica knows, as plain data: an explorer copies it by structuredClone and walks it for a hash. No file
 * keeps anything beside it.
 */
import type { Configuration } from "../words/configuration.js";
import { type Lsn, LSN_NONE, type ShardIndex, type ShardMs } from "../words/ids.js";
import type { Entry, Position } from "./entry.js";
import type { Found } from "./inputs.js";
import type { Message } from "./messages.js";

/** None: not one of the shard's replicas, or its part has ended. */
export type Role = "none" | "learner" | "backup" | "taking-over" | "primary";

/** A frame's worth to one replica, not acknowledged yet. */
export interface InFlight {
  readonly round: number;
  /** The end of what was sent by then. */
  readonly lsn: Lsn;
  readonly bytes: number;
  readonly sentMs: number;
}

/** A replica's answer where its log stands. */
export interface Where {
  readonly positions: readonly Position[];
  readonly committed: Lsn;
}

/**
 * Feeding a replica: apart (no connection, or it refused) → asked (office was sent) → answered (waits for the take-over
 * to choose) → streaming; or reading (from the own log) → streaming; or pages (a snapshot) → streaming.
 */
export type Feeding = "apart" | "asked" | "answered" | "reading" | "pages" | "streaming";

/** What a replica knows of another. */
export interface Peer {
  readonly name: string;
  feeding: Feeding;
  stream: number;
  where: Where | null;
  /** The end of what was sent. */
  sent: Position;
  /** The largest LSN that it has acknowledged in this stream. */
  stored: Lsn;
  /** The largest that it ever acknowledged in this office: a log that ends below has lost data. */
  storedEver: Lsn;
  /** The last round acknowledged in this stream; 0 for none. */
  round: number;
  /** The round of `begin`: only later rounds speak for this shard. */
  beginRound: number;
  inFlight: InFlight[];
  inFlightBytes: number;
  lastSentMs: number;
  /** Since when something is owed by it, -1 for nothing. */
  owedSinceMs: number;
  /** Pages of a snapshot sent so far. */
  pages: number;
  /** Since when its acknowledgements are counted as needed, -1 for not; and the end of the log at that time. */
  countedSinceMs: number;
  countedFrom: Lsn;
  /** Has lost data, or its state differs: out at once. */
  isBroken: boolean;
  /** Its state differs: it is given everything anew. */
  mustRebuild: boolean;
  /** How the last connection ended, and when a new one was refused first; when refusals counted last. */
  wasClosed: boolean;
  refusedMs: number;
  refusalCountedMs: number;
  /** Heard in this epoch. */
  wasHeard: boolean;
  /** Refused connections say that it is gone. */
  isGone: boolean;
  /** Its node is about to stop, and it has asked to be taken out of the in-sync set. */
  isLeaving: boolean;
  /** When it last answered whether it is there. */
  hereMs: number;
}

/** A compare-and-swap whose outcome is unknown. */
export interface PendingChange {
  readonly expected: Configuration;
  readonly next: Configuration;
  askedMs: number;
}

/** A message that waits until an order is on disk. */
export interface Held {
  readonly order: number;
  readonly message: Message;
}

/** An append that is not on disk yet. */
export interface Unsynced {
  readonly order: number;
  readonly lsn: Lsn;
  /** The end of the log before it. */
  readonly before: Lsn;
  readonly sinceMs: number;
}

/** Thinking of taking office. -1 for never. */
export interface Candidacy {
  sinceMs: number;
  lastAskMs: number;
  /** When the control plane last confirmed the configuration, since `sinceMs`. */
  confirmedMs: number;
}

export interface ReplicaState {
  readonly shard: ShardIndex;
  readonly name: string;
  role: Role;
  nowMs: number;
  round: number;
  nonce: string;
  /** The largest known; its order and whether the caller says that it is stored. */
  configuration: Configuration | null;
  rememberedOrder: number;
  /** The last order given, and the last done. */
  order: number;
  storedOrder: number;
  unsynced: Unsynced[];
  held: Held[];
  /** The chain: `base` is committed; `tail` are the entries after it, at least all that are not committed or applied. */
  base: Position;
  tail: Entry[];
  tailBytes: number;
  committed: Lsn;
  rememberedCommitted: Lsn;
  applied: Lsn;
  /** The largest stamp stored or heard. */
  stamp: ShardMs;
  peers: Peer[];
  /** Replicas whose worker a connection stands to. */
  connected: string[];
  /** Number of the last stream begun to anybody. */
  streams: number;
  /** As primary: everything that was there at take-over is stored by all, and the actor is in office. */
  isServing: boolean;
  /** As replica taking office: the member whose tail is fetched, "" for none; then whether all are being fed. */
  fetchingFrom: string;
  isSpreading: boolean;
  /** Keeps silent until then, -1 for not. */
  resignedUntilMs: number;
  lastCommitMs: number;
  lastHeardByMs: number;
  pending: PendingChange | null;
  /** As backup: when the primary was last heard, which stream it feeds, and whether that has begun. */
  heardMs: number;
  stream: number;
  hasBegun: boolean;
  isPrimaryGone: boolean;
  candidacy: Candidacy;
  /** Told by the primary to take office: no silence is waited for. */
  isHandedOver: boolean;
  /** As configured primary out of office: not before this time. */
  officeNotBeforeMs: number;
  /** The operator's promotion: from when, -1 for none. */
  promoteAtMs: number;
  isControlPlaneOlder: boolean;
  hasEnded: boolean;
  /** as primary, the last LSN named with its digest; as backup the LSN asked for, 0 for none. */
  digestLsn: Lsn;
  digest: string;
  digestMs: number;
  /** Digests of others that came before the own one. */
  digestsHeard: { readonly from: string; readonly lsn: Lsn; readonly digest: string }[];
}

/** The state of a replica that starts with what was found in its store. */
export function initialState(shard: ShardIndex, name: string, found: Found): ReplicaState {
  const bytes = found.entries.reduce((sum, entry) => sum + entry.bytes.length, 0);
  return {
    shard,
    name,
    role: "none",
    nowMs: 0,
    round: 0,
    nonce: "",
    configuration: found.remembered?.configuration ?? null,
    rememberedOrder: 0,
    order: 0,
    storedOrder: 0,
    unsynced: [],
    held: [],
    base: found.base,
    tail: [...found.entries],
    tailBytes: bytes,
    committed: found.committed,
    rememberedCommitted: found.committed,
    applied: found.base.lsn,
    stamp: found.stamp,
    peers: [],
    connected: [],
    streams: 0,
    isServing: false,
    fetchingFrom: "",
    isSpreading: false,
    resignedUntilMs: -1,
    lastCommitMs: 0,
    lastHeardByMs: 0,
    pending: null,
    heardMs: 0,
    stream: 0,
    hasBegun: false,
    isPrimaryGone: false,
    candidacy: { sinceMs: -1, lastAskMs: -1, confirmedMs: -1 },
    isHandedOver: false,
    officeNotBeforeMs: 0,
    promoteAtMs: -1,
    isControlPlaneOlder: false,
    hasEnded: false,
    digestLsn: LSN_NONE,
    digest: "",
    digestMs: 0,
    digestsHeard: [],
  };
}
