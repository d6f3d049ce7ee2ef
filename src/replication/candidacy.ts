/**
 * An in-sync member thinks of taking office: the primary is silent, it was told to (hand-over), or it is itself the
 * configured primary and was restarted. It asks who is there before it asks for the set without the others, and
 * reads the control plane, which may not be older than anything that anybody knows.
 */
import type { Configuration } from "../words/configuration.js";
import { type Core, isMember, isRemembered, knownEpoch, peerOf, report, say, sayToAll } from "./core.js";
import type { Envelope } from "./messages.js";
import type { ReplicaState } from "./state.js";
import { askForChange, readControlPlane } from "./unknown.js";

const MINORITY_FACTOR = 2;

/** Called at each tick of a backup. */
export function considerOffice(core: Core): void {
  const { state, settings } = core;
  const { configuration, candidacy } = state;
  if (configuration === null || state.pending !== null || state.isControlPlaneOlder) return;
  if (!isMember(configuration, state.name)) return;
  const patienceMs = patience(core, configuration);
  const asksMs = Math.max(0, patienceMs - settings.memberSilentMs);
  const quietMs = state.nowMs - state.heardMs;
  if (quietMs < asksMs) {
    candidacy.sinceMs = -1;
    return;
  }
  askAround(core);
  if (quietMs < patienceMs || candidacy.confirmedMs < candidacy.sinceMs) return;
  if (state.nonce === "" || !isRemembered(state)) return;
  const inSync = remaining(core, configuration);
  if (inSync === null) return;
  if (inSync.length < settings.minInSync) {
    report(core, { kind: "too-few-in-sync", left: inSync.length });
    return;
  }
  askForChange(core, { primary: state.name, inSync });
}

/** How long nothing must have been heard of the primary before office is asked for. */
function patience(core: Core, configuration: Configuration): number {
  const { state, settings } = core;
  if (state.isHandedOver || state.isPrimaryGone) return 0;
  if (configuration.primary === state.name) return state.officeNotBeforeMs - state.heardMs;
  return settings.primarySilentMs;
}

function askAround(core: Core): void {
  const { state, settings } = core;
  const { candidacy, nowMs } = state;
  if (candidacy.sinceMs < 0) {
    candidacy.sinceMs = nowMs;
    candidacy.confirmedMs = -1;
    candidacy.lastAskMs = -1;
  }
  if (candidacy.lastAskMs >= 0 && nowMs - candidacy.lastAskMs < settings.heartbeatMs) return;
  candidacy.lastAskMs = nowMs;
  sayToAll(core, { kind: "ask" });
  if (candidacy.confirmedMs < candidacy.sinceMs) readControlPlane(core);
}

/** The old set less the old primary and less those who are silent; null while somebody may still answer. */
function remaining(core: Core, configuration: Configuration): readonly string[] | null {
  const { state, settings } = core;
  if (state.isHandedOver) return configuration.inSync; // With the old primary, which lives (hand-over).
  const others = configuration.inSync.filter((name) => name !== state.name && name !== configuration.primary);
  const present = others.filter((name) => hasAnswered(state, name));
  const silentCount = state.peers.filter(({ name }) => !hasAnswered(state, name)).length;
  // One to which more than half are silent gives the others time: if they live, they are first.
  const isMinority = silentCount * 2 > configuration.replicas.length;
  const waitMs = isMinority ? MINORITY_FACTOR * settings.primarySilentMs : settings.memberSilentMs;
  const mayStillAnswer = state.nowMs - state.candidacy.sinceMs < waitMs;
  if (isMinority && mayStillAnswer) return null;
  if (present.length < others.length && mayStillAnswer) return null;
  return configuration.inSync.filter((name) => name === state.name || present.includes(name));
}

function hasAnswered(state: ReplicaState, name: string): boolean {
  return (peerOf(state, name)?.hereMs ?? -1) >= state.candidacy.sinceMs;
}

/** Somebody thinks of taking office: one that does not know the largest epoch is told it. */
export function hearAsk(core: Core, { from, epoch }: Envelope): void {
  const { state } = core;
  const { configuration, isControlPlaneOlder } = state;
  if (configuration !== null && epoch < knownEpoch(state)) say(core, from, { kind: "tell", configuration });
  say(core, from, { kind: "here", isControlPlaneOlder });
}

export function hearHere(core: Core, { from, epoch }: Envelope, isControlPlaneOlder: boolean): void {
  const { state } = core;
  const peer = peerOf(state, from);
  if (peer !== undefined) peer.hereMs = state.nowMs;
  if (isControlPlaneOlder) state.isControlPlaneOlder = true;
  if (epoch > knownEpoch(state)) readControlPlane(core);
}
