/** One seed, from its draws to its verdict: what `make simulate` runs by the thousand. A function of (commit, seed). */
import { listenToRare } from "../../src/words/rare.js";
import { BrokenInvariant } from "../../src/words/assert.js";
import { Books } from "./books.js";
import { Cluster } from "./cast/cluster.js";
import { type RunSettings, settingsOf } from "./cast/settings.js";
import { type Checker, Violation } from "./checkers/checker.js";
import { NoTwoHolders } from "./checkers/inv-1.js";
import { ShardTimeIsBounded } from "./checkers/inv-11.js";
import { HistoryIsLinear } from "./checkers/inv-10.js";
import { TokensGrow } from "./checkers/inv-2.js";
import { NothingForgotten } from "./checkers/inv-3.js";
import { BeliefIsTrue } from "./checkers/inv-4.js";
import { AnswersAreTrue } from "./checkers/inv-5.js";
import { FirstComeFirstGranted } from "./checkers/inv-6.js";
import { OnlyOnce } from "./checkers/inv-7.js";
import { EndsHaveCauses } from "./checkers/inv-8.js";
import { QueuesEmpty } from "./checkers/inv-9.js";
import { DelaysAreKept } from "./checkers/lock-delay.js";
import { NoDeadWaiters } from "./checkers/r-17.js";
import { checkReplay, checkReplicas } from "./checkers/replay.js";
import { RareStates } from "./checkers/rare-states.js";
import type { DecisionId } from "./world/decisions.js";
import type { Listener } from "./world/story.js";
import { drawSwarm, type Profile } from "./world/swarm.js";
import { World } from "./world/world.js";

/** What to run, and how. */
export interface RunOptions {
  readonly seed: number;
  readonly profile?: Profile;
  readonly story?: "untold" | "last" | Listener;
  readonly suppressed?: ReadonlySet<DecisionId>;
  /** Other settings than the seed's; for figures. */
  readonly settings?: (drawn: RunSettings) => RunSettings;
}

/** Why a seed failed. */
export interface Failure {
  readonly invariant: string;
  readonly message: string;
}

/** What came of one seed. */
export interface RunResult {
  readonly seed: number;
  readonly digest: string;
  readonly simulatedSeconds: number;
  readonly operations: number;
  readonly answers: number;
  readonly events: number;
  readonly turns: number;
  readonly acts: number;
  /** Fail-overs of shards; of places of their own, restarts. */
  readonly failOvers: number;
  readonly states: ReadonlyMap<string, number>;
  readonly decisions: readonly DecisionId[];
  readonly failure: Failure | undefined;
  /** The last lines, if they were told. */
  readonly story: readonly string[];
}

/** A clock's drift that INV-11 allows for where the seed has none. */
const DRIFT_PPM_MIN = 500;

/** Runs one seed. Nothing of it is left afterwards. */
export function run(options: RunOptions): RunResult {
  const { seed, profile, story = "untold", suppressed = new Set() } = options;
  const world = new World({ seed, story, suppressed });
  const drawn = settingsOf(drawSwarm(seed, profile));
  const settings = options.settings?.(drawn) ?? drawn;
  let cluster: Cluster | undefined;
  const believers = (resource: string): ReturnType<Cluster["believers"]> => cluster?.believers(resource) ?? [];
  const now = (): number => world.nowUs;
  const linear = new HistoryIsLinear(now);
  const mark = (name: string): void => world.sometimes(name, true);
  const checkers = [...checkersOf(settings, believers, profile), linear, new RareStates(mark)];
  const books = new Books(checkers, (session) => linear.recorder(session), now, mark);
  let failure: Failure | undefined;
  listenToRare(world);
  try {
    cluster = new Cluster(world, settings, books);
    cluster.runSafety();
    cluster.runLiveness();
    for (const node of cluster.places) checkReplay(node);
    for (const member of cluster.members) checkReplicas(member);
  } catch (error) {
    failure = failureOf(error);
  } finally {
    listenToRare(null);
  }
  world.digest.fold(books.events);
  world.digest.fold(books.answers);
  const { operations = 0, turns = 0, restarts = 0, failOvers = 0 } = cluster?.doings ?? {};
  const told = world.story.last;
  cluster?.dispose();
  return {
    seed,
    digest: world.digest.hex,
    simulatedSeconds: world.nowUs / 1_000_000,
    operations,
    answers: books.answers,
    events: books.events,
    turns,
    acts: world.actCount,
    failOvers: settings.isCluster ? failOvers : restarts,
    states: world.states,
    decisions: world.decisions,
    failure,
    story: told,
  };
}

function checkersOf(
  settings: RunSettings,
  believers: ConstructorParameters<typeof BeliefIsTrue>[0],
  profile: Profile | undefined,
): readonly Checker[] {
  const always = [
    new NoTwoHolders(),
    new TokensGrow(),
    new NothingForgotten(),
    new AnswersAreTrue(),
    new FirstComeFirstGranted(),
    new OnlyOnce(),
    new EndsHaveCauses(settings.limits.waitingGraceMs),
    new QueuesEmpty(),
    new DelaysAreKept(),
    new ShardTimeIsBounded(Math.max(DRIFT_PPM_MIN, settings.driftPpmMax)),
  ];
  const isNear = !settings.isCluster && !settings.isThroughEntry;
  const near = isNear ? [new NoDeadWaiters(settings.limits.waitingGraceMs)] : [];
  return [...always, ...near, ...(profile === "drift-beyond" ? [] : [new BeliefIsTrue(believers)])];
}

/** A broken check or assertion is a finding; so is whatever else is thrown. */
function failureOf(error: unknown): Failure {
  if (error instanceof Violation) return { invariant: error.invariant, message: error.message };
  if (error instanceof BrokenInvariant) return { invariant: "assertion", message: error.stack ?? error.message };
  if (error instanceof Error) return { invariant: "exception", message: error.stack ?? error.message };
  return { invariant: "exception", message: String(error) };
}
