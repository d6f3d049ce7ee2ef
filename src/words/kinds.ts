/**
 * The numbers of the protocol, version 1, one constant for each, because client, server and tests must never disagree
 * on one. PROTOCOL.md says what each means; a number once given never changes its meaning.
 */

/** The version that this code speaks, in HELLO and WELCOME. */
export const PROTOCOL_VERSION: number = 1;

// What a client sends (PROTOCOL §2 to §4).
export const KIND_HELLO = 1;
export const KIND_GROUP = 2;
export const KIND_OPEN = 3;
export const KIND_KEEPALIVE = 4;
export const KIND_CLOSE = 5;
export const KIND_ACQUIRE = 10;
export const KIND_RELEASE = 11;
export const KIND_RENEW = 12;
export const KIND_CHECK = 13;
export const KIND_CANCEL = 14;
export const KIND_ASK_POSITION = 15;
export const KIND_REVOKE = 16;
export const KIND_FORCE_RELEASE = 17;
export const KIND_LIST = 20;
export const KIND_WATCH = 21;
export const KIND_UNWATCH = 22;
export const KIND_ASK_STATUS = 23;

// What a server sends to keep connections and sessions (PROTOCOL §2, §3). GROUP is the same number both ways.
export const KIND_WELCOME = 1;
export const KIND_OPENED = 3;
export const KIND_OPEN_SHARD = 4;
export const KIND_KEPT = 5;

// Answers (PROTOCOL §5).
export const KIND_GRANTED = 10;
export const KIND_BUSY = 11;
export const KIND_TIMED_OUT = 12;
export const KIND_CANCELLED = 13;
export const KIND_ABANDONED = 14;
export const KIND_RELEASED = 15;
export const KIND_NOT_HELD = 16;
export const KIND_RENEWED = 17;
export const KIND_REVOKED = 18;
export const KIND_CHECKED = 19;
export const KIND_ALREADY_GRANTED = 20;
export const KIND_NOT_WAITING = 21;
export const KIND_POSITION = 22;
export const KIND_DONE = 23;
export const KIND_LISTED = 24;
export const KIND_WATCHING = 25;
export const KIND_STATUS = 26;
export const KIND_FAULT = 30;
export const KIND_MOVED = 31;

// Pushes (PROTOCOL §6).
export const KIND_CLAIM_ENDED = 40;
export const KIND_SESSION_ENDED = 41;
export const KIND_EVENT = 42;
export const KIND_RESYNC = 43;
export const KIND_IN_USE_ELSEWHERE = 44;
export const KIND_GOING_AWAY = 45;

// Why a claim ended or was revoked unasked (CLAIM_ENDED).
export const CAUSE_EXPIRED = 1;
export const CAUSE_REVOKED = 2;
export const CAUSE_FORCED = 3;
export const CAUSE_SESSION_ENDED = 4;

// What a watch tells (EVENT).
export const WATCH_GRANTED = 1;
export const WATCH_RELEASED = 2;
export const WATCH_EXPIRED = 3;
export const WATCH_FORCED = 4;
export const WATCH_REVOKED = 5;

// WebSocket close codes (PROTOCOL §1).
export const CLOSE_GOING_AWAY = 1001;
export const CLOSE_OVERLOADED = 1013;
export const CLOSE_MALFORMED = 4400;
export const CLOSE_NOT_AUTHENTICATED = 4401;
export const CLOSE_HANDSHAKE_TIMEOUT = 4408;
export const CLOSE_VERSION_UNSUPPORTED = 4409;
export const CLOSE_FRAME_TOO_LARGE = 4413;
export const CLOSE_SLOW_READER = 4429;

/** The length in bytes of a session's key. */
export const SESSION_KEY_SIZE: number = 16;
/** Twice the drift of one clock (system.md R-1): how much a client shortens what it was promised. */
export const BELIEF_SLACK: number = 0.001;
