/** Who is primary: taking office at the end of a take-over, going on by a larger epoch, leaving it. */
import { assert } from "../words/assert.js";
import { LSN_NONE } from "../words/ids.js";
import { applyCommitted, endOf, ownStored } from "./chain.js";
import { storedByAll } from "./commit.js";
import { type Core, knownEpoch, report } from "./core.js";
import { forgetOffice } from "./peers.js";
import { greet } from "./stream.js";

/** Everything in the log is stored by every member: it is committed, and the actor decides from now on. */
export function takeOffice(core: Core): void {
  const { state } = core;
  const { configuration } = state;
  const end = endOf(state);
  assert(
    configuration !== null && configuration.primary === state.name,
    "R-12: only the configured primary takes office",
  );
  assert(state.role === "taking-over", "R-14: office is taken through a new epoch");
  assert(storedByAll(state) === end.lsn && ownStored(state) === end.lsn, "R-12: it serves when all have stored all");
  assert(end.lsn >= state.committed, "INV-3: what was committed is in the log that takes office");
  state.committed = end.lsn;
  applyCommitted(core);
  state.role = "primary";
  state.isServing = true;
  state.lastCommitMs = state.nowMs;
  state.lastHeardByMs = state.nowMs;
  state.digestLsn = end.lsn;
  state.digest = "";
  state.digestMs = state.nowMs;
  state.digestsHeard = [];
  const { epoch, era } = configuration;
  core.out.actor.push({ kind: "take-office", epoch, era, after: end, stamp: state.stamp });
  report(core, { kind: "takes-office", epoch });
}

/** The primary's own change was made: it stays in office by a larger epoch, and everybody is to store that first. */
export function goOn(core: Core): void {
  const { state } = core;
  state.lastHeardByMs = state.nowMs;
  state.lastCommitMs = state.nowMs;
  core.out.actor.push({ kind: "go-on", epoch: knownEpoch(state) });
  for (const peer of state.peers) {
    peer.countedSinceMs = -1;
    greet(core, peer);
  }
}

/** Out of office: the actor ran ahead of what is committed, so it is thrown away. */
export function leaveOffice(core: Core): void {
  const { state } = core;
  for (const peer of state.peers) forgetOffice(peer);
  if (state.role === "primary" && state.isServing) {
    core.out.actor.push({ kind: "leave-office", committed: state.committed });
    state.applied = state.committed;
    report(core, { kind: "leaves-office", epoch: knownEpoch(state) });
  }
  state.isServing = false;
  state.fetchingFrom = "";
  state.isSpreading = false;
  state.resignedUntilMs = -1;
  state.digestLsn = LSN_NONE;
}
