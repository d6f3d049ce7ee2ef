/** What each file of this room is handed: the state, the settings and the outputs of the step; and how to speak. */
import type { Configuration } from "../words/configuration.js";
import { type Epoch, epoch } from "../words/ids.js";
import type { Said } from "./messages.js";
import type { LogAct, Outputs, Report } from "./outputs.js";
import type { ReplicationSettings } from "./settings.js";
import type { Peer, ReplicaState } from "./state.js";

export interface Core {
  readonly state: ReplicaState;
  readonly settings: ReplicationSettings;
  out: Outputs;
}

/** The largest epoch known, 0 for none. */
export function knownEpoch(state: ReplicaState): Epoch {
  return state.configuration?.epoch ?? epoch(0);
}

/** Says something to another replica at once. */
export function say(core: Core, to: string, said: Said): void {
  const { shard, name } = core.state;
  core.out.messages.push({ shard, from: name, to, epoch: knownEpoch(core.state), ...said });
}

/** Says it when every order given so far is on disk. */
export function sayWhenStored(core: Core, to: string, said: Said): void {
  const { state } = core;
  if (state.storedOrder === state.order) {
    say(core, to, said);
    return;
  }
  const message = { shard: state.shard, from: state.name, to, epoch: knownEpoch(state), ...said };
  state.held.push({ order: state.order, message });
}

/** Gives the log its next order, and answers its number. */
export function orderLog(core: Core, act: LogAct): number {
  const order = ++core.state.order;
  core.out.log.push({ ...act, order });
  return order;
}

export function report(core: Core, told: Report): void {
  core.out.reports.push(told);
}

export function peerOf(state: ReplicaState, name: string): Peer | undefined {
  return state.peers.find((peer) => peer.name === name);
}

/** The replicas other than this one that are in the set of its configuration. */
export function otherMembers(state: ReplicaState): readonly Peer[] {
  const { configuration } = state;
  return configuration === null ? [] : state.peers.filter((peer) => configuration.inSync.includes(peer.name));
}

export function isMember(configuration: Configuration | null, name: string): boolean {
  return configuration?.inSync.includes(name) ?? false;
}

/** Whether the configuration is on disk here: only then is it acknowledged, or compared on. */
export function isRemembered(state: ReplicaState): boolean {
  return state.storedOrder >= state.rememberedOrder;
}

/** Not answered if the worker can't be reached; whoever waits asks again. */
export function sayToAll(core: Core, said: Said): void {
  for (const peer of core.state.peers) say(core, peer.name, said);
}
