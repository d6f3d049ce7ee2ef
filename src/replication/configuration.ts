/**
 * Which configuration this replica knows: the largest, on disk before anything of it is acknowledged. A larger one
 * makes known what became of every compare-and-swap on a smaller one.
 */
import { considerOffice } from "./candidacy.js";
import { type Core, isMember, orderLog, report, say, sayToAll } from "./core.js";
import { epoch } from "../words/ids.js";
import type { Configuration } from "../words/configuration.js";
import { goOn, leaveOffice } from "./office.js";
import { meetPeers } from "./peers.js";
import type { Role } from "./state.js";
import { beginTakeOver } from "./take-over.js";

/** A configuration that another replica knows. */
export function hearConfiguration(core: Core, told: Configuration): void {
  const known = core.state.configuration;
  if (known === null || told.epoch > known.epoch) adopt(core, told);
}

/**
 * What the control plane has. A smaller one than was known when it was asked means that it was restored from a copy;
 * another one of the same epoch, too: no office then.
 */
export function readConfiguration(core: Core, read: Configuration | null, knownEpoch: number): void {
  const { state } = core;
  const known = state.configuration;
  const readEpoch = read?.epoch ?? epoch(0);
  const isOther = read !== null && known !== null && read.epoch === known.epoch && read.nonce !== known.nonce;
  if (readEpoch < knownEpoch || isOther) {
    if (!state.isControlPlaneOlder) {
      report(core, { kind: "control-plane-older", read: readEpoch, remembered: known?.epoch ?? epoch(0) });
    }
    state.isControlPlaneOlder = true;
    return;
  }
  if (read === null) return;
  if (known !== null && read.epoch === known.epoch) {
    state.candidacy.confirmedMs = state.nowMs;
    if (state.isHandedOver && state.role === "backup") considerOffice(core);
    return;
  }
  if (known !== null && read.epoch < known.epoch) return; // An answer from before.
  adopt(core, read);
  // Whoever reads a larger configuration tells the shard's replicas.
  sayToAll(core, { kind: "tell", configuration: read });
}

function adopt(core: Core, next: Configuration): void {
  const { state } = core;
  const before = state.configuration;
  const isMine = state.pending !== null && state.pending.next.nonce === next.nonce;
  // What was acknowledged so far was for the smaller epoch; from here on nothing more is.
  refuseFeeder(core, next);
  state.configuration = next;
  state.held = [];
  state.pending = null;
  state.rememberedOrder = orderLog(core, { kind: "remember", remembered: { configuration: next } });
  // One that was let go is told by who did it: nobody else speaks to it any more.
  const gone = isMine ? state.peers.filter(({ name }) => !next.replicas.includes(name)) : [];
  for (const { name } of gone) say(core, name, { kind: "tell", configuration: next });
  meetPeers(state, next);
  state.stream = 0;
  state.hasBegun = false;
  state.heardMs = state.nowMs;
  state.isPrimaryGone = false;
  state.isHandedOver = false;
  state.officeNotBeforeMs = state.nowMs;
  state.candidacy = { sinceMs: -1, lastAskMs: -1, confirmedMs: -1 };
  for (const peer of state.peers) peer.wasHeard = false;
  if (state.hasEnded) return;
  if (isMine && next.primary === state.name) {
    // Only who asked for it in this life takes office by it.
    tellChanges(core, before, next);
    if (state.role === "primary") goOn(core);
    else beginTakeOver(core);
    return;
  }
  leaveOffice(core);
  state.promoteAtMs = -1;
  state.role = roleIn(next, state.name);
}

/** What a configuration makes of a replica that is not in office. */
export function roleIn(configuration: Configuration, name: string): Role {
  if (isMember(configuration, name)) return "backup";
  return configuration.replicas.includes(name) ? "learner" : "none";
}

/** The primary that feeds this replica must not count its later acknowledgements. */
function refuseFeeder(core: Core, configuration: Configuration): void {
  const { state } = core;
  const feeder = state.configuration?.primary;
  if (state.stream === 0 || feeder === undefined || feeder === state.name) return;
  const { shard, name, stream } = state;
  const said = { kind: "refuse", stream, reason: "smaller-epoch", configuration } as const;
  core.out.messages.push({ shard, from: name, to: feeder, epoch: configuration.epoch, ...said });
}

function tellChanges(core: Core, before: Configuration | null, next: Configuration): void {
  for (const replica of before?.inSync ?? []) {
    if (!next.inSync.includes(replica)) report(core, { kind: "leaves-in-sync", replica });
  }
  for (const replica of next.inSync) {
    if (before !== null && !before.inSync.includes(replica)) report(core, { kind: "joins-in-sync", replica });
  }
}
