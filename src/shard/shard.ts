/**
 * The actor of one shard: requests and the time go in, events and replies come out, and a reply leaves when what it
 * rests on is committed. It reads no clock, no file and no socket. Hot path: `make micro`.
 */
import { assert } from "../words/assert.js";
import { EVENT_ERA_BEGAN, EVENT_TIME } from "../words/event-kinds.js";
import {
  beforeEra,
  type Epoch,
  type Lsn,
  lsn,
  LSN_NONE,
  type ShardIndex,
  type ShardMs,
  shardMs,
} from "../words/ids.js";
import {
  KIND_ACQUIRE,
  KIND_ASK_POSITION,
  KIND_CANCEL,
  KIND_CHECK,
  KIND_FORCE_RELEASE,
  KIND_LIST,
  KIND_RELEASE,
  KIND_RENEW,
  KIND_REVOKE,
} from "../words/kinds.js";
import { acquire } from "../engine/acquire.js";
import { cancel } from "../engine/cancel.js";
import { Engine, type Surroundings } from "../engine/engine.js";
import { expire } from "../engine/expire.js";
import { list } from "../engine/list.js";
import { check, position } from "../engine/observe.js";
import { release } from "../engine/release.js";
import { renew } from "../engine/renew.js";
import { forceRelease, revoke } from "../engine/revoke.js";
import { State, type StateOptions } from "../engine/state.js";
import type { EntryHead } from "../tables/events.js";
import { Replies } from "../tables/replies.js";
import { control, type Control, type Ending, goOnEnding, type OpenedPath } from "./control.js";

/** A shard that has a deadline logs the time when it has logged nothing for so long. */
const TIME_EVENT_AFTER_MS = 1_000;

/** A difference of two times and their sum again may be so much less. */
const ROUNDING_MS = 1e-6;

const NEW_PRIMARY = "this shard has a new primary since the path was opened; open it anew";
const SESSION_ENDED = "the session has ended in this shard since the path was opened, by silence; open the path anew";

/** The last entry of a shard's chain: what the next one continues. */
export interface ChainEnd {
  lsn: Lsn;
  epoch: Epoch;
  checksum: number;
  stamp: ShardMs;
}

/** What a turn gives each shard beside the requests. */
export interface Turn {
  /** Milliseconds of the worker's clock, which leaves out what a turn may not catch up. */
  readonly clockMs: number;
  readonly wallMs: number;
  readonly controls: readonly Control[];
  readonly expiryBudget: number;
}

export class Shard {
  readonly index: ShardIndex;
  readonly state: State;
  readonly engine: Engine;
  readonly replies: Replies = new Replies(64);
  readonly chain: ChainEnd;
  #epoch: Epoch;
  readonly #head: EntryHead;
  /** The largest LSN of this shard that is committed. */
  committed: Lsn = LSN_NONE;
  /** Shard time when the worker's clock was 0. */
  #offset = 0;
  #lastEventMs = 0;
  #endings: Ending[] = [];
  /** The number of the first path that was opened in this office; 0: all were. */
  #openedFrom = 0;
  /** Openings of paths that came before this office, and are answered in it. */
  #owed: readonly Control[] = [];
  /** 0: none. */
  #eraToBegin = 0;

