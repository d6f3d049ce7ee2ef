/**
 * The last copy is gone: an operator says that the lost nodes are off, and promotes a replica that is not in sync.
 * It waits until every claim that may still be believed has ended, then begins a new era without claims.
 */
import { type Core, isMember, isRemembered } from "./core.js";
import { askForChange, readControlPlane } from "./unknown.js";

/** @param waitMs the largest TTL, the largest lock-delay and a margin, from the operator's word */
export function promote(core: Core, waitMs: number): void {
  const { state } = core;
  if (state.role !== "learner" || state.hasEnded) return;
  state.promoteAtMs = state.nowMs + waitMs;
  state.candidacy.sinceMs = -1;
}

/** At each tick of a replica that is promoted. A restart forgets it, and the operator says it again. */
export function considerEra(core: Core): void {
  const { state } = core;
  const { configuration, candidacy } = state;
  if (state.promoteAtMs < 0 || state.nowMs < state.promoteAtMs || state.isControlPlaneOlder) return;
  if (configuration === null || state.pending !== null || isMember(configuration, state.name)) return;
  if (candidacy.sinceMs < 0) {
    candidacy.sinceMs = state.nowMs;
    candidacy.confirmedMs = -1;
    readControlPlane(core);
  }
  if (candidacy.confirmedMs < candidacy.sinceMs || state.nonce === "" || !isRemembered(state)) return;
  const { name } = state;
  askForChange(core, { era: configuration.era + 1, primary: name, inSync: [name] });
}
