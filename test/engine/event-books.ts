/**
 * Books of what a log says, kept beside the engine and without its tables: who holds, who queues, which token was the
 * last. After every event they check INV-1, INV-2, INV-6, and of each end who or what caused it, INV-8.
 */
import assert from "node:assert/strict";
import {
  CAUSE_SESSION,
  CLAIM_BOUND,
  CLAIM_MODE_MASK,
  EVENT_ABANDONED,
  EVENT_BEGAN,
  EVENT_CANCELLED,
  EVENT_ENQUEUED,
  EVENT_EXPIRED,
  EVENT_FORCED,
  EVENT_GRANTED,
  EVENT_GRANTED_WAITER,
  EVENT_RELEASED,
  EVENT_RENEWED,
  EVENT_REVOKED,
  EVENT_TIMED_OUT,
} from "../../src/words/event-kinds.js";
import { readEvents, type ReadEvent } from "../shard/events-read.js";
import type { Actor, RandomTurn } from "./random-run.js";

interface BookedClaim {
  readonly row: number;
  readonly owner: Actor;
  readonly mode: number;
  readonly permits: number;
  readonly isBound: boolean;
  readonly ttlMs: number;
  isRevoked: boolean;
  token: number;
  deadline: number;
}

export class EventBooks {
  readonly #actors: readonly Actor[];
  readonly #owners = new Map<number, Actor>();
  readonly #holders = new Map<string, BookedClaim[]>();
  readonly #queues = new Map<string, BookedClaim[]>();
  readonly #lastToken = new Map<string, number>();
  readonly #heardAt = new Map<Actor, number>();

  constructor(actors: readonly Actor[]) {
    this.#actors = actors;
  }

  /** Books the events of one turn, if it had any. @throws AssertionError naming the invariant. */
  book(batch: Uint8Array | undefined, turn: RandomTurn): void {
    if (batch !== undefined) for (const event of readEvents(batch)) this.#event(event, turn);
    for (const actor of this.#actors) if (isHeard(actor, turn)) this.#heardAt.set(actor, turn.nowMs);
  }

  #event(event: ReadEvent, turn: RandomTurn): void {
    switch (event.kind) {
      case EVENT_BEGAN:
        return this.#began(event);
      case EVENT_GRANTED:
        assert.deepEqual(this.#listOf(this.#queues, event.name), [], "INV-6: granted although somebody waits");
        return this.#granted(event, this.#newClaim(event));
      case EVENT_ENQUEUED:
        this.#listOf(this.#queues, event.name).push(this.#newClaim(event));
        return;
      case EVENT_GRANTED_WAITER: {
        const head = this.#listOf(this.#queues, event.name).shift();
        assert.equal(head?.row, event.row, "INV-6: granted out of turn");
        return this.#granted(event, head);
      }
      case EVENT_TIMED_OUT:
      case EVENT_ABANDONED:
      case EVENT_CANCELLED:
        return this.#waitEnded(event, turn);
      case EVENT_RELEASED:
      case EVENT_EXPIRED:
      case EVENT_FORCED:
        return this.#ended(event, turn);
      case EVENT_RENEWED:
      case EVENT_REVOKED:
        return this.#changed(event, turn);
      default:
    }
  }

  #listOf(lists: Map<string, BookedClaim[]>, name: string): BookedClaim[] {
    const list = lists.get(name) ?? [];
    lists.set(name, list);
    return list;
  }

