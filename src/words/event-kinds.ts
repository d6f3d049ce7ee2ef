/**
 * What can happen in a shard, as the log numbers it. A number never changes its meaning: an older log replays for
 * ever.
 */
export const EVENT_BEGAN = 1;
export const EVENT_GRANTED = 2;
export const EVENT_ENQUEUED = 3;
export const EVENT_GRANTED_WAITER = 4;
export const EVENT_RELEASED = 5;
export const EVENT_EXPIRED = 6;
export const EVENT_RENEWED = 7;
export const EVENT_CANCELLED = 8;
export const EVENT_TIMED_OUT = 9;
export const EVENT_ABANDONED = 10;
export const EVENT_REVOKED = 11;
export const EVENT_FORCED = 12;
export const EVENT_SESSION_ENDED = 13;
export const EVENT_TIME = 14;
export const EVENT_ERA_BEGAN = 15;
export const EVENT_DELAY_ENDED = 16;

/** Flags of an event that concerns a claim. */
export const CLAIM_MODE_MASK = 3;
/** It belongs to (principal, token), not to a session: HTTP and thin clients. */
export const CLAIM_LOOSE = 4;
/** It has no deadline of its own: it ends with its session. */
export const CLAIM_BOUND = 8;
/** The end was the end of its session. */
export const CAUSE_SESSION = 16;
/** The claim's client asked for it, under this request id: an outcome is kept. */
export const ASKED = 32;
/** The client is a session (not somebody without one). */
export const CLIENT_SESSION = 64;
