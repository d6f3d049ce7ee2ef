/**
 * Who is silent. Nothing here is needed for safety: whoever is wrongly taken for silent is taken out of the set by
 * a configuration, and comes back as a learner.
 */
import { endOf } from "./chain.js";
import { type Core, otherMembers, peerOf, report } from "./core.js";
import { sendEntries, greet } from "./stream.js";
import type { Peer, ReplicaState } from "./state.js";

/** A primary for which this goes on for four times G gives way. */
const STALLED_COMMITS_FACTOR = 4;
/** It keeps silent for twice G. */
const RESIGNED_FACTOR = 2;

/** For how long a replica has left something unacknowledged, in ms; Infinity where it is known to be gone. */
export function silentFor(core: Core, peer: Peer): number {
  const { state, settings } = core;
  if (peer.isBroken) return Number.POSITIVE_INFINITY;
  const owed = peer.owedSinceMs < 0 ? 0 : state.nowMs - peer.owedSinceMs;
  return peer.isGone ? Math.max(owed, settings.memberSilentMs) : owed;
}

/** Sends what keeps others from taking this primary for silent, and tries again where nothing is being sent. */
export function beat(core: Core): void {
  const { state, settings } = core;
  if (state.resignedUntilMs >= 0) return;
  for (const peer of state.peers) {
    const quietMs = state.nowMs - peer.lastSentMs;
    const isFed = peer.feeding === "streaming" || peer.feeding === "answered" || peer.feeding === "reading";
    if (isFed && quietMs >= settings.heartbeatMs) sendEntries(core, peer, []);
    const isStuck = peer.feeding === "apart" || peer.feeding === "asked";
    if (isStuck && quietMs >= settings.memberSilentMs && state.connected.includes(peer.name)) greet(core, peer);
  }
}

/** Nobody listens on the replica's machine: after a second refusal it is silent at once, if it was there before. */
export function connectionRefused(core: Core, by: string): void {
  const { state, settings } = core;
  const peer = peerOf(state, by);
  if (peer === undefined || !peer.wasHeard || !peer.wasClosed) return;
  const { nowMs } = state;
  if (peer.refusalCountedMs >= 0 && nowMs - peer.refusalCountedMs < settings.refusedOnceInMs) return;
  if (peer.refusedMs < 0) {
    peer.refusedMs = nowMs;
    report(core, { kind: "try-again", replica: by, afterMs: settings.refusedAgainMs });
    return;
  }
  if (nowMs - peer.refusedMs < settings.refusedAgainMs) return;
  peer.refusalCountedMs = nowMs;
  peer.isGone = true;
  if (state.configuration?.primary === by) state.isPrimaryGone = true;
}

/** A primary that can't do its office gives others the time to ask for it; then it goes on if nobody did. */
export function resignOrReturn(core: Core): void {
  const { state, settings } = core;
  if (state.role !== "primary" || !state.isServing) return;
  if (state.resignedUntilMs >= 0) {
    if (state.nowMs < state.resignedUntilMs && otherMembers(state).length > 0) return;
    state.resignedUntilMs = -1;
    state.lastHeardByMs = state.nowMs;
    state.lastCommitMs = state.nowMs;
    for (const peer of state.peers) greet(core, peer);
    return;
  }
  const why = reasonToResign(state, settings.primarySilentMs);
  if (why === null || otherMembers(state).length === 0) return;
  state.resignedUntilMs = state.nowMs + RESIGNED_FACTOR * settings.primarySilentMs;
  report(core, { kind: "resigns", why });
}

function reasonToResign(state: ReplicaState, silentMs: number): "unheard" | "log-stalled" | "commits-stalled" | null {
  const { nowMs } = state;
  const unsyncedSince = state.unsynced[0]?.sinceMs ?? nowMs;
  if (nowMs - unsyncedSince >= silentMs) return "log-stalled";
  const isOwed = otherMembers(state).some((peer) => peer.owedSinceMs >= 0);
  if (isOwed && nowMs - state.lastHeardByMs >= silentMs) return "unheard";
  const isBehind = endOf(state).lsn > state.committed;
  if (!isBehind) state.lastCommitMs = nowMs;
  return nowMs - state.lastCommitMs >= STALLED_COMMITS_FACTOR * silentMs ? "commits-stalled" : null;
}

/** Shard time stands while the oldest unacknowledged frame to a member is older than L. */
export function mayAdvanceTime(core: Core): boolean {
  const { memberSilentMs } = core.settings;
  return otherMembers(core.state).every((peer) => silentFor(core, peer) < memberSilentMs);
}
