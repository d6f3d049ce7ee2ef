/**
 * Leader election: one lock that each candidate waits for, as long as it takes. It is here, and not in every program,
 * because a wait has an end and a campaign has none, and because a leader must stop by the signal, before another leads.
 */
import { AbandonedError, ClosedError, InDoubtError, TimedOutError, UnavailableError } from "./errors.js";
import type { Lock, ReleaseResult } from "./lock.js";
import type { AcquireOptions, Duration } from "./options.js";
import type { CheckResult } from "./results.js";
import type { Holder } from "../protocol/server-messages.js";

/** The longest wait that servers allow; a campaign that has waited so long queues anew. */
const WAIT: Duration = "1h";

/** How to stand for election. */
export interface ElectOptions {
  /** Who this is, for people and for other candidates (`leader`): at most 256 bytes. Default: the client's. */
  readonly metadata?: string;
  /** How long nobody may lead after a leader that was lost, so that what it sent can arrive. Default 0. */
  readonly lockDelay?: Duration;
}

/** How to campaign. */
export interface CampaignOptions {
  /** Gives up: the campaign rejects with the signal's reason at once, and leaves the queue. */
  readonly signal?: AbortSignal;
}

/** What an election needs of its client. */
export interface Electorate {
  acquire(resource: string, options: AcquireOptions): Promise<Lock>;
  check(resource: string): Promise<CheckResult>;
}

/** Candidates of one name, in any number of processes: at most one leads at a time. */
export class Election {
  /** The lock behind it: `election:` and the name. */
  readonly resource: string;
  readonly #electorate: Electorate;
  readonly #options: ElectOptions;

  constructor(electorate: Electorate, name: string, options: ElectOptions) {
    this.resource = `election:${name}`;
    this.#electorate = electorate;
    this.#options = options;
  }

  /**
   * Waits, for as long as it takes, until this client leads. Candidates lead in the order in which they asked.
   * @throws RefusedError, ClosedError, LockLostError, InvalidOptionError, or the signal's reason
   */
  async campaign(options: CampaignOptions = {}): Promise<Leadership> {
    for (;;) {
      try {
        return new Leadership(
          await this.#electorate.acquire(this.resource, { ...this.#options, ...options, wait: WAIT }),
        );
      } catch (error) {
        if (!endsByItself(error)) throw error;
      }
    }
  }

  /** Campaigns, leads while `work` runs, and resigns. `work` has to obey `leadership.signal`. */
  async lead<Result>(
    work: (leadership: Leadership) => Promise<Result> | Result,
    options: CampaignOptions = {},
  ): Promise<Result> {
    await using leadership = await this.campaign(options);
    return await work(leadership);
  }

  /** Who leads now; undefined if nobody does. */
  async leader(): Promise<Holder | undefined> {
    const { holders } = await this.#electorate.check(this.resource);
    return holders[0];
  }
}

/** The time in which this client leads. When it is over it does not come back: campaign again. */
export class Leadership {
  /** The fencing token: larger for each later leader. Give it to what the leader changes. */
  readonly token: number;
  /** Aborts, with a LockLostError, before anybody else can lead; not by `resign`. */
  readonly signal: AbortSignal;
  readonly #lock: Lock;

  constructor(lock: Lock) {
    this.#lock = lock;
    this.token = lock.token;
    this.signal = lock.signal;
  }

  /** Whether this client may believe that it leads, right now. */
  isLeader(): boolean {
    return this.#lock.isHeld();
  }

  /** How long it may be believed without hearing of the server again, in milliseconds; 0: it does not lead. */
  remainingMs(): number {
    return this.#lock.remainingMs();
  }

  /** @throws LockLostError if this client can't be sure that it leads. */
  assertLeader(): void {
    this.#lock.assertHeld();
  }

  /** Lets the next candidate lead. Once called, it answers the same again. */
  async resign(): Promise<ReleaseResult> {
    return this.#lock.release();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.resign();
  }
}

/** The wait has ended, and the campaign has not: it queues anew. */
function endsByItself(error: unknown): boolean {
  if (error instanceof ClosedError) return false;
  return (
    error instanceof TimedOutError ||
    error instanceof AbandonedError ||
    error instanceof UnavailableError ||
    error instanceof InDoubtError
  );
}
