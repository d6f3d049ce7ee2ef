/**
 * The safety clauses of replication, one by one: where the code keeps each, how to take it out, and the bound that shows
 * that then something breaks. A clause is switched off in a copy of the compiled code, so that the code itself has no
 * switches: each replacement must fit exactly once, or the clause is said to have moved.
 */
export interface Replacement {
  /** Under src/replication, without its ending. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

export interface Clause {
  readonly rule: string;
  /** What the clause asks for. */
  readonly says: string;
  readonly bound: string;
  readonly without: readonly Replacement[];
  /** Nothing within the bound needs it: something else keeps it too, as the comment says. */
  readonly isSpare: boolean;
}

function clause(rule: string, says: string, bound: string, ...without: readonly Replacement[]): Clause {
  return { rule, says, bound, without, isSpare: false };
}

/** One that may be left out alone, because another is there; a second line of defence. */
function spare(rule: string, says: string, bound: string, ...without: readonly Replacement[]): Clause {
  return { rule, says, bound, without, isSpare: true };
}

function line(file: string, from: string, to: string): Replacement {
  return { file, from, to };
}

const SERVES_AT_ONCE = line(
  "take-over",
  "if (ownStored(state) === end && storedByAll(state) === end)",
  "if (ownStored(state) === end)",
);
const OFFICE_UNCHECKED = line("office", "storedByAll(state) === end.lsn && ownStored(state) === end.lsn", "true");

export const CLAUSES: readonly Clause[] = [
  clause(
    "R-7",
    "an entry that does not continue the chain is refused, a tail that differs is cut",
    "pair",
    line("follow", "return hasPosition(state, entry.position);", "return true;"),
    line("follow", "    cutTo(core, after);", ""),
  ),
  // A replica tells no place below what it knows as committed, so nobody asks for such a cut.
  spare(
    "R-7",
    "nothing is cut below what is committed",
    "lost-tail",
    line("follow", "after.lsn < committed && !isSame(after, endOf(state))", "false"),
    line("chain", "position.lsn >= state.committed", "true"),
  ),
  clause("R-8 (a)", "an answer waits for its commit", "slow-disk", line("commit", "state.committed >= head && ", "")),
  clause(
    "R-8",
    "committed is what is on the own disk too",
    "slow-disk",
    line("commit", "let stored = ownStored(state);", "let stored = Infinity;"),
  ),
  clause(
    "R-8 (b)",
    "an answer waits for a round that began after its request was read",
    "pair",
    line("commit", " && confirmedRound(state) >= round", ""),
  ),
  clause(
    "R-9",
    "an epoch is on disk before anything of it is acknowledged",
    "slow-disk",
    line("core", "return state.storedOrder >= state.rememberedOrder;", "return true;"),
    line("core", "if (state.storedOrder === state.order)", "if (true)"),
  ),
  clause(
    "R-9",
    "a smaller epoch is refused",
    "crash",
    line("replica", "if (epoch < knownEpoch(state))", "if (false)"),
    line("replica", "if (message.epoch !== knownEpoch(core.state))", "if (false)"),
    line("follow", 'if (state.configuration?.primary !== from || state.role === "none")', "if (false)"),
    line(
      "follow",
      "epoch === knownEpoch(state) && state.configuration?.primary === from && state.stream === stream",
      "state.stream === stream",
    ),
  ),
  // Who has won also greets the old primary, before any acknowledgement can leave; all of it is taken out here.
  clause(
    "R-12",
    "nothing of the old epoch is acknowledged by one who knows that it has won",
    "pair",
    line("configuration", "    refuseFeeder(core, next);", ""),
    line("take-over", "greet(core, peer);", "if (isMember(state.configuration, peer.name)) greet(core, peer);"),
    line("silence", "if (isStuck && ", "if (isStuck && state.configuration.inSync.includes(peer.name) && "),
  ),
  // Nothing is acknowledged before the epoch is on disk, so a member of a set that is not yet on its disk has all.
  spare(
    "R-12",
    "the compare-and-swap is on the configuration of the own disk",
    "slow-disk",
    line("candidacy", "|| !isRemembered(state)", ""),
    line("unknown", "assert(isRemembered(state)", "assert(true"),
  ),
  // Every member has what is committed, so the largest tail only saves requests that are under way.
  spare(
    "R-12",
    "the largest tail is taken over",
    "lost-tail",
    line("take-over", "if (isBeyond(end, bestEnd))", "if (false)"),
  ),
  clause("R-12", "it serves when all have stored all", "trio", SERVES_AT_ONCE, OFFICE_UNCHECKED),
  // The member that lost it gives up by its own memory first; where it can't, this bound ends too early (README.md).
  spare(
    "R-12",
    "a log that ends below what is committed has lost data",
    "lost-tail",
    line("take-over", "if (hasLostData(core, peer, where))\n        return;", ""),
  ),
  clause(
    "R-13",
    "a learner is counted before it is asked for",
    "learner",
    line("commit", "countedSinceMs >= 0 ||", ""),
  ),
  clause(
    "R-13",
    "a learner is added when it has stored all up to where its counting began",
    "learner",
    line("learner", " && peer.stored >= peer.countedFrom", ""),
  ),
  // A learner that is asked for stays counted until the outcome is known, which keeps the same; both are taken out here.
  clause(
    "R-13",
    "while an outcome is unknown, the members of every possible set are needed",
    "learner",
    line("commit", "pending?.next.inSync.includes(name) === true", "false"),
    line(
      "learner",
      "[...configuration.inSync, peer.name] });",
      "[...configuration.inSync, peer.name] }); peer.countedSinceMs = -1;",
    ),
  ),
  clause(
    "R-13",
    "an outcome is known only by a larger epoch",
    "late-swap",
    line("unknown", "if (core.state.pending !== null)", "core.state.pending = null;\n    if (true)"),
  ),
  // Its primary and the epoch on the own disk tell it too; only two lives of one replica could be mistaken.
  spare(
    "R-13",
    "whose a configuration is, is said by its nonce",
    "late-swap",
    line(
      "configuration",
      "state.pending !== null && state.pending.next.nonce === next.nonce",
      "state.pending !== null",
    ),
  ),
  clause(
    "R-14",
    "a restarted primary takes office only through a new epoch",
    "crash",
    line(
      "configuration",
      "state.candidacy.confirmedMs = state.nowMs;",
      "state.candidacy.confirmedMs = state.nowMs; if (known.primary === state.name && state.role === 'backup') beginTakeOver(core);",
    ),
  ),
  clause(
    "R-14",
    "a learner takes no office",
    "crash-learner",
    line("candidacy", "if (!isMember(configuration, state.name))\n        return;", ""),
    line(
      "replica",
      'case "learner":\n            considerEra(core);',
      'case "learner":\n            considerOffice(core);',
    ),
    line(
      "candidacy",
      "name === state.name || present.includes(name)",
      "present.includes(name)).concat(state.name).filter((name, at, all) => all.indexOf(name) === at",
    ),
  ),
  clause(
    "R-15",
    "a promotion begins a new era",
    "last-copy",
    line("promote", "configuration.era + 1", "configuration.era"),
  ),
  // The old primary is a member of the new set: it must know the larger epoch before anybody serves by it.
  spare(
    "hand-over",
    "once it has told another to take over, a primary answers nothing more",
    "hand-over",
    line("hand-over", '    leaveOffice(core);\n    state.role = "backup";', ""),
  ),
];