  #began(event: ReadEvent): void {
    const { extra } = event;
    const owner = this.#actors.find(({ caller }) => {
      const address = new TextEncoder().encode(caller.address);
      return (
        Buffer.from(caller.isSession ? [...caller.key, ...address] : address).equals(extra) &&
        caller.principal === event.name
      );
    });
    assert.ok(owner, "a client begins that nobody is");
    this.#owners.set(event.row, owner);
  }

  #newClaim(event: ReadEvent): BookedClaim {
    const owner = this.#owners.get(event.client);
    assert.ok(owner, "a claim of a client that never began");
    const { row, deadline, ttlMs, permits } = event;
    const isBound = (event.flags & CLAIM_BOUND) !== 0;
    return {
      row,
      owner,
      mode: event.flags & CLAIM_MODE_MASK,
      permits,
      isBound,
      ttlMs,
      isRevoked: false,
      token: 0,
      deadline,
    };
  }

  #granted(event: ReadEvent, claim: BookedClaim): void {
    const holders = this.#listOf(this.#holders, event.name);
    for (const other of holders) {
      const isShared = claim.mode === 1 && other.mode === 1;
      assert.ok(isShared || (claim.mode === 2 && other.mode === 2), `INV-1: ${event.name} at LSN ${event.lsn}`);
      if (!isShared)
        assert.ok(other.permits === claim.permits && holders.length < claim.permits, "INV-1: too many permits");
    }
    assert.ok(event.lsn > (this.#lastToken.get(event.name) ?? 0), `INV-2: ${event.name} at LSN ${event.lsn}`);
    this.#lastToken.set(event.name, event.lsn);
    holders.push({ ...claim, token: event.lsn, deadline: event.deadline });
  }

  #waitEnded(event: ReadEvent, turn: RandomTurn): void {
    const queue = this.#listOf(this.#queues, event.name);
    const at = queue.findIndex(({ row }) => row === event.row);
    const [wait] = queue.splice(at, 1);
    assert.ok(at >= 0 && wait !== undefined, "a wait ends that is none");
    const { owner } = wait;
    if (event.kind === EVENT_TIMED_OUT) assert.ok(wait.deadline <= turn.nowMs, "INV-8: timed out too early");
    else if (event.kind === EVENT_ABANDONED) this.#wasSilent(owner, Math.min(10_000, owner.caller.ttlMs), turn);
    else assert.ok(turn.closed === owner || this.#didAsk(turn, "cancel", owner), "INV-8: cancelled by nobody");
  }

  /** Until this turn: one of its requests may come behind the end of its wait in the same turn. */
  #wasSilent(owner: Actor, forMs: number, turn: RandomTurn): void {
    assert.ok((this.#heardAt.get(owner) ?? 0) + forMs <= turn.nowMs, `INV-8: ${owner.caller.name} was heard`);
  }
  #didAsk(turn: RandomTurn, op: string, owner: Actor): boolean {
    return turn.requests.some((request) => request.op === op && request.client === owner.client);
  }

  #held(event: ReadEvent): BookedClaim {
    const claim = this.#listOf(this.#holders, event.name).find(({ token }) => token === event.token);
    assert.ok(claim, `an event of token ${event.token}, which does not hold ${event.name}`);
    return claim;
  }

  #ended(event: ReadEvent, turn: RandomTurn): void {
    const claim = this.#held(event);
    const { owner } = claim;
    this.#holders.set(
      event.name,
      this.#listOf(this.#holders, event.name).filter((other) => other !== claim),
    );
    if (event.kind === EVENT_RELEASED)
      assert.ok(turn.closed === owner || this.#mayTouch(turn, "release", claim), "INV-8: released by a stranger");
    else if (event.kind === EVENT_FORCED) assert.ok(isOrdered(turn, "force-release", claim), "INV-8: forced by nobody");
    else if ((event.flags & CAUSE_SESSION) !== 0) {
      assert.ok(claim.isBound && !claim.isRevoked, "INV-8: a claim with a deadline of its own ended with its session");
      assert.ok(!isHeard(owner, turn), "INV-8: a session ended in the turn that heard it");
      this.#wasSilent(owner, owner.caller.ttlMs, turn);
    } else assert.ok(claim.deadline !== 0 && claim.deadline <= turn.nowMs, "INV-8: expired before its deadline");
  }

  #changed(event: ReadEvent, turn: RandomTurn): void {
    const claim = this.#held(event);
    if (event.kind === EVENT_REVOKED) {
      assert.ok(isOrdered(turn, "revoke", claim), "INV-8: revoked by nobody");
      assert.ok(
        claim.isBound ? event.deadline > turn.nowMs : event.deadline === claim.deadline,
        "INV-8: a revocation moved a deadline",
      );
      claim.isRevoked = true;
    } else {
      assert.ok(this.#mayTouch(turn, "renew", claim) && !claim.isRevoked, "INV-8: renewed by a stranger");
      assert.ok(event.deadline >= claim.deadline, "INV-8: a renewal shortened a lease");
    }
    claim.deadline = event.deadline;
  }

  /** Its own session under its token, or for a claim without a session whoever is of its principal. */
  #mayTouch(turn: RandomTurn, op: string, { token, owner }: BookedClaim): boolean {
    return turn.requests.some((request) => {
      const isPrincipals = !owner.caller.isSession && request.client.principal === owner.caller.principal;
      return request.op === op && request.token === token && (request.client === owner.client || isPrincipals);
    });
  }
}

function isHeard(actor: Actor, turn: RandomTurn): boolean {
  return (
    turn.requests.some(({ client }) => client === actor.client) || turn.kept.includes(actor) || turn.opened === actor
  );
}

function isOrdered(turn: RandomTurn, op: string, { token }: BookedClaim): boolean {
  return turn.requests.some((request) => request.op === op && (request.token === 0 || request.token === token));
}
