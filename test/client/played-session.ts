/**
 * A session whose server is the test: time moves when the test says so, frames are what the core wrote, and answers are
 * what the test plays to it.
 */
import assert from "node:assert/strict";
import { Session } from "../../src/client/session.js";
import type { AcquireCall, Outcome } from "../../src/client/session-words.js";
import type { Message } from "../../src/protocol/client-codec.js";
import type { ServerMessage, SessionOpened } from "../../src/protocol/server-messages.js";
import { KIND_ACQUIRE, KIND_GROUP, KIND_KEEPALIVE, KIND_OPEN } from "../../src/words/kinds.js";

export const TTL_MS = 30_000;
export const ANSWER_WITHIN_MS = 10_000;
/** Belief of a whole TTL: less twice the drift. */
export const BELIEF_MS: number = TTL_MS * 0.999;

/** One session with two shards on worker 0 and one on worker 1, and what it has said. */
export class PlayedSession {
  readonly session: Session;
  nowMs = 1000;
  path = 100;
  /** Requests sent and not looked at, without their groups. */
  sent: Message[] = [];
  groups: Message[] = [];
  outcomes: Map<number, Outcome> = new Map();
  lost: Map<number, string> = new Map();

  constructor() {
    this.session = new Session({
      key: new Uint8Array(16),
      ttlMs: TTL_MS,
      answerWithinMs: ANSWER_WITHIN_MS,
      clockSpreadMs: 0,
    });
    this.session.setMap({ version: 1, owners: [0, 0, 1] }, this.nowMs);
    this.session.setLimits({ requestsPerFrame: 100, waitingGraceMs: 10_000 });
  }

  /** Writes what can be sent, and gathers what has ended. */
  turn(): void {
    this.session.flush(this.nowMs);
    const outputs = this.session.takeOutputs();
    for (const { call, outcome } of outputs.settled) this.outcomes.set(call, outcome);
    for (const { claim, why } of outputs.lost) this.lost.set(claim, why);
    for (const { messages } of outputs.frames) {
      for (const message of messages) (message[0] === KIND_GROUP ? this.groups : this.sent).push(message);
    }
  }

  /** Lets time pass, looking at the schedule as often as the core asks for. */
  pass(ms: number): void {
    const untilMs = this.nowMs + ms;
    while (this.nowMs < untilMs) {
      this.nowMs = Math.min(untilMs, this.nowMs + this.session.tickEveryMs());
      this.session.tick(this.nowMs);
      this.turn();
    }
  }

  acquire(asked: Partial<AcquireCall> = {}): number {
    const call = this.session.acquire(
      {
        resource: "order:1",
        shard: 0,
        ttlMs: 0,
        waitMs: 0,
        mode: 0,
        permits: 0,
        lockDelayMs: 0,
        metadata: "",
        autoRenew: true,
        ...asked,
      },
      this.nowMs,
    );
    this.turn();
    return call;
  }

  /** Takes the first message of that kind that was sent. */
  take(kind: number): Message {
    const at = this.sent.findIndex((message) => message[0] === kind);
    const [message] = at < 0 ? [] : this.sent.splice(at, 1);
    assert.ok(message !== undefined, `no message of kind ${kind} among ${JSON.stringify(this.sent)}`);
    return message;
  }

  /** Takes the first message of that kind, and its id. */
  takeId(kind: number): number {
    const id = this.take(kind)[1];
    assert.ok(typeof id === "number");
    return id;
  }

  hasSent(kind: number): boolean {
    return this.sent.some((message) => message[0] === kind);
  }

  /** Plays messages on the open path. */
  hear(...messages: readonly ServerMessage[]): void {
    this.session.receive([{ kind: "group", path: this.path }, ...messages], this.nowMs);
    this.turn();
  }

  /** Plays messages without a session. */
  hearPlain(...messages: readonly ServerMessage[]): void {
    this.session.receive(messages, this.nowMs);
    this.turn();
  }

  /** Connects worker 0, and answers its OPEN; `known` tells of the session in shards 0 and 1. */
  open(known: readonly [Partial<SessionOpened>?, Partial<SessionOpened>?] = []): void {
    this.session.connected(0);
    this.turn();
    const id = this.takeId(KIND_OPEN);
    this.path += 1;
    this.hearPlain({ kind: "opened", id, paths: [this.path] }, this.openShard(id, 0, known[0]));
    this.hearPlain(this.openShard(id, 1, known[1]));
  }

  openShard(id: number, shard: number, known: Partial<SessionOpened> | undefined): ServerMessage {
    const nothing = { path: this.path, ttlMs: TTL_MS, mark: 0, heardCount: 0, ageMs: 0, claims: [], outcomes: [] };
    const sessions = known === undefined ? [] : [{ ...nothing, ...known }];
    return { kind: "open-shard", id, shard, lsn: 1000, sessions };
  }

  lose(): void {
    this.session.disconnected(0, this.nowMs);
    this.sent = [];
    this.turn();
  }

  /** Answers the keep-alive that was sent: shard 0 has the session. */
  keep(told: { readonly lsn?: number; readonly mark?: number } = {}): void {
    const message = this.take(KIND_KEEPALIVE);
    const [, id, count] = message;
    assert.ok(typeof id === "number" && typeof count === "number");
    const marks = [{ path: this.path, mark: told.mark ?? 0 }];
    this.hearPlain({ kind: "kept", id, count, shard: 0, lsn: told.lsn ?? 1000, marks }, { kind: "done", id, count: 1 });
  }

  /** The seen ranges of the last group: seenThrough, from, to, … */
  seen(): Message {
    return this.groups.at(-1)?.slice(3) ?? [];
  }
}

/** A GRANTED at once. */
export function granted(id: number, token: number, ttlMs = 0): ServerMessage {
  return { kind: "granted", id, token, ttlMs, waited: false, leftMs: undefined, heardCount: 0, ageMs: 0 };
}

/** A session that holds order:1 with token 7, granted at once, bound to the session. */
export function holding(): { readonly played: PlayedSession; readonly call: number } {
  const played = new PlayedSession();
  const call = played.acquire();
  played.open();
  played.hear(granted(played.takeId(KIND_ACQUIRE), 7));
  assert.deepEqual(played.outcomes.get(call), { kind: "granted", claim: call, token: 7 });
  return { played, call };
}
