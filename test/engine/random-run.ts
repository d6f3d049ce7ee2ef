/**
 * A random life of a shard, the same for the same seed: sessions and callers without one, few resources, all operations,
 * lost answers, new paths, silence, closes, time in small steps and in leaps. Model, books and replay all look at it.
 */
import {
  KIND_ACQUIRE,
  KIND_CANCEL,
  KIND_CHECK,
  KIND_FORCE_RELEASE,
  KIND_GRANTED,
  KIND_RELEASE,
  KIND_RENEW,
  KIND_REVOKE,
  KIND_SESSION_ENDED,
} from "../../src/words/kinds.js";
import type { Caller } from "../shard/caller.js";
import { type DriverOptions, ShardDriver, type Told } from "../shard/driver.js";
import { Random } from "../tables/random.js";
import type { ModelClient, ModelRequest } from "./reference-model.js";

/** Who asks, as the shard's driver and as the model know them. */
export interface Actor {
  readonly caller: Caller;
  readonly client: ModelClient;
}

/** What one turn was given, and what left. */
export interface RandomTurn {
  readonly nowMs: number;
  readonly requests: readonly ModelRequest[];
  readonly kept: readonly Actor[];
  readonly closed: Actor | undefined;
  readonly opened: Actor | undefined;
  readonly told: readonly Told[];
}

/** What a life is made of, beside its seed. */
export interface RandomOptions extends DriverOptions {
  readonly sessions: number;
  readonly bare: number;
  readonly resources: number;
  /** So many requests in a turn at most; 4 by default. */
  readonly requestsMax?: number;
}

const OPERATIONS: ReadonlyMap<ModelRequest["op"], number> = new Map([
  ["acquire", KIND_ACQUIRE],
  ["release", KIND_RELEASE],
  ["renew", KIND_RENEW],
  ["check", KIND_CHECK],
  ["cancel", KIND_CANCEL],
  ["revoke", KIND_REVOKE],
  ["force-release", KIND_FORCE_RELEASE],
]);
const MODES: readonly ModelRequest["mode"][] = ["exclusive", "shared", "permit"];
const OFTEN: readonly ModelRequest["op"][] = [
  ...(["acquire", "acquire", "acquire", "acquire", "acquire", "release", "release", "release"] as const),
  ...(["renew", "check", "cancel", "revoke", "force-release"] as const),
];
const STEPS_MS = [0, 1, 7, 250.5, 1_000, 3_000.25, 6_000, 12_000];
const TTLS_MS = [5_000, 8_000, 20_000, 45_000];

export class RandomRun {
  readonly driver: ShardDriver;
  readonly actors: readonly Actor[];
  readonly #random: Random;
  readonly #resources: number;
  readonly #requestsMax: number;
  /** Tokens that were granted of late, with their resource. */
  readonly #tokens: { readonly resource: string; readonly token: number; readonly actor: Actor }[] = [];
  /** Whose session has ended on the path that they have: most of them open another at their next turn. */
  readonly #ended = new Set<Caller>();
  /** What each actor asked, to send it again. */
  readonly #asked = new Map<Actor, Map<number, ModelRequest>>();

  constructor(seed: number, options: RandomOptions) {
    this.#random = new Random(seed);
    this.#resources = options.resources;
    this.#requestsMax = options.requestsMax ?? 4;
    this.driver = new ShardDriver(options);
    const actors: Actor[] = [];
    for (let number = 0; number < options.sessions + options.bare; number++)
      actors.push(this.#newActor(number < options.sessions, number));
    this.actors = actors;
  }

  #newActor(isSession: boolean, number: number): Actor {
    const ttlMs = isSession ? this.#random.pick([5_000, 9_000, 30_000]) : 0;
    const principal = this.#random.pick(["ann", "ben"]);
    const name = `${isSession ? "session" : "bare"}${number}`;
    const caller = this.driver.addCaller({ name, isSession, ttlMs, principal, address: `10.0.0.${number}:1` });
    const client = { name, principal, ttlMs, isKnown: false, isVoid: false, heardAt: 0, outcomes: new Map() };
    const actor = { caller, client };
    this.#asked.set(actor, new Map());
    return actor;
  }

