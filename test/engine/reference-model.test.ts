/** The engine beside the reference model and the books, through random lives of a shard. SEED=… plays one again. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { claimRow } from "../../src/words/ids.js";
import {
  KIND_ABANDONED,
  KIND_ALREADY_GRANTED,
  KIND_BUSY,
  KIND_CANCELLED,
  KIND_CHECKED,
  KIND_CLAIM_ENDED,
  KIND_DONE,
  KIND_FAULT,
  KIND_GRANTED,
  KIND_KEPT,
  KIND_NOT_HELD,
  KIND_NOT_WAITING,
  KIND_OPEN_SHARD,
  KIND_RELEASED,
  KIND_RENEWED,
  KIND_REVOKED,
  KIND_SESSION_ENDED,
  KIND_TIMED_OUT,
} from "../../src/words/kinds.js";
import { faultCode } from "../../src/words/faults.js";
import { CLAIM_DELAYS, CLAIM_FORCED, CLAIM_HOLDS, CLAIM_REVOKED } from "../../src/engine/claims.js";
import type { Told } from "../shard/driver.js";
import { Random, seedOfRun } from "../tables/random.js";
import { EventBooks } from "./event-books.js";
import { type Actor, RandomRun, type RandomTurn } from "./random-run.js";
import { type ModelClaim, ReferenceModel } from "./reference-model.js";

const LIVES = 30;
const STEPS = 300;

const WORDS: ReadonlyMap<number, string> = new Map([
  [KIND_GRANTED, "granted"],
  [KIND_TIMED_OUT, "timed-out"],
  [KIND_CANCELLED, "cancelled"],
  [KIND_ABANDONED, "abandoned"],
  [KIND_RELEASED, "released"],
  [KIND_NOT_HELD, "not-held"],
  [KIND_RENEWED, "renewed"],
  [KIND_REVOKED, "revoked"],
  [KIND_ALREADY_GRANTED, "already-granted"],
  [KIND_NOT_WAITING, "not-waiting"],
]);
const CAUSES = ["", "expired", "revoked", "forced", "session-ended"];

/** The engine and the model, one life. */
class Beside {
  readonly run: RandomRun;
  readonly model: ReferenceModel;
  readonly books: EventBooks;
  /** Which request each token was granted to. */
  readonly #grants = new Map<number, { readonly actor: Actor; readonly id: number }>();

  constructor(seed: number) {
    this.run = new RandomRun(seed, { sessions: 5, bare: 2, resources: 3 });
    this.model = new ReferenceModel(this.run.actors.map(({ client }) => client));
    this.books = new EventBooks(this.run.actors);
  }

  check(turn: RandomTurn, batch: Uint8Array | undefined): void {
    const told = this.model.turn(turn.nowMs, turn.requests, this.#controls(turn));
    this.#noteGrants(turn.told);
    const heard = turn.told.flatMap((one) => this.#say(one));
    assert.deepEqual(heard.sort(), told.sort(), "answers and pushes");
    if (turn.opened !== undefined) this.#checkRecord(turn.opened, turn.told);
    this.#checkResources();
    this.books.book(batch, turn);
  }

  #controls(turn: RandomTurn): (() => void)[] {
    const { closed, opened } = turn;
    const controls: (() => void)[] = [];
    for (const { client } of turn.kept) {
      controls.push(() => {
        client.heardAt = turn.nowMs;
      });
    }
    if (closed !== undefined) controls.push(() => this.model.close(closed.client));
    if (opened !== undefined) controls.push(() => this.#open(opened, turn.nowMs));
    return controls;
  }

  #noteGrants(told: readonly Told[]): void {
    for (const { caller, reply } of told) {
      const actor = this.run.actors.find((one) => one.caller === caller);
      if (reply.kind === KIND_GRANTED && actor !== undefined) this.#grants.set(reply.a, { actor, id: reply.id });
    }
    for (const { holders, delays } of this.model.resources.values()) {
      for (const claim of [...holders, ...delays]) if (claim.token === 0) claim.token = this.#tokenOf(claim);
    }
  }
  #tokenOf({ client, request }: ModelClaim): number {
    const mine = [...this.#grants].filter(([, { actor, id }]) => actor.client === client && id === request.id);
    return mine.at(-1)?.[0] ?? 0;
  }

  #say({ caller, reply }: Told): string[] {
    const word = WORDS.get(reply.kind);
    const about = `${caller.name}#${reply.id}`;
    if (word !== undefined) return [`${about} ${word}`];
    switch (reply.kind) {
      case KIND_BUSY:
        return [`${about} busy ${reply.a} ${reply.b}`];
      case KIND_CHECKED:
        return [`${about} checked ${reply.a} ${reply.b}`];
      case KIND_DONE:
        return reply.f === 0 ? [`${about} done ${reply.a}`] : [];
      case KIND_FAULT:
        return [`${about} fault ${faultCode(reply.a)}`];
      case KIND_CLAIM_ENDED:
        return [`${caller.name} claim-ended #${this.#grants.get(reply.b)?.id ?? 0} ${CAUSES[reply.c] ?? ""}`];
      case KIND_SESSION_ENDED:
        return [`${caller.name} session-ended`];
      case KIND_KEPT:
      case KIND_OPEN_SHARD:
        return [];
      default:
        throw new Error(`an answer of kind ${reply.kind}`);
    }
  }

