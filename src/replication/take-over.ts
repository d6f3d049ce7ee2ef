/**
 * From a configuration won to office: every remaining member says where its log stands; the largest tail is taken
 * over; each is fed from where both agree; and when all have stored all, office is taken.
 *
 *     office ─▶ where from every member ─▶ (fetch ─▶ tail) ─▶ begin, entries ─▶ all stored ─▶ take-office
 *        └── a member falls silent: it is asked to be taken out, and with that configuration all begins again
 */
import { lsn, type Lsn, shardMs } from "../words/ids.js";
import { agreement, append, cutTo, endOf, ownStored } from "./chain.js";
import { storedByAll } from "./commit.js";
import { type Core, isMember, isRemembered, otherMembers, say } from "./core.js";
import { type Entry, isBeyond, isSame, NOWHERE, type Position } from "./entry.js";
import { giveUpStore } from "./lost-data.js";
import { takeOffice } from "./office.js";
import { forgetOffice } from "./peers.js";
import type { Peer, Where } from "./state.js";
import { greet, settle } from "./stream.js";

/** The configuration with the own nonce is known: asks everybody. */
export function beginTakeOver(core: Core): void {
  const { state } = core;
  state.role = "taking-over";
  state.isServing = false;
  state.isSpreading = false;
  state.fetchingFrom = "";
  state.resignedUntilMs = -1;
  for (const peer of state.peers) {
    forgetOffice(peer);
    greet(core, peer);
  }
  goOnTakingOver(core);
}

/** A replica has said where its log stands; for one in office and one taking it. */
export function hearWhere(core: Core, peer: Peer, where: Where): void {
  const { state } = core;
  if (peer.feeding !== "asked") return;
  peer.where = where;
  peer.feeding = "answered";
  peer.owedSinceMs = -1;
  state.lastHeardByMs = state.nowMs;
  if (hasLostData(core, peer, where)) return;
  if (state.role === "primary" || state.isSpreading) settle(core, peer);
  else goOnTakingOver(core);
}

/**
 * Below what it acknowledged in this office, or below what is committed, no replica's log can end. It is told, and
 * leaves the set. The other way round it is this log that is too short: a member can't have more committed than it.
 */
function hasLostData(core: Core, peer: Peer, where: Where): boolean {
  const { state } = core;
  const end = endOfWhere(where).lsn;
  const isOfSet = isMember(state.configuration, peer.name);
  if (isOfSet && where.committed > endOf(state).lsn) {
    giveUpStore(core, where.committed);
    return true;
  }
  const least = Math.max(peer.storedEver, isOfSet ? state.committed : 0);
  if (end >= least || peer.mustRebuild) return false;
  tellLostData(core, peer, lsn(least));
  return true;
}

function tellLostData(core: Core, peer: Peer, committed: Lsn): void {
  peer.isBroken = true;
  say(core, peer.name, { kind: "lost-data", committed });
}

/** Goes on when every member has answered, and again when every member has stored everything. */
export function goOnTakingOver(core: Core): void {
  const { state } = core;
  if (state.role !== "taking-over" || state.fetchingFrom !== "" || !isRemembered(state)) return;
  if (!state.isSpreading) choose(core);
  if (!state.isSpreading) return;
  const end = endOf(state).lsn;
  if (ownStored(state) === end && storedByAll(state) === end) takeOffice(core);
}

function choose(core: Core): void {
  const { state } = core;
  const members = otherMembers(state);
  let committed: number = state.committed;
  for (const { where } of members) {
    if (where === null) return;
    committed = Math.max(committed, where.committed);
  }
  let best: Peer | undefined;
  let bestEnd = endOf(state);
  for (const peer of members) {
    const end = peer.where === null ? NOWHERE : endOfWhere(peer.where);
    // What one member knows as committed, every member has: this one has lost data.
    if (end.lsn < committed) tellLostData(core, peer, lsn(committed));
    if (isBeyond(end, bestEnd)) {
      best = peer;
      bestEnd = end;
    }
  }
  if (members.some((peer) => peer.isBroken)) return; // Until it is out of the set.
  if (best !== undefined) fetchTail(core, best);
  else spread(core);
}

/** The largest log goes on: nothing that a client may have been told hangs on it, but the fewest requests are lost. */
function fetchTail(core: Core, peer: Peer): void {
  const { state } = core;
  const after = agreement(state, peer.where?.positions ?? []);
  if (after === null) {
    giveUpStore(core, peer.where?.committed ?? state.committed);
    return;
  }
  state.fetchingFrom = peer.name;
  peer.owedSinceMs = state.nowMs;
  say(core, peer.name, { kind: "fetch", stream: peer.stream, after });
}

/** The tail of the largest log, which replaces the own one from where both agree. */
export function takeTail(core: Core, peer: Peer, after: Position, entries: readonly Entry[]): void {
  const { state } = core;
  if (state.role !== "taking-over" || state.fetchingFrom !== peer.name) return;
  state.fetchingFrom = "";
  peer.owedSinceMs = -1;
  cutTo(core, after);
  for (const entry of entries) {
    if (!isSame(entry.previous, endOf(state))) break; // Not what was asked for; what continues is kept.
    append(core, entry);
  }
  spread(core);
  goOnTakingOver(core);
}

function spread(core: Core): void {
  const { state } = core;
  state.isSpreading = true;
  for (const peer of state.peers) if (peer.feeding === "answered" && !peer.isBroken) settle(core, peer);
}

function endOfWhere(where: Where): Position {
  return where.positions.at(-1) ?? NOWHERE;
}

/** Goes on from the largest stamp stored or heard. */
export function hearStamp(core: Core, stamp: number): void {
  const { state } = core;
  state.stamp = shardMs(Math.max(state.stamp, stamp));
}