  /** The turns of one step: first those that a worker makes when something is due (or, late, none), then one that asks. */
  *step(): Generator<RandomTurn> {
    const toMs = this.driver.nowMs + this.#random.pick(STEPS_MS);
    const isLate = this.#random.below(4) === 0;
    while (!isLate && this.driver.nextDueMs < toMs) {
      yield this.#turn({ nowMs: Math.max(this.driver.nextDueMs, this.driver.nowMs + 1), requests: [] });
    }
    const choice = this.#random.below(40);
    const actor = this.#random.pick(this.actors);
    const nowMs = Math.max(toMs, this.driver.nowMs);
    const { caller } = actor;
    for (const ended of this.actors.filter((one) => this.#ended.has(one.caller)))
      if (this.#random.below(3) !== 0) yield this.#open(ended, nowMs);
    if (caller.isSession && (caller.path === 0 || choice === 0)) yield this.#open(actor, nowMs);
    else if (caller.isSession && choice === 1) yield this.#turn({ nowMs, requests: [], closed: actor });
    else if (choice < 12)
      yield this.#turn({ nowMs, requests: [], kept: this.actors.filter((one) => this.#isKeeper(one)) });
    else yield this.#turn({ nowMs, requests: this.#requests() });
    if (this.#random.below(12) === 0) caller.isDeaf = !caller.isDeaf;
  }

  #isKeeper({ caller }: Actor): boolean {
    return caller.path !== 0 && caller.isSession && this.#random.below(3) !== 0;
  }

  #open(actor: Actor, nowMs: number): RandomTurn {
    this.driver.openPath(actor.caller);
    this.#ended.delete(actor.caller);
    return this.#turn({ nowMs, requests: [], opened: actor });
  }

  #requests(): ModelRequest[] {
    const requests: ModelRequest[] = [];
    for (let count = this.#random.below(this.#requestsMax); count >= 0; count--) {
      const actor = this.#random.pick(this.actors);
      if (actor.caller.path === 0) continue;
      const request = this.#random.below(6) === 0 ? this.#again(actor) : this.#request(actor);
      if (request !== undefined) requests.push(this.#ask(actor, request));
    }
    return requests;
  }

  #ask(actor: Actor, request: ModelRequest): ModelRequest {
    const { resource, ttlMs, waitMs, permits, token, id } = request;
    const rest = { mode: MODES.indexOf(request.mode), lockDelayMs: request.delayMs, permits };
    this.driver.ask(actor.caller, { op: OPERATIONS.get(request.op) ?? 0, resource, ttlMs, waitMs, token, id, ...rest });
    this.#asked.get(actor)?.set(id, request);
    return request;
  }

  /** A request whose answer this session has not seen, as it was or (rudely) with another TTL. */
  #again({ caller, client }: Actor): ModelRequest | undefined {
    const ids = [...caller.unseen];
    if (!caller.isSession || ids.length === 0) return undefined;
    const actor = this.actors.find((one) => one.client === client);
    const request = actor === undefined ? undefined : this.#asked.get(actor)?.get(this.#random.pick(ids));
    return request !== undefined && request.op === "acquire" && this.#random.below(8) === 0
      ? { ...request, ttlMs: 77_000 }
      : request;
  }

  #request({ caller, client }: Actor): ModelRequest {
    const random = this.#random;
    const op = random.pick(OFTEN);
    const id = caller.lastId + 1;
    const isAcquire = op === "acquire";
    const mode = isAcquire ? random.pick(MODES) : "exclusive";
    const mine = this.#tokens.filter(({ actor }) => actor.caller === caller);
    const known =
      random.below(4) > 0 && mine.length > 0
        ? random.pick(mine)
        : random.below(20) > 0
          ? this.#tokens.at(-1 - random.below(8))
          : undefined;
    const resource =
      isAcquire || op === "check" || known === undefined ? `type:${random.below(this.#resources)}` : known.resource;
    return {
      ...{ op, client, id, resource, mode, permits: mode === "permit" ? 1 + random.below(3) : 0 },
      ttlMs: op === "renew" && random.below(2) === 0 ? random.pick(TTLS_MS) : isAcquire ? this.#ttl(caller) : 0,
      waitMs: isAcquire && caller.isSession && random.below(4) > 0 ? random.pick([100, 3_000, 20_000, 100_000]) : 0,
      // One holder at a time may leave a delay: of several that end in one turn, the order would decide who is exempt.
      delayMs: isAcquire && mode === "exclusive" && random.below(4) === 0 ? random.pick([500, 8_000, 15_000]) : 0,
      token: this.#tokenFor(op, caller, known?.token ?? 0),
    };
  }

  #ttl(caller: Caller): number {
    return caller.isSession && this.#random.below(3) === 0 ? 0 : this.#random.pick(TTLS_MS);
  }

  #tokenFor(op: ModelRequest["op"], caller: Caller, token: number): number {
    if (op === "acquire" || op === "check") return 0;
    if (op === "cancel") return Math.max(1, caller.lastId - this.#random.below(4));
    return op !== "release" && op !== "renew" && this.#random.below(2) === 0 ? 0 : token;
  }

  #turn(given: {
    nowMs: number;
    requests: ModelRequest[];
    kept?: Actor[];
    closed?: Actor;
    opened?: Actor;
  }): RandomTurn {
    const { nowMs, requests, closed, opened, kept = [] } = given;
    if (kept.length > 0) this.driver.keepAlive(kept.map(({ caller }) => caller));
    if (closed !== undefined) this.driver.close(closed.caller);
    const told = this.driver.turn(nowMs);
    for (const actor of this.actors) this.#noteTokens(actor, told);
    this.#forgetEnded(told, closed);
    return { nowMs, requests, kept, closed, opened, told };
  }

  /** Where a session is new, its client sends nothing again under an old id. */
  #forgetEnded(told: readonly Told[], closed: Actor | undefined): void {
    const ended = told.filter(({ reply }) => reply.kind === KIND_SESSION_ENDED).map(({ caller }) => caller);
    for (const caller of closed === undefined ? ended : [...ended, closed.caller]) {
      caller.unseen.clear();
      this.#ended.add(caller);
    }
  }

  #noteTokens(actor: Actor, told: readonly Told[]): void {
    for (const { caller, reply } of told) {
      if (caller !== actor.caller || reply.kind !== KIND_GRANTED) continue;
      this.#tokens.push({ resource: caller.asked.get(reply.id) ?? "", token: reply.a, actor });
      if (this.#tokens.length > 24) this.#tokens.shift();
    }
  }
}