  constructor(index: ShardIndex, epoch: Epoch, options: StateOptions, surroundings: Surroundings) {
    this.index = index;
    this.#epoch = epoch;
    this.state = new State(options);
    this.engine = new Engine(index, this.state, this.replies, surroundings);
    const none = shardMs(0);
    this.chain = { lsn: LSN_NONE, epoch, checksum: 0, stamp: none };
    this.#head = {
      shard: index,
      epoch,
      firstLsn: lsn(1),
      stamp: none,
      wallMs: 0,
      previousLsn: LSN_NONE,
      previousEpoch: epoch,
      previousChecksum: 0,
      committed: LSN_NONE,
    };
  }

  get epoch(): Epoch {
    return this.#epoch;
  }

  /**
   * Goes on from the largest stamp stored, at this time of the worker's clock (R-1), with every session heard (R-19).
   * @param paths `later-paths`: of sessions' paths only those count that are opened from now on (R-18)
   */
  takeOffice(stamp: ShardMs, clockMs: number, paths: "all-paths" | "later-paths" = "all-paths"): void {
    this.#openedFrom = paths === "all-paths" ? 0 : Number.POSITIVE_INFINITY;
    this.#offset = stamp - clockMs;
    this.state.now = stamp;
    this.state.inStep = true;
    this.committed = this.state.head;
    this.#lastEventMs = clockMs;
  }

  /** The next step begins an era: LSNs, and so tokens, are larger than any that was lost with another copy. */
  beginEra(era: number): void {
    assert(beforeEra(era) > this.state.head, "R-4: an era begins beyond every LSN of the one before");
    this.#eraToBegin = era;
  }

  /** Entries bear this epoch from now on. */
  goOn(epoch: Epoch): void {
    this.#epoch = epoch;
  }

  /** Shard time goes on in a turn without a step, so that standing still later loses no more than its own time. */
  goOnInTime(clockMs: number): void {
    this.state.now = shardMs(Math.max(this.state.now, this.#offset + clockMs));
  }

  /** Shard time stands until the next step: what the clock has gone on is lost. */
  standStill(clockMs: number): void {
    this.#offset = this.state.now - clockMs;
  }

  /** Openings of paths that nobody has answered; the next step does. */
  owe(openings: readonly Control[]): void {
    this.#owed = openings;
  }

  /** Claims that stand in queues. */
  get waiting(): number {
    return this.state.waiting;
  }

  /** Whether a step would do something: somebody asks, or something may be due. */
  isDue(clockMs: number): boolean {
    const now = this.#offset + clockMs;
    const { claims, clients } = this.state;
    if (claims.wheel.nextDueBound() <= now || clients.wheel.nextDueBound() <= now) return true;
    if (this.#endings.length > 0 || this.#owed.length > 0 || this.#eraToBegin > 0) return true;
    return (
      !this.engine.unsettled.isEmpty || (claims.wheel.size > 0 && clockMs - this.#lastEventMs >= TIME_EVENT_AFTER_MS)
    );
  }

  /** The worker's time at which this shard wants a step, Infinity if it does not. */
  nextDue(): number {
    const { claims, clients } = this.state;
    const time = claims.wheel.size > 0 ? this.#lastEventMs + TIME_EVENT_AFTER_MS : Number.POSITIVE_INFINITY;
    return Math.min(claims.wheel.nextDueBound() - this.#offset, clients.wheel.nextDueBound() - this.#offset, time);
  }

  /** Executes the turn's requests, and only then expires. Answers whether something due is left. */
  step(turn: Turn): boolean {
    const { engine, state, replies } = this;
    const { inbox, events } = engine;
    const now = this.#offset + turn.clockMs;
    assert(now >= state.now - ROUNDING_MS, "R-1: shard time never goes back");
    state.now = shardMs(Math.max(now, state.now));
    const firstReply = replies.end;
    const era = this.#eraToBegin;
    if (era > 0) state.head = beforeEra(era);
    const firstLsn = state.next;
    events.beginEntry();
    if (era > 0) engine.happenedToRow(events.short(EVENT_ERA_BEGAN, 0, 0, 0));
    this.#eraToBegin = 0;
    for (let request = inbox.first(this.index); request !== 0; request = inbox.next(request)) {
      const path = inbox.path(request);
      if (this.#openedFrom !== 0 && this.#isOfOlderPath(path)) engine.refuse(request, "path-void", NEW_PRIMARY);
      else if (engine.hasOutlivedRecord(path)) engine.refuse(request, "path-void", SESSION_ENDED);
      else execute(engine, request);
    }
    if (this.#owed.length > 0) this.#control(this.#owed);
    this.#owed = [];
    this.#control(turn.controls);
    const isLeft = expire(engine, turn.expiryBudget) || this.#endings.length > 0;
    if (events.count > 0) this.#lastEventMs = turn.clockMs;
    else if (state.claims.wheel.size > 0 && turn.clockMs - this.#lastEventMs >= TIME_EVENT_AFTER_MS)
      this.#logTime(turn.clockMs);
    this.#endEntry(firstLsn, turn.wallMs);
    replies.stamp(firstReply, state.head);
    return isLeft;
  }

  /** Whether a session's path was opened before this office: nothing of it counts here. */
  #isOfOlderPath(path: number): boolean {
    const { paths } = this.engine;
    return paths.isSession(path) && paths.serial(path) < this.#openedFrom;
  }

  /** What concerns every shard; first what earlier turns have left of it. */
  #control(messages: readonly Control[]): void {
    const { engine } = this;
    if (this.#endings.length > 0) {
      this.#endings = this.#endings.filter((ending) => goOnEnding(engine, ending) !== undefined);
    }
    for (const message of messages) {
      if (message.kind === "open" && this.#openedFrom !== 0) this.#noteOpened(message.opened);
      const ending = control(engine, message, this.#openedFrom);
      if (ending !== undefined) this.#endings.push(ending);
    }
  }

  /** Paths' numbers grow, and from the first one on this shard is told of every path that is opened. */
  #noteOpened(opened: readonly OpenedPath[]): void {
    for (const { path } of opened) this.#openedFrom = Math.min(this.#openedFrom, this.engine.paths.serial(path));
  }

  #logTime(clockMs: number): void {
    this.#lastEventMs = clockMs;
    this.engine.happenedToRow(this.engine.events.short(EVENT_TIME, 0, 0, 0));
  }

  #endEntry(firstLsn: Lsn, wallMs: number): void {
    const { chain, state } = this;
    const head = this.#head;
    head.epoch = this.#epoch;
    head.firstLsn = firstLsn;
    head.stamp = state.now;
    head.wallMs = wallMs;
    head.previousLsn = chain.lsn;
    head.previousEpoch = chain.epoch;
    head.previousChecksum = chain.checksum;
    head.committed = this.committed;
    const checksum = this.engine.events.endEntry(head);
    if (checksum < 0) return;
    chain.lsn = state.head;
    chain.epoch = this.#epoch;
    chain.checksum = checksum;
    chain.stamp = state.now;
  }
}

function execute(engine: Engine, request: number): void {
  switch (engine.inbox.op(request)) {
    case KIND_ACQUIRE:
      return acquire(engine, request);
    case KIND_RELEASE:
      return release(engine, request);
    case KIND_RENEW:
      return renew(engine, request);
    case KIND_CHECK:
      return check(engine, request);
    case KIND_CANCEL:
      return cancel(engine, request);
    case KIND_ASK_POSITION:
      return position(engine, request);
    case KIND_REVOKE:
      return revoke(engine, request);
    case KIND_FORCE_RELEASE:
      return forceRelease(engine, request);
    case KIND_LIST:
      return list(engine, request);
    default:
      return engine.refuse(request, "unknown-request", "no such request in version 1 of the protocol");
  }
}
