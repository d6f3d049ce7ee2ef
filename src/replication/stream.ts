/**
 * Feeding another replica, as primary or while taking office. The next entries leave before the last are acknowledged
 * (pipelining); what a slow one has not acknowledged is bounded, and then it gets nothing more until the rule of silence
 * takes it out. The picture of the states is in README.md.
 */
import { LSN_NONE } from "../words/ids.js";
import { agreement, endOf, entriesAfter } from "./chain.js";
import { commit } from "./commit.js";
import { type Core, isMember, say } from "./core.js";
import { type Entry, isSame, NOWHERE, type Position } from "./entry.js";
import { stopFeeding } from "./peers.js";
import type { InFlight, Peer } from "./state.js";

/** Entries of one message, about. */
const MESSAGE_BYTES = 2 ** 18;

/** Begins anew with a replica: says who is in office, and asks where its log stands. */
export function greet(core: Core, peer: Peer): void {
  const { state } = core;
  stopFeeding(peer);
  if (state.fetchingFrom === peer.name) state.fetchingFrom = "";
  if (peer.owedSinceMs < 0) peer.owedSinceMs = state.nowMs;
  const { configuration } = state;
  if (configuration === null || !state.connected.includes(peer.name) || state.resignedUntilMs >= 0) return;
  peer.stream = ++state.streams;
  peer.feeding = "asked";
  peer.lastSentMs = state.nowMs;
  say(core, peer.name, { kind: "office", stream: peer.stream, configuration });
}

/** Its log stands where `peer.where` says: goes on from where both agree, from the own log, or by a snapshot. */
export function settle(core: Core, peer: Peer): void {
  const { state } = core;
  const { where, stream, name } = peer;
  if (where === null) return;
  if (peer.mustRebuild) {
    beginPages(core, peer);
    return;
  }
  const after = agreement(state, where.positions);
  if (after !== null) {
    begin(core, peer, after);
    send(core, peer);
    return;
  }
  peer.feeding = "reading";
  core.out.reads.push({ kind: "read-log", for: name, stream, after: (where.positions[0] ?? NOWHERE).lsn });
}

/** From this round on, what it acknowledges speaks for this shard. */
function begin(core: Core, peer: Peer, after: Position): void {
  const { state } = core;
  if (!isMember(state.configuration, peer.name)) peer.isBroken = false;
  peer.feeding = "streaming";
  peer.sent = after;
  peer.beginRound = state.round;
  say(core, peer.name, { kind: "begin", stream: peer.stream, after, stamp: state.stamp });
  fly(core, peer, 0);
}

/** Sends what it lacks, as far as flow control lets. */
export function send(core: Core, peer: Peer): void {
  const { state, settings } = core;
  if (peer.feeding !== "streaming" || state.resignedUntilMs >= 0) return;
  const end = endOf(state);
  while (!isSame(peer.sent, end) && peer.inFlightBytes < settings.unacknowledgedBytesMax) {
    if (peer.sent.lsn < state.base.lsn) {
      peer.feeding = "reading";
      core.out.reads.push({ kind: "read-log", for: peer.name, stream: peer.stream, after: peer.sent.lsn });
      return;
    }
    sendEntries(core, peer, entriesAfter(state, peer.sent.lsn, MESSAGE_BYTES));
  }
}

/** Sends entries that continue what it has; none for a heartbeat. */
export function sendEntries(core: Core, peer: Peer, entries: readonly Entry[]): void {
  const { committed, stamp, digestLsn } = core.state;
  const { stream } = peer;
  say(core, peer.name, { kind: "entries", stream, entries, committed, stamp, digestAt: digestLsn });
  peer.sent = entries.at(-1)?.position ?? peer.sent;
  fly(
    core,
    peer,
    entries.reduce((sum, entry) => sum + entry.bytes.length, 0),
  );
}

/** Notes what leaves in this round, so that one number acknowledges it. */
function fly(core: Core, peer: Peer, bytes: number): void {
  const { round, nowMs } = core.state;
  const last = peer.inFlight.at(-1);
  const flown: InFlight = {
    round,
    lsn: peer.sent.lsn,
    bytes: bytes + (last?.round === round ? last.bytes : 0),
    sentMs: nowMs,
  };
  if (last?.round === round) peer.inFlight.pop();
  peer.inFlight.push(flown);
  peer.inFlightBytes += bytes;
  peer.lastSentMs = nowMs;
  if (peer.owedSinceMs < 0) peer.owedSinceMs = nowMs;
}

