/**
 * The states that are rare and matter, by name: a release needs each of them seen in many seeds (verification.md §2). Some
 * are marked where the product or the cast meets them, some are read off the log by checkers/rare-states.ts. A name that no
 * seed has ever reached says what the simulator does not try.
 */

/** Where a state can be met: nodes as places of their own, or one cluster. */
export type StateWorld = "place" | "cluster";

/** One of them. */
export interface InterestingState {
  readonly name: string;
  readonly worlds: readonly StateWorld[];
}

const PLACE: readonly StateWorld[] = ["place"];
const CLUSTER: readonly StateWorld[] = ["cluster"];
const BOTH: readonly StateWorld[] = ["place", "cluster"];

function states(worlds: readonly StateWorld[], ...names: readonly string[]): readonly InterestingState[] {
  return names.map((name) => ({ name, worlds }));
}

/** Every one of them. */
const STATES: readonly InterestingState[] = [
  ...states(
    BOTH,
    "acquire ends abandoned",
    "acquire ends busy",
    "acquire ends granted",
    "acquire ends lost",
    "acquire ends no-answer",
    "acquire ends timed-out",
    "cancel meets grant",
    "duplicate acquire after the release",
    "expiry meets renew in one turn",
    "grant committed, its push lost",
    "node ends: disk-failed",
    "path voided with requests in flight",
    "session closed by its user",
    "session dead in one shard, alive in another",
    "session's record begins anew",
    "wait given up by its user",
    "waiter abandoned at the head",
  ),
  ...states(
    PLACE,
    "checkpoint cut off by the end of its process",
    "claim with a lease outlives its session",
    "disk reserve reached",
  ),
  ...states(
    CLUSTER,
    "alone, then three again",
    "compare-and-swap applied after its time-out",
    "era began",
    "learner added during a fail-over",
    "lock-delay across a fail-over",
    "old primary wakes with unread requests",
    "replica joins-in-sync",
    "replica leaves-in-sync",
    "replica throws-part-away",
    "replica gives-up-store",
    "resigned: commits-stalled",
    "resigned: log-stalled",
    "resigned: unheard",
    "short WAL noticed",
    "tail cut by many",
    "tail kept and committed by the next primary",
    "two candidates",
  ),
];

/** A line about what was seen, and what never was. @param seen in how many seeds, by name */
export function toldStates(seen: ReadonlyMap<string, number>, world: StateWorld): string {
  const wanted = STATES.filter(({ worlds }) => worlds.includes(world));
  const never = wanted.filter(({ name }) => (seen.get(name) ?? 0) === 0).map(({ name }) => name);
  const first = `interesting states: ${wanted.length - never.length} of ${wanted.length} seen`;
  return never.length === 0 ? first : `${first}; never: ${never.join(" · ")}`;
}
