/**
 * Every bound that a stranger can run into, in one record: what is refused, what the handshake announces and what the
 * settings allow must be the same number. A request above a limit is a fault that names the limit, its value and its
 * setting.
 */

/** What a limit counts: durations are in milliseconds, sizes in bytes. */
export type LimitUnit = "ms" | "bytes" | "count";

/** One limit: the value until it is set otherwise, and what it may be set to (both ends are allowed). */
export interface Limit {
  /** The name in faults and in the handshake, in kebab-case. */
  readonly name: string;
  readonly unit: LimitUnit;
  readonly default: number;
  readonly min: number;
  readonly max: number;
  /** `section.key` of its setting; null where a format fixes the limit and nobody may change it. */
  readonly setting: string | null;
  /** What it protects, as a sentence for the reference page. */
  readonly why: string;
}

/** The limits in force on a node. Times in milliseconds, sizes in bytes, all of them whole numbers. */
export interface Limits {
  readonly ttlMinMs: number;
  readonly ttlMaxMs: number;
  readonly ttlDefaultMs: number;
  readonly waitMaxMs: number;
  readonly waitingGraceMs: number;
  readonly lockDelayMaxMs: number;
  readonly permitsMax: number;
  readonly waitersPerResourceMax: number;
  readonly claimsPerNodeMax: number;
  readonly resourceCharactersMax: number;
  readonly resourceBytesMax: number;
  readonly metadataBytesMax: number;
  readonly frameBytesMax: number;
  readonly requestsPerFrameMax: number;
  readonly sessionsPerConnectionMax: number;
  readonly unansweredPerSessionMax: number;
  readonly unreadOutcomesMax: number;
  readonly watchesPerConnectionMax: number;
  readonly unsentBytesMax: number;
  readonly idleMaxMs: number;
}

const SECOND_MS = 1_000;
const HOUR_MS = 3_600 * SECOND_MS;
const KIB = 1_024;
const MIB = 1_024 * KIB;