/** Everything sent to it up to this round is stored there. */
export function acknowledged(core: Core, peer: Peer, round: number): void {
  const { state } = core;
  if (peer.feeding === "apart" || peer.feeding === "asked") return;
  let done = 0;
  for (const flown of peer.inFlight) {
    if (flown.round > round) break;
    peer.inFlightBytes -= flown.bytes;
    if (peer.beginRound > 0 && flown.round >= peer.beginRound) peer.stored = flown.lsn;
    done++;
  }
  if (done > 0) peer.inFlight.splice(0, done);
  if (done > 0 || peer.inFlight.length === 0) peer.owedSinceMs = peer.inFlight[0]?.sentMs ?? -1;
  state.lastHeardByMs = state.nowMs;
  peer.wasHeard = true;
  peer.isGone = false;
  if (peer.beginRound > 0 && round >= peer.beginRound) peer.round = Math.max(peer.round, round);
  if (peer.stored > peer.storedEver) peer.storedEver = peer.stored;
  if (peer.feeding === "pages") askForPages(core, peer);
  else send(core, peer);
  commit(core);
}

/** Entries from the own log for a replica that lacks more than is in memory. */
export function logRead(core: Core, peer: Peer, entries: readonly Entry[] | null): void {
  if (peer.feeding !== "reading") return;
  const first = entries?.[0];
  const isFirst = peer.beginRound === 0 && peer.sent.lsn === 0;
  const before = isFirst && first !== undefined ? first.previous : peer.sent;
  const isKnown = !isFirst || peer.where?.positions.some((position) => isSame(position, before)) === true;
  if (entries === null || !isKnown || (first !== undefined && !isSame(first.previous, before))) {
    beginPages(core, peer);
    return;
  }
  if (peer.beginRound > 0) feedFromLog(core, peer, entries);
  else beginFromLog(core, peer, before, entries);
}

/**
 * Looks for the last entry that both have, and begins there. Beginning at an earlier one would be a chain as well, but it
 * would cut what the other has acknowledged: another primary may rest on that having been committed (INV-3).
 */
function beginFromLog(core: Core, peer: Peer, before: Position, entries: readonly Entry[]): void {
  const positions = peer.where?.positions ?? [];
  const differsAt = entries.findIndex((entry) => !positions.some((one) => isSame(one, entry.position)));
  const common = differsAt < 0 ? entries : entries.slice(0, differsAt);
  const agreed = common.at(-1)?.position ?? before;
  if (differsAt < 0 && entries.length > 0) {
    peer.sent = agreed; // As far as was read it has the same, and perhaps further.
    core.out.reads.push({ kind: "read-log", for: peer.name, stream: peer.stream, after: agreed.lsn });
    return;
  }
  begin(core, peer, agreed);
  feedFromLog(core, peer, entries.slice(common.length));
}

function feedFromLog(core: Core, peer: Peer, entries: readonly Entry[]): void {
  peer.feeding = "streaming";
  if (entries.length > 0) sendEntries(core, peer, entries);
  send(core, peer);
}

/** The log does not lead to where it stands. A member always agrees on what is committed: one that does not is broken. */
function beginPages(core: Core, peer: Peer): void {
  if (isMember(core.state.configuration, peer.name)) {
    peer.isBroken = true;
    return;
  }
  stopFeeding(peer);
  peer.feeding = "pages";
  peer.storedEver = LSN_NONE;
  peer.mustRebuild = false;
  peer.isBroken = false;
  core.out.reads.push({ kind: "read-pages", for: peer.name, stream: peer.stream, number: 0 });
}

function askForPages(core: Core, peer: Peer): void {
  if (peer.inFlight.length > 0 || peer.pages === 0) return;
  core.out.reads.push({ kind: "read-pages", for: peer.name, stream: peer.stream, number: peer.pages });
}

/** A part of a snapshot. */
export interface Pages {
  readonly position: Position;
  readonly pages: readonly Uint8Array[];
  readonly isLast: boolean;
}

/** Pages for a learner: one message is under way at a time, so that a snapshot crowds nothing out. */
export function pagesRead(core: Core, peer: Peer, { position, pages, isLast }: Pages): void {
  if (peer.feeding !== "pages") return;
  const { stream } = peer;
  say(core, peer.name, { kind: "pages", stream, number: peer.pages, position, pages, isLast });
  peer.pages++;
  if (isLast) {
    peer.feeding = "streaming";
    peer.sent = position;
    peer.beginRound = core.state.round;
  }
  fly(
    core,
    peer,
    pages.reduce((sum, page) => sum + page.length, 0),
  );
  if (isLast) send(core, peer);
}
