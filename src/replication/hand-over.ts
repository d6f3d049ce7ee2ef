/**
 * Hand-over: a primary tells a member to take office, and answers nothing more in that epoch. If the other does not take
 * it, this one can come back only by a larger epoch of its own, after G (candidacy.ts).
 */
import { considerOffice } from "./candidacy.js";
import { type Core, isMember, knownEpoch, peerOf, say } from "./core.js";
import type { Envelope } from "./messages.js";
import { leaveOffice } from "./office.js";

/** Gives office away, if the member is being fed and no change of the configuration is under way. */
export function handOver(core: Core, to: string): void {
  const { state, settings } = core;
  if (state.role !== "primary" || !state.isServing || state.pending !== null) return;
  if (!isMember(state.configuration, to) || peerOf(state, to)?.feeding !== "streaming") return;
  say(core, to, { kind: "hand-over" });
  leaveOffice(core);
  state.role = "backup";
  state.heardMs = state.nowMs;
  state.officeNotBeforeMs = state.nowMs + settings.primarySilentMs;
}

/** The primary has left office for this replica. */
export function hearHandOver(core: Core, { from, epoch }: Envelope): void {
  const { state } = core;
  const isOfPrimary = epoch === knownEpoch(state) && state.configuration?.primary === from;
  if (!isOfPrimary || state.role !== "backup") return;
  state.isHandedOver = true;
  considerOffice(core); // Nobody is in office now: each tick that is waited for lengthens the gap.
}
