/**
 * A node is about to stop: its replicas leave the in-sync sets before it does, so that no commit waits until its silence is
 * found out. It stores and acknowledges as ever until the configuration without it is known.
 */
import { type Core, isRemembered, knownEpoch, otherMembers, peerOf, say } from "./core.js";
import type { Envelope } from "./messages.js";
import { askForChange } from "./unknown.js";

/** As a member that is not in office: asks the primary to go on without it. */
export function leave(core: Core): void {
  const { role, configuration } = core.state;
  if (role === "backup" && configuration !== null) say(core, configuration.primary, { kind: "leave" });
}

/** A member wants to leave: the primary asks for the set without it, now or as soon as no other change is under way. */
export function hearLeave(core: Core, { from, epoch }: Envelope): void {
  const { state } = core;
  const peer = peerOf(state, from);
  if (peer === undefined || state.role !== "primary" || epoch !== knownEpoch(state)) return;
  peer.isLeaving = true;
  letLeave(core);
}

/** Asks for a set without those that leave, as long as enough stay; at each tick of a primary, too. */
export function letLeave(core: Core): void {
  const { state, settings } = core;
  const { configuration } = state;
  if (configuration === null || !state.isServing || state.resignedUntilMs >= 0) return;
  if (state.pending !== null || state.nonce === "" || !isRemembered(state)) return;
  const leaving = otherMembers(state).filter((peer) => peer.isLeaving);
  const inSync = configuration.inSync.filter((name) => !leaving.some((peer) => peer.name === name));
  if (leaving.length > 0 && inSync.length >= settings.minInSync) askForChange(core, { inSync });
}