  /** What a path's opening must tell: what the session has, and the outcomes that its client has not seen. */
  #open({ caller, client }: Actor, nowMs: number): void {
    client.heardAt = nowMs;
    client.isVoid = false;
    const mine = (list: readonly ModelClaim[], word: string): string[] =>
      list.filter((claim) => claim.client === client).map(({ request }) => `#${request.id} ${word}`);
    const claims = [...this.model.resources.values()].flatMap(({ holders, queue }) => [
      ...mine(holders, "holds"),
      ...mine(queue, "waits"),
    ]);
    const unseen = this.unseen.get(caller.name);
    const outcomes = [...client.outcomes].filter(([id]) => unseen?.has(id) === true);
    const words = outcomes.map(([id, { answer }]) => `#${id} ${answer.split(" ")[0] ?? ""}`);
    this.#expected = { isKnown: client.isKnown, claims: claims.sort(), outcomes: words.sort() };
  }
  #expected: { isKnown: boolean; claims: string[]; outcomes: string[] } = { isKnown: false, claims: [], outcomes: [] };
  /** By name, what each caller had not seen before the turn: the driver has noted already what the opening told. */
  unseen: ReadonlyMap<string, ReadonlySet<number>> = new Map();

  #checkRecord({ caller }: Actor, told: readonly Told[]): void {
    const reply = told.find((one) => one.caller === caller && one.reply.kind === KIND_OPEN_SHARD)?.reply;
    const head = reply?.details[0];
    assert.equal(head !== undefined, this.#expected.isKnown, "R-18: known or new here");
    if (reply === undefined || head === undefined) return;
    const claims = reply.details.slice(1, 1 + head.f).map(({ a, e }) => `#${a} ${e === 1 ? "waits" : "holds"}`);
    const outcomes = reply.details
      .slice(1 + head.f)
      .map(({ a, b }) => `#${a} ${b === KIND_DONE ? "done" : (WORDS.get(b) ?? "")}`);
    assert.deepEqual(claims.sort(), this.#expected.claims, "R-18: claims told");
    assert.deepEqual(outcomes.sort(), this.#expected.outcomes, "R-18: outcomes told");
  }

  /** Same holders, same queue in the same order, same delays. */
  #checkResources(): void {
    const { claims, clients } = this.run.driver.shard.state;
    const names = new Map(
      this.run.actors.map(({ caller }) => [clients.find(this.run.driver.paths, caller.path), caller.name]),
    );
    const rows: string[] = [];
    for (let row = claims.pool.nextLive(1); row !== 0; row = claims.pool.nextLive(row + 1)) {
      const claim = claimRow(row);
      const flags = claims.flags(claim);
      const kind = claims.state(claim);
      const deadline = claims.deadline(claim);
      if (kind === CLAIM_HOLDS)
        rows.push(`holds ${claims.lsn(claim)} ${deadline} ${flags & CLAIM_REVOKED} ${claims.renewCount(row)}`);
      else if (kind === CLAIM_DELAYS) rows.push(`delays ${claims.lsn(claim)} ${deadline} ${flags & CLAIM_FORCED}`);
      else {
        let place = 0;
        for (let before = claims.previous(claim); before !== 0; before = claims.previous(before)) place++;
        rows.push(`waits ${names.get(claims.client(claim)) ?? ""}#${claims.requestId(row)} ${deadline} ${place}`);
      }
    }
    assert.deepEqual(rows.sort(), this.#modelRows().sort(), "holders, queues and delays");
  }

  #modelRows(): string[] {
    return [...this.model.resources.values()].flatMap(({ holders, queue, delays }) => [
      ...holders.map(
        ({ token, deadline, isRevoked, renewals }) =>
          `holds ${token} ${deadline} ${isRevoked ? CLAIM_REVOKED : 0} ${renewals}`,
      ),
      ...delays.map(({ token, deadline, isForced }) => `delays ${token} ${deadline} ${isForced ? CLAIM_FORCED : 0}`),
      ...queue.map(({ client, request, deadline }, place) => `waits ${client.name}#${request.id} ${deadline} ${place}`),
    ]);
  }
}

function live(seed: number, steps: number, note: (turn: RandomTurn) => void): void {
  const beside = new Beside(seed);
  const { run } = beside;
  for (let step = 0; step < steps; step++) {
    const turns = run.step();
    for (;;) {
      const logged = run.driver.batches.length;
      beside.unseen = new Map(run.actors.map(({ caller }) => [caller.name, new Set(caller.unseen)]));
      const next = turns.next();
      if (next.done === true) break;
      try {
        beside.check(next.value, run.driver.batches[logged]);
      } catch (error) {
        const asked = next.value.requests
          .map(({ client, ...rest }) => `${client.name} ${JSON.stringify(rest)}`)
          .join("\n");
        const why = error instanceof Error ? error.message : String(error);
        throw new Error(`SEED=${seed}, step ${step}, at ${next.value.nowMs} ms: ${why}\n${asked}`, { cause: error });
      }
      note(next.value);
    }
  }
}

test("INV-1, INV-2, INV-6, INV-8: the engine answers and keeps what the reference model does, at every turn", (t) => {
  const seed = seedOfRun();
  t.diagnostic(`SEED=${seed}`);
  const seeds = new Random(seed);
  const met = new Set<string>();
  const lives = process.env["SEED"] === undefined ? LIVES : 1;
  for (let i = 0; i < lives; i++) {
    live(i === 0 ? seed : seeds.bits(), STEPS, (turn) => {
      for (const { reply } of turn.told)
        met.add(`${reply.kind}${reply.kind === KIND_CLAIM_ENDED ? CAUSES[reply.c] : ""}`);
    });
  }
  if (lives > 1)
    for (const kind of [
      ...WORDS.keys(),
      KIND_BUSY,
      KIND_DONE,
      KIND_SESSION_ENDED,
      "40expired",
      "40revoked",
      "40forced",
      "40session-ended",
    ])
      assert.ok(met.has(String(kind)), `no life met ${kind}`);
});
