/**
 * A learner comes in sync. It is counted before the set with it is asked for, because from that moment on the set
 * may be in force without this primary knowing: until then it must have everything that was committed without it.
 */
import { endOf } from "./chain.js";
import { commit } from "./commit.js";
import { type Core, isMember, isRemembered } from "./core.js";
import { silentFor } from "./silence.js";
import type { Peer } from "./state.js";
import { askForChange } from "./unknown.js";

/** Counts learners that keep up, forgets those that don't, and asks for one that has kept up long enough. */
export function followLearners(core: Core): void {
  const { state, settings } = core;
  for (const peer of state.peers) {
    if (isMember(state.configuration, peer.name) || isMember(state.pending?.next ?? null, peer.name)) continue;
    if (peer.countedSinceMs < 0) beginCounting(core, peer);
    else if (peer.feeding !== "streaming" || silentFor(core, peer) >= settings.memberSilentMs) {
      peer.countedSinceMs = -1;
      commit(core); // What it kept from being committed.
    } else if (isSteady(core, peer)) {
      ask(core, peer);
      return;
    }
  }
}

/** All is sent, and nothing is left unacknowledged for long. */
function beginCounting(core: Core, peer: Peer): void {
  const { state, settings } = core;
  if (peer.feeding !== "streaming" || peer.isBroken || peer.mustRebuild || peer.isLeaving) return;
  if (peer.sent.lsn !== endOf(state).lsn) return;
  if (silentFor(core, peer) >= settings.memberSilentMs) return;
  peer.countedSinceMs = state.nowMs;
  peer.countedFrom = endOf(state).lsn;
}

function isSteady(core: Core, peer: Peer): boolean {
  const { state, settings } = core;
  // A round of this stream: it has cut its tail, or has the snapshot, also where there is no entry to store.
  if (peer.round === 0) return false;
  return state.nowMs - peer.countedSinceMs >= settings.learnerSteadyMs && peer.stored >= peer.countedFrom;
}

function ask(core: Core, peer: Peer): void {
  const { state } = core;
  const { configuration } = state;
  if (configuration === null || state.pending !== null || state.nonce === "" || !isRemembered(state)) return;
  askForChange(core, { inSync: [...configuration.inSync, peer.name] });
}
