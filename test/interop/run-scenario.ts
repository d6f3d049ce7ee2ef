/**
 * Plays one scenario: each step goes to the driver, each answer is held against what is written. Names of resources are
 * made unique for each play, so that all of them share one server.
 */
import assert from "node:assert/strict";
import { KIND_ACQUIRE, KIND_CHECK, KIND_RELEASE } from "../../src/words/kinds.js";
import { RawConnection } from "../client/raw-connection.js";
import { until } from "../node/server-process.js";
import { ask } from "../worker/wire.js";
import type { ConformanceDriver, Value, Words } from "./conformance-driver.js";
import { Proxy } from "./proxy.js";
import type { Scenario, Step, Term } from "./scenario.js";

/** The TTL of an actor's session unless its first line is a `connect`, in milliseconds. */
const SESSION_TTL_MS = 10_000;
const ANSWER_WITHIN_MS = 15_000;
const POKE = "poke";

let plays = 0;

/** Plays a scenario by a driver against the server at `host:port`. @throws AssertionError with the line that failed */
export async function runScenario(scenario: Scenario, driver: ConformanceDriver, address: string): Promise<void> {
  const play = new Play(scenario, driver, address);
  try {
    for (const step of scenario.steps) await play.take(step);
  } finally {
    await play.end();
  }
}

class Play {
  readonly #scenario: Scenario;
  readonly #driver: ConformanceDriver;
  readonly #address: string;
  readonly #run: string = `c${++plays}`;
  readonly #variables: Map<string, Value> = new Map();
  readonly #actors: Map<string, Proxy | undefined> = new Map();
  readonly #pending: Map<string, Promise<Words>> = new Map();
  #observer: Promise<RawConnection> | undefined;
  #asked = 0;

  constructor(scenario: Scenario, driver: ConformanceDriver, address: string) {
    this.#scenario = scenario;
    this.#driver = driver;
    this.#address = address;
  }

  async take(step: Step): Promise<void> {
    try {
      if (step.actor === ".") await this.#runsOwn(step);
      else await this.#actorsOwn(step);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      assert.fail(`${step.text}\n  ${why}`);
    }
  }

