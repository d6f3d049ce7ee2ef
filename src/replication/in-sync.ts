/** The in-sync set gets smaller: a silent backup is taken out, and commits go on when that is done. */
import { type Core, isRemembered, otherMembers, report } from "./core.js";
import { silentFor } from "./silence.js";
import { askForChange } from "./unknown.js";

/** One to which more than half of the replicas are silent waits so much longer than G: if they live, they are first. */
const MINORITY_FACTOR = 2;

/** Asks for a set without the silent members; for a primary and for one taking office. */
export function leaveOutSilent(core: Core): void {
  const { state, settings } = core;
  const { configuration, pending } = state;
  if (configuration === null || pending !== null || state.nonce === "" || !isRemembered(state)) return;
  const silent = otherMembers(state).filter((peer) => silentFor(core, peer) >= settings.memberSilentMs);
  if (silent.length === 0) return;
  const quiet = state.peers.filter((peer) => silentFor(core, peer) >= settings.memberSilentMs);
  if (quiet.length * 2 > configuration.replicas.length) {
    const leastMs = Math.min(...silent.map((peer) => silentFor(core, peer)));
    if (leastMs < MINORITY_FACTOR * settings.primarySilentMs) return;
  } else if (state.resignedUntilMs >= 0) return; // It keeps silent itself: others may find it so.
  const names = silent.map((peer) => peer.name);
  const inSync = configuration.inSync.filter((name) => !names.includes(name));
  if (inSync.length < settings.minInSync) {
    report(core, { kind: "too-few-in-sync", left: inSync.length });
    return;
  }
  askForChange(core, { inSync });
}