/** Every limit by its field in {@link Limits}, in the order of the reference page. */
export const LIMITS: Readonly<Record<keyof Limits, Limit>> = {
  ttlMinMs: {
    name: "ttl-min",
    unit: "ms",
    default: 5 * SECOND_MS,
    min: 50,
    max: 24 * HOUR_MS,
    setting: "limits.ttl_min",
    why: "The shortest lease that a claim or session may ask for: shorter ones are lost to a slow network.",
  },
  ttlMaxMs: {
    name: "ttl-max",
    unit: "ms",
    default: 300 * SECOND_MS,
    min: 50,
    max: 24 * HOUR_MS,
    setting: "limits.ttl_max",
    why: "The longest lease: so long does a resource stay held when its holder has died.",
  },
  ttlDefaultMs: {
    name: "ttl-default",
    unit: "ms",
    default: 30 * SECOND_MS,
    min: 50,
    max: 24 * HOUR_MS,
    setting: "limits.ttl_default",
    why: "The lease of a claim or session that names none.",
  },
  waitMaxMs: {
    name: "wait-max",
    unit: "ms",
    default: HOUR_MS,
    min: 0,
    max: HOUR_MS,
    setting: "limits.wait_max",
    why: "The longest that an acquire may wait in the queue. One that names no wait does not wait.",
  },
  waitingGraceMs: {
    name: "waiting-grace",
    unit: "ms",
    default: 10 * SECOND_MS,
    min: 50,
    max: 300 * SECOND_MS,
    setting: "session.waiting_grace",
    why: "A waiter whose session is silent for longer than this (or its TTL, if that is less) loses its place (R-17).",
  },
  lockDelayMaxMs: {
    name: "lock-delay-max",
    unit: "ms",
    default: 300 * SECOND_MS,
    min: 0,
    max: 300 * SECOND_MS,
    setting: "limits.lock_delay_max",
    why: "The longest time that a claim may keep its resource closed after its expiry or force-release.",
  },
  permitsMax: {
    name: "permits-max",
    unit: "count",
    default: 65_536,
    min: 1,
    max: 65_536,
    setting: "limits.permits_max",
    why: "The largest N of the mode permit: so many holders at once.",
  },
  waitersPerResourceMax: {
    name: "waiters-per-resource-max",
    unit: "count",
    default: 131_072,
    min: 1,
    max: 1_048_576,
    setting: "limits.waiters_per_resource_max",
    why: "How many claims may wait for one resource.",
  },
  claimsPerNodeMax: {
    name: "claims-per-node-max",
    unit: "count",
    default: 33_554_432,
    min: 4_096,
    max: 268_435_456,
    setting: "limits.claims_per_node_max",
    why: "How many claims a node may keep. Address space is reserved for all, memory is used by those there are.",
  },
  resourceCharactersMax: {
    name: "resource-characters-max",
    unit: "count",
    default: 255,
    min: 255,
    max: 255,
    setting: null,
    why: "The longest resource, in code points. Fixed: every client and every log relies on it.",
  },
  resourceBytesMax: {
    name: "resource-bytes-max",
    unit: "bytes",
    default: 1_020,
    min: 1_020,
    max: 1_020,
    setting: null,
    why: "The longest resource in UTF-8: 255 code points of four bytes. Fixed.",
  },
  metadataBytesMax: {
    name: "metadata-max",
    unit: "bytes",
    default: 256,
    min: 0,
    max: 256,
    setting: "limits.metadata_max",
    why: "The size of what a client says about itself in a claim.",
  },
  frameBytesMax: {
    name: "frame-max",
    unit: "bytes",
    default: MIB,
    min: 4 * KIB,
    max: 4 * MIB,
    setting: "limits.frame_max",
    why: "The largest frame that a client may send; a larger one closes its connection.",
  },
  requestsPerFrameMax: {
    name: "requests-per-frame-max",
    unit: "count",
    default: 16_384,
    min: 1,
    max: 65_536,
    setting: "limits.requests_per_frame_max",
    why: "How many requests one frame may carry: a frame is worked off in one turn, and others wait for its end.",
  },
  sessionsPerConnectionMax: {
    name: "sessions-per-connection-max",
    unit: "count",
    default: 16_384,
    min: 1,
    max: 1_048_576,
    setting: "limits.sessions_per_connection_max",
    why: "How many sessions one connection may carry (an agent speaks for a whole host).",
  },
  unansweredPerSessionMax: {
    name: "unanswered-per-session-max",
    unit: "count",
    default: 131_072,
    min: 1,
    max: 1_048_576,
    setting: "limits.unanswered_per_session_max",
    why: "How many requests of a session, waits included, may be without an answer.",
  },
  unreadOutcomesMax: {
    name: "unread-outcomes-max",
    unit: "count",
    default: 1_000,
    min: 1,
    max: 65_536,
    setting: "limits.unread_outcomes_max",
    why: "How many answers that a client has not confirmed are kept for a session in each shard (R-18).",
  },
  watchesPerConnectionMax: {
    name: "watches-per-connection-max",
    unit: "count",
    default: 1_000,
    min: 0,
    max: 65_536,
    setting: "limits.watches_per_connection_max",
    why: "How many watches one connection may have open.",
  },
  unsentBytesMax: {
    name: "unsent-max",
    unit: "bytes",
    default: 16 * MIB,
    min: 64 * KIB,
    max: 1_024 * MIB,
    setting: "limits.unsent_max",
    why: "How much may wait for a client that does not read, before its connection is closed.",
  },
  idleMaxMs: {
    name: "idle-max",
    unit: "ms",
    default: 60 * SECOND_MS,
    min: 12 * SECOND_MS,
    max: 900 * SECOND_MS,
    setting: "limits.idle_max",
    why: "A connection on which nothing comes for so long, not even the answer to a ping, is cut: its peer has vanished.",
  },
};

/** The limits of a node on which nothing is set. */
export const LIMITS_DEFAULT: Limits = {
  ttlMinMs: LIMITS.ttlMinMs.default,
  ttlMaxMs: LIMITS.ttlMaxMs.default,
  ttlDefaultMs: LIMITS.ttlDefaultMs.default,
  waitMaxMs: LIMITS.waitMaxMs.default,
  waitingGraceMs: LIMITS.waitingGraceMs.default,
  lockDelayMaxMs: LIMITS.lockDelayMaxMs.default,
  permitsMax: LIMITS.permitsMax.default,
  waitersPerResourceMax: LIMITS.waitersPerResourceMax.default,
  claimsPerNodeMax: LIMITS.claimsPerNodeMax.default,
  resourceCharactersMax: LIMITS.resourceCharactersMax.default,
  resourceBytesMax: LIMITS.resourceBytesMax.default,
  metadataBytesMax: LIMITS.metadataBytesMax.default,
  frameBytesMax: LIMITS.frameBytesMax.default,
  requestsPerFrameMax: LIMITS.requestsPerFrameMax.default,
  sessionsPerConnectionMax: LIMITS.sessionsPerConnectionMax.default,
  unansweredPerSessionMax: LIMITS.unansweredPerSessionMax.default,
  unreadOutcomesMax: LIMITS.unreadOutcomesMax.default,
  watchesPerConnectionMax: LIMITS.watchesPerConnectionMax.default,
  unsentBytesMax: LIMITS.unsentBytesMax.default,
  idleMaxMs: LIMITS.idleMaxMs.default,
};