  async end(): Promise<void> {
    for (const [actor, proxy] of this.#actors) {
      await this.#command(actor, "close", {});
      proxy?.end();
    }
    for (const pending of this.#pending.values()) await pending.catch(() => undefined);
    (await this.#observer)?.cut();
  }

  async #runsOwn({ verb, about, terms }: Step): Promise<void> {
    if (verb === "compare") {
      for (const term of terms) this.#demand(term, this.#variables.get(term.key), term.key);
    } else if (verb === "until") await this.#untilSeen(this.#unique(about), terms);
    else if (verb === "cut") this.#wireOf(about).cut();
    else if (verb === "mute") this.#wireOf(about).mute();
    else assert.fail(`the run itself can't ${verb}`);
  }

  async #actorsOwn(step: Step): Promise<void> {
    const { actor, verb, about, terms, expected } = step;
    const words: Record<string, Value> = Object.fromEntries(terms.map(({ key, value }) => [key, this.#value(value)]));
    if (verb === "connect" || !this.#actors.has(actor)) await this.#connect(actor, Number(words["ttl"]), verb);
    if (verb === "connect") return;
    if (verb === "await") {
      const pending = this.#pending.get(about) ?? assert.fail(`nothing goes by the name ${about}`);
      this.#pending.delete(about);
      this.#hold(await within(pending, about), expected);
      return;
    }
    if (about !== "")
      words["about"] = words["long"] === undefined ? this.#unique(about) : this.#lengthened(about, words);
    const answer = this.#command(actor, verb, words);
    answer.catch(() => undefined); // It is told where the answer is awaited.
    if (words["as"] !== undefined && verb !== "watch") this.#pending.set(String(words["as"]), answer);
    else this.#hold(await within(answer, verb), expected);
    if (verb === "watch") await this.#untilWatching(actor, String(words["as"]), this.#unique(about));
  }

  async #connect(actor: string, ttlMs: number, verb: string): Promise<void> {
    const proxy = this.#scenario.disturbed.has(actor) ? await Proxy.before(this.#address) : undefined;
    this.#actors.set(actor, proxy);
    const ttl = verb === "connect" ? ttlMs : SESSION_TTL_MS;
    const words = { address: proxy?.address ?? this.#address, ttl };
    const { outcome } = await within(this.#command(actor, "connect", words), "connect");
    assert.equal(outcome, "connected");
  }

  /** A client need not say when its watch has begun: it has, when it tells what happens. */
  async #untilWatching(actor: string, watch: string, pattern: string): Promise<void> {
    const observer = await this.#observe();
    const resource = pattern.replace("*", POKE);
    const told = { first: false };
    const first = this.#event(actor, watch).finally(() => {
      told.first = true;
    });
    first.catch(() => undefined); // Told below.
    while (!told.first) {
      const granted = await ask(observer, [KIND_ACQUIRE, ++this.#asked, resource, 10_000]);
      assert.ok(granted.kind === "granted", granted.kind);
      await ask(observer, [KIND_RELEASE, ++this.#asked, resource, granted.token]);
    }
    const begun = await first;
    const last = await ask(observer, [KIND_ACQUIRE, ++this.#asked, resource, 10_000]);
    assert.ok(last.kind === "granted", last.kind);
    for (let event = begun; event["token"] !== last.token; event = await this.#event(actor, watch));
    await ask(observer, [KIND_RELEASE, ++this.#asked, resource, last.token]);
    for (let event; event?.["event"] !== "released"; event = await this.#event(actor, watch));
  }

  async #event(actor: string, watch: string): Promise<Words> {
    const event = await within(this.#command(actor, "event", { of: watch }), `an event of ${watch}`);
    assert.equal(event["outcome"], "event", JSON.stringify(event)); // Nothing comes after the end of a watch.
    return event;
  }

  async #untilSeen(resource: string, terms: readonly Term[]): Promise<void> {
    const observer = await this.#observe();
    await until(`${resource} to have ${terms.map(({ key, value }) => `${key}=${value}`).join(" ")}`, async () => {
      const answer = await ask(observer, [KIND_CHECK, ++this.#asked, resource]);
      assert.ok(answer.kind === "checked", answer.kind);
      const seen: Words = { holders: answer.holders.length, waiters: answer.waiters, delay: answer.delayMs };
      return terms.every(({ key, operator, value }) => compares(seen[key], operator, this.#value(value)));
    });
  }

  async #observe(): Promise<RawConnection> {
    this.#observer ??= RawConnection.greeted(this.#address).then(({ connection }) => connection);
    return this.#observer;
  }

  async #command(actor: string, verb: string, words: Words): Promise<Words> {
    return this.#driver.carryOut({ ...words, client: `${this.#run}-${actor}`, verb });
  }

  #wireOf(actor: string): Proxy {
    return this.#actors.get(actor) ?? assert.fail(`${actor} has no wire of its own yet`);
  }

  #hold(answer: Words, expected: Step["expected"]): void {
    if (expected === undefined) return;
    const said = JSON.stringify(answer);
    assert.equal(answer["outcome"], expected.outcome, said);
    for (const term of expected.terms) {
      if (term.operator === "=" && isVariable(term.value) && !this.#variables.has(term.value)) {
        this.#variables.set(term.value, answer[term.key] ?? assert.fail(`no ${term.key} in ${said}`));
      } else this.#demand(term, answer[term.key], said);
    }
  }

  #demand({ key, operator, value }: Term, seen: Value | undefined, said: string): void {
    const wanted = this.#value(value);
    assert.ok(compares(seen, operator, wanted), `${key} is ${seen}, not ${operator} ${wanted}: ${said}`);
  }

  #value(written: string): Value {
    if (isVariable(written)) return this.#variables.get(written) ?? assert.fail(`${written} has no value yet`);
    const [, digits, unit] = /^(-?\d+)(ms|s|)$/.exec(written) ?? [];
    if (digits !== undefined) return Number(digits) * (unit === "s" ? 1_000 : 1);
    if (written === "true" || written === "false") return written === "true";
    return this.#unique(written);
  }

  /** What has a type and an id is a resource, or the beginning of some. */
  #unique(written: string): string {
    return /^[a-z]+:./.test(written) ? written.replace(":", `:${this.#run}.`) : written;
  }

  #lengthened(about: string, words: Words): string {
    return this.#unique(about).padEnd(Number(words["long"]), "x");
  }
}

function isVariable(written: string): boolean {
  return /^[A-Z]\w*$/.test(written);
}

function compares(seen: Value | undefined, operator: Term["operator"], wanted: Value): boolean {
  if (operator === "=") return seen === wanted;
  if (typeof seen !== "number" || typeof wanted !== "number") return false;
  if (operator === "<") return seen < wanted;
  if (operator === "<=") return seen <= wanted;
  return operator === ">" ? seen > wanted : seen >= wanted;
}

async function within<Result>(promise: Promise<Result>, what: string): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`waited ${ANSWER_WITHIN_MS} ms in vain for ${what}`));
    }, ANSWER_WITHIN_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
