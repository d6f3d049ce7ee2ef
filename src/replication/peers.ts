/** The other replicas of the shard, as this one knows them; one record for each, in the order of their names. */
import type { Configuration } from "../words/configuration.js";
import { LSN_NONE } from "../words/ids.js";
import { NOWHERE } from "./entry.js";
import type { Peer, ReplicaState } from "./state.js";

/** Makes records for the configuration's replicas, and drops those that it does not name. */
export function meetPeers(state: ReplicaState, configuration: Configuration): void {
  const names = configuration.replicas.filter((name) => name !== state.name).sort();
  state.peers = names.map((name) => state.peers.find((peer) => peer.name === name) ?? newPeer(name));
}

function newPeer(name: string): Peer {
  return {
    name,
    feeding: "apart",
    stream: 0,
    where: null,
    sent: NOWHERE,
    stored: LSN_NONE,
    storedEver: LSN_NONE,
    round: 0,
    beginRound: 0,
    inFlight: [],
    inFlightBytes: 0,
    lastSentMs: 0,
    owedSinceMs: -1,
    pages: 0,
    countedSinceMs: -1,
    countedFrom: LSN_NONE,
    isBroken: false,
    mustRebuild: false,
    wasClosed: false,
    refusedMs: -1,
    refusalCountedMs: -1,
    wasHeard: false,
    isGone: false,
    isLeaving: false,
    hereMs: -1,
  };
}

/** Nothing that was sent to it counts any more; what it owed is still owed. */
export function stopFeeding(peer: Peer): void {
  peer.feeding = "apart";
  peer.where = null;
  peer.sent = NOWHERE;
  peer.stored = LSN_NONE;
  peer.round = 0;
  peer.beginRound = 0;
  peer.inFlight = [];
  peer.inFlightBytes = 0;
  peer.pages = 0;
}

/** A new office: nothing from the one before counts. */
export function forgetOffice(peer: Peer): void {
  stopFeeding(peer);
  peer.storedEver = LSN_NONE;
  peer.owedSinceMs = -1;
  peer.countedSinceMs = -1;
  peer.countedFrom = LSN_NONE;
}
