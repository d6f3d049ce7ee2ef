/**
 * What is committed, and what may be answered. Both need the members of every set that may be in force: of the
 * known configuration, of one whose compare-and-swap is unknown, and the learners that are counted already.
 */
import { assert } from "../words/assert.js";
import { lsn, type Lsn } from "../words/ids.js";
import { endOf, ownStored, prune } from "./chain.js";
import type { Core } from "./core.js";
import type { Peer, ReplicaState } from "./state.js";

/** The other replicas whose acknowledgements are needed. */
export function neededPeers(state: ReplicaState): readonly Peer[] {
  const { configuration, pending } = state;
  return state.peers.filter(
    ({ name, countedSinceMs }) =>
      countedSinceMs >= 0 ||
      configuration?.inSync.includes(name) === true ||
      pending?.next.inSync.includes(name) === true,
  );
}

/** The end of what is on disk on everybody who is needed. */
export function storedByAll(state: ReplicaState): Lsn {
  let stored: number = ownStored(state);
  for (const peer of neededPeers(state)) stored = Math.min(stored, peer.stored);
  return lsn(stored);
}

/** As primary in office: moves the committed LSN. */
export function commit(core: Core): void {
  const { state } = core;
  if (state.role !== "primary" || !state.isServing) return;
  const stored = storedByAll(state);
  if (stored <= state.committed) return;
  assert(stored <= endOf(state).lsn, "R-8: only what is in the log is committed");
  state.committed = stored;
  state.applied = stored; // The actor ran ahead of it.
  state.lastCommitMs = state.nowMs;
  prune(core);
}

/** The last round that everybody who is needed has acknowledged in this office; Infinity for one who is alone. */
export function confirmedRound(state: ReplicaState): number {
  let round = Number.POSITIVE_INFINITY;
  for (const peer of neededPeers(state)) round = Math.min(round, peer.round);
  return round;
}

/**
 * Whether an answer may leave that was decided when the log ended at `head`, in this round, by the actor that is in
 * office (R-8, INV-3, INV-5).
 */
export function mayAnswer(state: ReplicaState, head: Lsn, round: number): boolean {
  if (state.role !== "primary" || !state.isServing) return false;
  return state.committed >= head && confirmedRound(state) >= round;
}
