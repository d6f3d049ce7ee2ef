/** How far the explorer goes, by name: each bound is complete by itself, and shows some of the clauses. */
import type { Budget } from "./world.js";

export interface Bound {
  readonly name: string;
  readonly why: string;
  readonly replicas: 2 | 3;
  /** Of the replicas so many are in the set at the beginning; the others are learners. */
  readonly inSync: number;
  /** Each log order becomes durable by a move of its own. */
  readonly isDiskSlow: boolean;
  /** No compare-and-swap beyond this epoch is done; the first office has epoch 2. */
  readonly epochMax: number;
  readonly budget: Budget;
}

const NOTHING: Budget = {
  ticks: 0,
  acquires: 0,
  releases: 0,
  expiries: 0,
  checks: 0,
  crashes: 0,
  cuts: 0,
  lateSwaps: 0,
  unanswered: 0,
  lateReads: 0,
  duplicates: 0,
  handOvers: 0,
  promotions: 0,
  lostTails: 0,
};

function bound(name: string, why: string, parts: Partial<Bound>, budget: Partial<Budget>): Bound {
  const rest = { replicas: 2, inSync: 2, isDiskSlow: false, epochMax: 4 } as const;
  return { name, why, ...rest, ...parts, budget: { ...NOTHING, ...budget } };
}

/** Every bound. `make model` runs them all. */
export const BOUNDS: readonly Bound[] = [
  bound("half-pair", "half of the pair, for each commit", {}, { ticks: 1, acquires: 1, checks: 1 }),
  bound("half-crash", "half of the crash, for each commit", {}, { ticks: 1, acquires: 1, crashes: 1 }),
  bound(
    "new-era",
    "the operator promotes the learner, and the old primary comes back",
    { inSync: 1, epochMax: 4 },
    { ticks: 1, acquires: 1, crashes: 1, promotions: 1 },
  ),
  bound(
    "half-trio",
    "three replicas, and one tick",
    { replicas: 3, inSync: 3, epochMax: 3 },
    { ticks: 1, acquires: 1 },
  ),
  bound("pair", "one of two falls silent; both sides think so", {}, { ticks: 2, acquires: 2, checks: 1 }),
  bound(
    "pair-lease",
    "a lease ends, is released, and is granted again over a fail-over",
    {},
    {
      ticks: 2,
      acquires: 2,
      releases: 1,
      expiries: 1,
    },
  ),
  bound("crash", "one of two dies and comes back", {}, { ticks: 2, acquires: 1, crashes: 1 }),
  bound(
    "slow-disk",
    "each order becomes durable by itself, and one dies",
    { isDiskSlow: true },
    {
      ticks: 1,
      acquires: 1,
      crashes: 1,
    },
  ),
  bound(
    "learner",
    "a learner comes in sync, and the answer to it is late",
    { inSync: 1 },
    {
      ticks: 1,
      acquires: 2,
      unanswered: 1,
      lateSwaps: 1,
    },
  ),
  bound(
    "late-swap",
    "compare-and-swaps are done late, or not answered",
    {},
    {
      ticks: 3,
      acquires: 1,
      unanswered: 1,
      lateSwaps: 1,
    },
  ),
  bound("cut", "connections break and stand again", {}, { ticks: 1, acquires: 2, cuts: 1, duplicates: 1 }),
  bound("hand-over", "office is handed over", {}, { ticks: 1, acquires: 1, checks: 1, handOvers: 1 }),
  bound(
    "lost-tail",
    "a disk loses its last entry without an error",
    { isDiskSlow: true },
    { acquires: 1, lostTails: 1 },
  ),
  bound(
    "trio",
    "three replicas, one grant, one falls silent",
    { replicas: 3, inSync: 3, epochMax: 3 },
    {
      ticks: 2,
      acquires: 1,
    },
  ),
  bound(
    "trio-learner",
    "two in sync, and a learner",
    { replicas: 3, inSync: 2, epochMax: 3 },
    { ticks: 1, acquires: 1 },
  ),
  bound("crash-learner", "one alone with a learner dies", { inSync: 1 }, { ticks: 1, acquires: 1, crashes: 1 }),
  bound(
    "last-copy",
    "as new-era, with two grants",
    { inSync: 1 },
    { ticks: 1, acquires: 2, crashes: 1, promotions: 1 },
  ),
];

/** @throws Error naming the bounds that there are */
export function boundNamed(name: string): Bound {
  const found = BOUNDS.find((one) => one.name === name);
  if (found !== undefined) return found;
  throw new Error(`no bound ${name}; there are ${BOUNDS.map((one) => one.name).join(", ")}`);
}
