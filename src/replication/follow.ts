/**
 * A backup or learner under a primary: what it is sent becomes orders to the own log, in the order of the chain.
 * It acknowledges nothing itself: the worker does, for whole frames, when the orders are done (link.ts). So whatever is
 * not taken must be refused, in the very frame that acknowledges the round or before it.
 */
import { assert } from "../words/assert.js";
import { type Lsn, lsn, shardMs } from "../words/ids.js";
import {
  append,
  applyCommitted,
  cutTo,
  endOf,
  entriesAfter,
  hasPosition,
  positionsOf,
  prune,
  throwAway,
} from "./chain.js";
import { type Core, knownEpoch, orderLog, report, say, sayWhenStored } from "./core.js";
import { type Entry, isSame } from "./entry.js";
import type { Envelope, Refusal, Said } from "./messages.js";
import { hearStamp } from "./take-over.js";

type SaidAs<Kind extends Said["kind"]> = Extract<Said, { kind: Kind }>;

/** Says that nothing more of this stream is taken. */
export function refuse(core: Core, to: string, stream: number, reason: Refusal): void {
  say(core, to, { kind: "refuse", stream, reason, configuration: core.state.configuration });
}

/** Someone is in office, or takes it: answers where the own log stands, when the epoch and that log are on disk. */
export function followOffice(core: Core, from: string, stream: number): void {
  const { state } = core;
  if (state.configuration?.primary !== from || state.role === "none") {
    refuse(core, from, stream, "no-part");
    return;
  }
  hearPrimary(core);
  state.stream = stream;
  state.hasBegun = false;
  const { committed, stamp } = state;
  sayWhenStored(core, from, { kind: "where", stream, positions: positionsOf(state), committed, stamp });
}

/** Whether what came is of the stream that this replica follows; if not, it is refused. */
function isFollowed(core: Core, { from, epoch }: Envelope, stream: number): boolean {
  const { state } = core;
  const isRight = epoch === knownEpoch(state) && state.configuration?.primary === from && state.stream === stream;
  if (isRight && stream !== 0 && (state.role === "backup" || state.role === "learner")) {
    hearPrimary(core);
    return true;
  }
  refuse(core, from, stream, epoch < knownEpoch(state) ? "smaller-epoch" : "gap");
  return false;
}

/** What follows continues this position: what the own log has after it was never committed. */
export function followBegin(core: Core, envelope: Envelope, { stream, after, stamp }: SaidAs<"begin">): void {
  const { state } = core;
  if (!isFollowed(core, envelope, stream)) return;
  const { committed } = state;
  if (after.lsn < committed && !isSame(after, endOf(state))) {
    // Never below what is committed (R-7, INV-3): the sender has lost data, or was given a wrong answer.
    report(core, { kind: "refuses-cut", by: envelope.from, to: after.lsn, committed });
    refuse(core, envelope.from, stream, "gap");
    return;
  }
  if (!hasPosition(state, after)) {
    refuse(core, envelope.from, stream, "gap");
    return;
  }
  cutTo(core, after);
  state.hasBegun = true;
  // What this replica counted in an office of its own, or heard in one that ended unstored, is none of shard time.
  state.stamp = shardMs(Math.max(stamp, state.tail.at(-1)?.stamp ?? 0));
}

/** The next entries; none is a heartbeat. */
export function followEntries(core: Core, envelope: Envelope, said: SaidAs<"entries">): void {
  const { state } = core;
  const { entries, stream } = said;
  if (!isFollowed(core, envelope, stream)) return;
  hearStamp(core, said.stamp);
  if (!state.hasBegun) {
    if (entries.length > 0) refuse(core, envelope.from, stream, "gap");
    return;
  }
  for (const entry of entries) {
    if (!takeEntry(core, entry)) {
      state.hasBegun = false;
      refuse(core, envelope.from, stream, "gap");
      return;
    }
  }
  learnCommitted(core, said.committed);
  if (said.digestAt > state.digestLsn) {
    state.digestLsn = said.digestAt;
    if (state.applied === said.digestAt) core.out.actor.push({ kind: "digest", lsn: said.digestAt });
  }
  applyCommitted(core);
  prune(core);
}

function takeEntry(core: Core, entry: Entry): boolean {
  const { state } = core;
  if (entry.position.lsn <= endOf(state).lsn) return hasPosition(state, entry.position);
  if (!isSame(entry.previous, endOf(state)) || entry.position.epoch > knownEpoch(state)) return false;
  append(core, entry);
  return true;
}

function learnCommitted(core: Core, committed: Lsn): void {
  const { state } = core;
  const known = lsn(Math.min(committed, endOf(state).lsn));
  if (known > state.committed) state.committed = known;
}

/** Someone taking office asks for what this log has and its own has not. */
export function followFetch(core: Core, envelope: Envelope, { stream, after }: SaidAs<"fetch">): void {
  const { state } = core;
  if (!isFollowed(core, envelope, stream)) return;
  if (!hasPosition(state, after)) {
    refuse(core, envelope.from, stream, "gap");
    return;
  }
  const entries = entriesAfter(state, after.lsn, Number.POSITIVE_INFINITY);
  say(core, envelope.from, { kind: "tail", stream, after, entries });
}

/** A snapshot, page by page. With the first page the old part goes; with the last the new one begins. */
export function followPages(core: Core, envelope: Envelope, said: SaidAs<"pages">): void {
  const { state } = core;
  const { stream, number, position, pages, isLast } = said;
  if (!isFollowed(core, envelope, stream)) return;
  if (state.role !== "learner") {
    refuse(core, envelope.from, stream, "gap"); // A member never throws away what it may be the last to have.
    return;
  }
  if (number === 0) throwAway(core);
  orderLog(core, { kind: "store-pages", pages, position, isLast });
  if (!isLast) return;
  assert(state.tail.length === 0, "R-13: a snapshot begins a part that is empty");
  state.base = position;
  state.committed = position.lsn;
  state.applied = position.lsn;
  state.hasBegun = true;
  core.out.actor.push({ kind: "load-pages", position });
}

function hearPrimary(core: Core): void {
  const { state } = core;
  state.heardMs = state.nowMs;
  state.isPrimaryGone = false;
}
