/** When replicas lose patience, and how much they keep. No number here is needed for safety. */

/** Times in milliseconds of the worker's monotonic clock, sizes in bytes. */
export interface ReplicationSettings {
  /** A primary that has sent nothing for so long sends a heartbeat. */
  readonly heartbeatMs: number;
  /** L: a member that leaves a frame unacknowledged for so long is silent. */
  readonly memberSilentMs: number;
  /** G: a primary not heard from for so long is silent. */
  readonly primarySilentMs: number;
  /** A second refused connection at least so long after the first is silence at once. */
  readonly refusedAgainMs: number;
  /** For one peer, silence by refused connections counts at most once in this time. */
  readonly refusedOnceInMs: number;
  /** What is asked of the control plane and not answered is asked again after this time. */
  readonly controlRetryMs: number;
  /** A learner is added when it has kept up for so long. */
  readonly learnerSteadyMs: number;
  /** No smaller in-sync set is ever asked for; from 1. */
  readonly minInSync: number;
  /** Entries sent to one replica and not acknowledged; beyond it nothing more is sent to it. */
  readonly unacknowledgedBytesMax: number;
  /** Entries kept in memory to be sent again; beyond it a slow replica is served from the log. */
  readonly tailBytesMax: number;
  /** Of entries that nobody needs any more so much stays in memory: a new primary sends from where others agree. */
  readonly tailKeptBytes: number;
  /** Digests are compared when so much time has passed, or so many events. */
  readonly digestEveryMs: number;
  readonly digestEveryEvents: number;
}

/** Chosen for a network inside one region. */
export const REPLICATION_DEFAULTS: ReplicationSettings = {
  heartbeatMs: 300,
  memberSilentMs: 1_500,
  primarySilentMs: 2_000,
  refusedAgainMs: 100,
  refusedOnceInMs: 30_000,
  controlRetryMs: 500,
  learnerSteadyMs: 10_000,
  minInSync: 1,
  unacknowledgedBytesMax: 8 * 2 ** 20,
  tailBytesMax: 32 * 2 ** 20,
  tailKeptBytes: 2 ** 18,
  digestEveryMs: 10_000,
  digestEveryEvents: 100_000,
};
