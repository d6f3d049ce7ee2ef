/**
 * The world that a simulated cluster lives in: true time, one queue of what is to happen, dice by name, the digest of all
 * that happened, the story, the record of decisions. A run is a function of (commit, seed): nothing here or in anything
 * that lives in it reads a clock, makes a promise or sets a timer (verification.md §2). Hot path (world.test.ts prints
 * its speed): an act costs its closure and less than a microsecond.
 */
import { assert } from "../../../src/words/assert.js";
import type { RareListener } from "../../../src/words/rare.js";
import { type DecisionId, Decisions } from "./decisions.js";
import { Digest } from "./digest.js";
import { type Handle, Queue } from "./queue.js";
import { Random } from "./random.js";
import { type Listener, Story } from "./story.js";

/** How a world is made. */
export interface WorldOptions {
  /** A safe integer from 0. */
  readonly seed: number;
  /** Whether and where the run is told; "untold" unless set. */
  readonly story?: "untold" | "last" | Listener;
  /** Decisions that shall not come true; none unless set. For shrinking. */
  readonly suppressed?: ReadonlySet<DecisionId>;
}

/** An `unlikely` point is on in so many of the seeds. */
const UNLIKELY_ON = 1 / 4;
/** ... and goes its rare way then with one of these probabilities. */
const UNLIKELY_OFTEN: readonly number[] = [0.01, 0.05, 0.25];

interface UnlikelyPoint {
  readonly probability: number;
  readonly random: Random;
}

/** One run's world. */
export class World implements RareListener {
  readonly seed: number;
  /** What two runs of a seed are compared by; fold in what comes in and goes out. */
  readonly digest: Digest = new Digest();
  readonly story: Story;
  readonly #queue = new Queue();
  readonly #decisions: Decisions;
  readonly #randoms = new Map<string, Random>();
  readonly #states = new Map<string, number>();
  readonly #unlikely = new Map<string, UnlikelyPoint>();
  #nowUs = 0;
  #isStopped = false;
  #actCount = 0;

  constructor(options: WorldOptions) {
    this.seed = options.seed;
    this.story = new Story(options.story ?? "untold");
    this.#decisions = new Decisions(options.suppressed ?? new Set());
  }

  /** True time, microseconds since the run's beginning. Only the world and the checkers may know it. */
  get nowUs(): number {
    return this.#nowUs;
  }

  /** How many acts have run. */
  get actCount(): number {
    return this.#actCount;
  }

  /** How many acts wait. */
  get waitingCount(): number {
    return this.#queue.count;
  }

  /** The dice of this name; the same ones at each call. */
  random(name: string): Random {
    let random = this.#randoms.get(name);
    if (random === undefined) {
      random = new Random(this.seed, name);
      this.#randoms.set(name, random);
    }
    return random;
  }

  /** Runs `act` at a true time, now at the earliest; acts of one time run in the order in which they were added. */
  at(timeUs: number, act: () => void): Handle {
    assert(timeUs >= this.#nowUs && timeUs <= Number.MAX_SAFE_INTEGER, "the past is over");
    return this.#queue.add(Math.floor(timeUs), act);
  }

  /** Runs `act` after so many microseconds of true time. */
  in(delayUs: number, act: () => void): Handle {
    return this.at(this.#nowUs + delayUs, act);
  }

  /** Takes an act back. Answers false if it has run. */
  cancel(handle: Handle): boolean {
    return this.#queue.cancel(handle);
  }

  /** Runs all that is due up to a true time, which is then now; less if `stop` is called. */
  run(untilUs: number): void {
    this.#isStopped = false;
    const queue = this.#queue;
    while (this.#goesOn) {
      const dueUs = queue.nextUs;
      if (dueUs > untilUs) {
        this.#nowUs = Math.max(this.#nowUs, untilUs);
        return;
      }
      this.#nowUs = dueUs;
      this.#actCount++;
      this.digest.fold(dueUs); // So that a run that went another way shows it at once.
      queue.take()();
    }
  }

  /** Ends `run` after the act under way: a check is broken. */
  stop(): void {
    this.#isStopped = true;
  }

  get #goesOn(): boolean {
    return !this.#isStopped;
  }

  /** Tells a line; `line` is called only if the story is told. */
  tell(line: () => string): void {
    this.story.tell(this.#nowUs, line);
  }

  /**
   * Whether something that chance has drawn may happen. Each fault and each request of a client asks here, so that
   * shrinking can leave out a single one: `if (world.decide("network/reset", random.chance(p)))`.
   */
  decide(name: string, isDrawn: boolean): boolean {
    return this.#decisions.decide(name, isDrawn);
  }

  /** What was decided and came true, in its order; lent. */
  get decisions(): readonly DecisionId[] {
    return this.#decisions.taken;
  }

  /** Counts an interesting state; a name that was asked for and never true stands with 0. */
  sometimes(name: string, condition: boolean): void {
    const count = this.#states.get(name) ?? 0;
    if (condition) this.#states.set(name, count + 1);
    else if (count === 0) this.#states.set(name, 0);
  }

  /** The interesting states that were marked, and how often each was seen; lent. */
  get states(): ReadonlyMap<string, number> {
    return this.#states;
  }

  /** Whether code goes a rare, lawful way: a quarter of the seeds has each name on, and then now and then. */
  unlikely(name: string): boolean {
    let point = this.#unlikely.get(name);
    if (point === undefined) {
      const random = this.random(`unlikely/${name}`);
      const isOn = random.chance(UNLIKELY_ON);
      point = { probability: isOn ? random.pick(UNLIKELY_OFTEN) : 0, random };
      this.#unlikely.set(name, point);
    }
    if (point.probability === 0) return false;
    return this.decide(`unlikely/${name}`, point.random.chance(point.probability));
  }
}
