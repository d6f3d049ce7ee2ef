/**
 * Replicas agree: the primary names an LSN, each replica tells the digest of its state as of that LSN, and one
 * that differs is taken out of the set and given everything anew.
 */
import type { Lsn } from "../words/ids.js";
import { endOf } from "./chain.js";
import { type Core, peerOf, report, say } from "./core.js";
import { greet } from "./stream.js";

/** As primary, at each tick: names the end of the log, whose state the actor has just now. */
export function nameDigest(core: Core): void {
  const { state, settings } = core;
  const end = endOf(state).lsn;
  if (end <= state.digestLsn) return;
  const isDue =
    state.nowMs - state.digestMs >= settings.digestEveryMs || end - state.digestLsn >= settings.digestEveryEvents;
  if (!isDue) return;
  state.digestLsn = end;
  state.digest = "";
  state.digestMs = state.nowMs;
  state.digestsHeard = [];
  core.out.actor.push({ kind: "digest", lsn: end });
}

/** The own actor has answered. */
export function ownDigest(core: Core, lsn: Lsn, digest: string): void {
  const { state } = core;
  if (state.role === "backup" || state.role === "learner") {
    const primary = state.configuration?.primary;
    if (primary !== undefined) say(core, primary, { kind: "digest", lsn, digest });
    return;
  }
  if (state.role !== "primary" || lsn !== state.digestLsn) return;
  state.digest = digest;
  const heard = state.digestsHeard;
  state.digestsHeard = [];
  for (const { from, digest: theirs } of heard) compare(core, from, theirs);
}

/** A backup has answered, perhaps before the own actor. */
export function hearDigest(core: Core, from: string, lsn: Lsn, digest: string): void {
  const { state } = core;
  if (state.role !== "primary" || lsn !== state.digestLsn) return;
  if (state.digest === "") state.digestsHeard.push({ from, lsn, digest });
  else compare(core, from, digest);
}

function compare(core: Core, from: string, theirs: string): void {
  const { state } = core;
  const peer = peerOf(state, from);
  if (peer === undefined || theirs === state.digest) return;
  report(core, { kind: "digests-differ", replica: from, lsn: state.digestLsn, digests: [state.digest, theirs] });
  peer.isBroken = true;
  peer.mustRebuild = true;
  greet(core, peer); // A member only answers; when it is out of the set, it is greeted again and given pages.
}
