/** Clients that acquire, renew, release and wait as fast as they are answered, until their server is killed. */
import type { ServerProcess } from "../node/server-process.js";
import { Random } from "../tables/random.js";
import { type Caller, detachedCaller, httpCaller, type Reply, sessionCaller } from "./callers.js";
import { type Claim, type ClaimBook, isSure, type Mode } from "./claim-book.js";

/** What each resource's name begins with. */
export const PREFIX = "kill:";
const RESOURCES = 200;
/** The first few are asked for by every third acquire, so that queues form. */
const HOT_RESOURCES = 20;
const CLIENTS_MIN = 8;
const CLIENTS_MAX = 16;
/** Requests that a client has under way at once. */
const LANES = 3;
/** Claims that a client keeps at most; those of no session have one bound for all. */
const HELD_MAX = 6;
const LOOSE_MAX = 60;
/** At the acquire and by a renew: so different that a renewal that got lost is seen. */
const TTL_MS = 120_000;
const RENEW_TTL_MS = 300_000;
/** Most waits end by a grant or a time-out; some outlive the server, and stand in the queue that it recovers. */
const WAIT_MS_MAX = 250;
const LONG_WAIT_MS = 5_000;

/** Clients at work. */
export class Load {
  readonly #book: ClaimBook;
  readonly #callers: readonly Caller[];
  readonly #lanes: readonly Promise<void>[];
  #isStopped = false;

  private constructor(book: ClaimBook, callers: readonly Caller[], random: Random) {
    this.#book = book;
    this.#callers = callers;
    this.#lanes = callers.flatMap((caller) => {
      const pool = caller.owner === "session" ? [] : book.loose;
      return Array.from({ length: LANES }, () => this.#work(caller, pool, new Random(random.bits())));
    });
    for (const lane of this.#lanes) lane.catch(() => undefined); // `end` tells.
  }

  /** 8 to 16 clients, connected and at work. */
  static async start(server: ServerProcess, book: ClaimBook, random: Random): Promise<Load> {
    const count = CLIENTS_MIN + random.below(CLIENTS_MAX - CLIENTS_MIN + 1);
    const made = Array.from({ length: count }, async (_, i) => {
      const kind = i % 4;
      return kind === 0 ? httpCaller(server) : kind === 1 ? detachedCaller(server) : sessionCaller(server);
    });
    return new Load(book, await Promise.all(made), random);
  }

  get clientCount(): number {
    return this.#callers.length;
  }

  /** Nothing more is sent; what is under way may be left without an answer. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Settled when every client is gone. Call it when the server is dead. @throws AssertionError of any client */
  async end(): Promise<void> {
    await Promise.all(this.#callers.map((caller) => caller.abandon()));
    await Promise.all(this.#lanes);
  }

  async #work(caller: Caller, pool: Claim[], random: Random): Promise<void> {
    const heldMax = caller.owner === "session" ? HELD_MAX : LOOSE_MAX;
    while (!this.#isStopped) {
      const choice = random.below(100);
      const claim = pool.length > 0 && (choice < 55 || pool.length >= heldMax) ? takeOne(pool, random) : undefined;
      if (claim === undefined) await this.#acquire(caller, pool, random);
      else if (choice < 15) await this.#renew(caller, pool, claim);
      else await this.#release(caller, claim);
    }
  }

  async #acquire(caller: Caller, pool: Claim[], random: Random): Promise<void> {
    const book = this.#book;
    const index = random.below(random.below(3) === 0 ? HOT_RESOURCES : RESOURCES);
    const isBound = caller.owner === "session" && random.below(2) === 0;
    const claim = book.ask({
      resource: `${PREFIX}${index}`,
      owner: caller.owner,
      mode: modeOf(index, random),
      ttlMs: isBound ? 0 : TTL_MS,
      waitMs: caller.canWait ? waitMsOf(random) : 0,
    });
    const reply = await caller.acquire(claim);
    if (reply.kind === "granted") {
      book.granted(claim, reply.token);
      pool.push(claim);
    } else if (reply.kind === "no") book.refused(claim, reply.why);
    else this.#inDoubt(claim, reply);
  }

  async #renew(caller: Caller, pool: Claim[], claim: Claim): Promise<void> {
    const book = this.#book;
    book.renewing(claim, RENEW_TTL_MS);
    const sentMs = performance.now();
    const reply = await caller.renew(claim, RENEW_TTL_MS);
    if (reply.kind === "done") book.renewed(claim, sentMs, RENEW_TTL_MS);
    else this.#inDoubt(claim, reply);
    pool.push(claim);
  }

  async #release(caller: Caller, claim: Claim): Promise<void> {
    this.#book.leaving(claim);
    const reply = await caller.release(claim);
    if (reply.kind === "done") this.#book.released(claim);
    else this.#inDoubt(claim, reply);
  }

  /** A dead server leaves doubt; one that lives and says that a holder does not hold has forgotten it. */
  #inDoubt(claim: Claim, reply: Reply): void {
    this.#book.note(claim, reply.kind === "doubt" ? `no answer: ${reply.why}` : reply.kind);
    if (this.#isStopped) return;
    if (reply.kind !== "doubt" && isSure(claim)) this.#book.fail(claim.resource, `INV-8: ${claim.id}: ${reply.kind}`);
    if (reply.kind === "doubt") this.#book.fail(claim.resource, `${claim.id} got no answer from a live server`);
  }
}

function takeOne(pool: Claim[], random: Random): Claim | undefined {
  const [claim] = pool.splice(random.below(pool.length), 1);
  return claim;
}

function waitMsOf(random: Random): number {
  const choice = random.below(12);
  if (choice === 0) return LONG_WAIT_MS;
  return choice < 4 ? 1 + random.below(WAIT_MS_MAX) : 0;
}

/** Most resources are exclusive, as most locks are. */
function modeOf(index: number, random: Random): Mode {
  if (index % 10 === 8) return random.below(4) === 0 ? "exclusive" : "shared";
  return index % 10 === 9 ? "permit" : "exclusive";
}
