/**
 * The replica's own log as a chain: each entry continues the one before it by (epoch, LSN, checksum), and nothing
 * that is known to be committed is ever cut.
 *
 *       base ─▶ entry ─▶ entry ─▶ entry ─▶ entry         base and entries up to `committed` are committed;
 *              └────────── tail ──────────────┘          `applied` ≤ `committed`
 */
import { assert } from "../words/assert.js";
import { type Lsn, LSN_NONE, shardMs } from "../words/ids.js";
import { type Core, orderLog, report } from "./core.js";
import { type Entry, isSame, NOWHERE, type Position } from "./entry.js";
import type { ReplicaState } from "./state.js";

/** The end of the log. */
export function endOf(state: ReplicaState): Position {
  return state.tail.at(-1)?.position ?? state.base;
}

/** How far the own log is on disk. */
export function ownStored(state: ReplicaState): Lsn {
  return state.unsynced[0]?.before ?? endOf(state).lsn;
}

/** Appends an entry that continues the log. */
export function append(core: Core, entry: Entry): void {
  const { state } = core;
  const end = endOf(state);
  assert(isSame(entry.previous, end), "R-7: an entry continues the log that it is appended to");
  assert(entry.position.epoch >= end.epoch, "R-9: epochs never go back along a log");
  state.tail.push(entry);
  state.tailBytes += entry.bytes.length;
  state.stamp = shardMs(Math.max(state.stamp, entry.stamp));
  const order = orderLog(core, { kind: "append", entry });
  state.unsynced.push({ order, lsn: entry.position.lsn, before: end.lsn, sinceMs: state.nowMs });
}

/** Whether the log has an entry that ends so, or begins there. */
export function hasPosition(state: ReplicaState, position: Position): boolean {
  if (isSame(state.base, position)) return true;
  const entry = state.tail[indexAfter(state, position.lsn) - 1];
  return entry !== undefined && isSame(entry.position, position);
}

/** Cuts the log back to one of its positions, which must not be before what is committed. */
export function cutTo(core: Core, position: Position): void {
  const { state } = core;
  if (isSame(endOf(state), position)) return;
  assert(position.lsn >= state.committed, "R-7, INV-3: what is committed is never cut");
  const keep = indexAfter(state, position.lsn);
  for (const entry of state.tail.splice(keep)) state.tailBytes -= entry.bytes.length;
  assert(isSame(endOf(state), position), "R-7: a log is cut at the end of an entry");
  state.unsynced = state.unsynced.filter(({ lsn }) => lsn <= position.lsn);
  orderLog(core, { kind: "cut", to: position });
}

/** Forgets log, pages and rows: an empty learner begins. */
export function throwAway(core: Core): void {
  const { state } = core;
  if (endOf(state).lsn > 0) report(core, { kind: "throws-part-away", committed: state.committed });
  state.base = NOWHERE;
  state.tail = [];
  state.tailBytes = 0;
  state.unsynced = [];
  state.committed = LSN_NONE;
  state.rememberedCommitted = LSN_NONE;
  state.applied = LSN_NONE;
  state.stamp = shardMs(0);
  orderLog(core, { kind: "throw-away" });
  core.out.actor.push({ kind: "forget" });
}

/** The ends of all entries from the last one that is known as committed on. */
export function positionsOf(state: ReplicaState): readonly Position[] {
  const from = indexAfter(state, state.committed);
  const first = state.tail[from - 1]?.position ?? state.base;
  return [first, ...state.tail.slice(from).map((entry) => entry.position)];
}

/** Where both logs agree: the last of `positions` that this log has, null for none that is still in memory. */
export function agreement(state: ReplicaState, positions: readonly Position[]): Position | null {
  for (let at = positions.length - 1; at >= 0; at--) {
    const position = positions[at];
    if (position !== undefined && hasPosition(state, position)) return position;
  }
  return null;
}

/** The entries after a position in memory, some `bytesMax` of them, at least one if there is one. */
export function entriesAfter(state: ReplicaState, lsn: Lsn, bytesMax: number): readonly Entry[] {
  const from = indexAfter(state, lsn);
  let bytes = 0;
  let to = from;
  for (; to < state.tail.length && (to === from || bytes < bytesMax); to++) bytes += state.tail[to]?.bytes.length ?? 0;
  return state.tail.slice(from, to);
}

/** As hot backup: lets the actor apply what is committed. */
export function applyCommitted(core: Core): void {
  const { state } = core;
  for (let at = indexAfter(state, state.applied); at < state.tail.length; at++) {
    const entry = state.tail[at];
    if (entry === undefined || entry.position.lsn > state.committed) break;
    core.out.actor.push({ kind: "apply", entry });
    state.applied = entry.position.lsn;
    // The digest is that of this very LSN, so it is asked for before anything else is applied.
    if (state.applied === state.digestLsn) core.out.actor.push({ kind: "digest", lsn: state.applied });
  }
}

/** Forgets entries in memory that are in the log, applied, and needed by nobody who is being fed. */
export function prune(core: Core): void {
  const { state, settings } = core;
  const done = Math.min(state.applied, state.committed);
  const wanted = state.peers.reduce((least, peer) => {
    return peer.feeding === "streaming" ? Math.min(least, peer.stored) : least;
  }, done);
  let count = 0;
  for (const entry of state.tail) {
    const { lsn } = entry.position;
    if (lsn > done || (lsn > wanted && state.tailBytes <= settings.tailBytesMax)) break;
    if (state.tailBytes <= settings.tailKeptBytes) break;
    state.base = entry.position;
    state.tailBytes -= entry.bytes.length;
    count++;
  }
  if (count > 0) state.tail.splice(0, count);
}

/** Index of the first entry of the tail that ends after `lsn`. */
function indexAfter(state: ReplicaState, lsn: Lsn): number {
  let low = 0;
  let high = state.tail.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const entry = state.tail[middle];
    if (entry !== undefined && entry.position.lsn <= lsn) low = middle + 1;
    else high = middle;
  }
  return low;
}
