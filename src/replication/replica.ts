/**
 * One replica of one shard: PacificA as a state machine (system.md §7). The entry of this room: inputs in, a batch of
 * outputs out, all state in one plain record. README.md has the picture, and how a worker drives it.
 */
import { assert, unreachable } from "../words/assert.js";
import type { Lsn, ShardIndex } from "../words/ids.js";
import { considerOffice, hearAsk, hearHere } from "./candidacy.js";
import { append, applyCommitted, endOf } from "./chain.js";
import { commit, mayAnswer } from "./commit.js";
import { hearConfiguration, readConfiguration, roleIn } from "./configuration.js";
import { type Core, isMember, isRemembered, knownEpoch, orderLog, peerOf, report } from "./core.js";
import { hearDigest, nameDigest, ownDigest } from "./digest.js";
import type { Entry } from "./entry.js";
import { followBegin, followEntries, followFetch, followOffice, followPages, refuse } from "./follow.js";
import { handOver, hearHandOver } from "./hand-over.js";
import { leaveOutSilent } from "./in-sync.js";
import type { Found, Input } from "./inputs.js";
import { followLearners } from "./learner.js";
import { hearLeave, leave, letLeave } from "./leave.js";
import { endPart, giveUpStore } from "./lost-data.js";
import type { Message } from "./messages.js";
import { noOutputs, type Outputs } from "./outputs.js";
import { meetPeers, stopFeeding } from "./peers.js";
import { place } from "./place.js";
import { considerEra, promote } from "./promote.js";
import type { ReplicationSettings } from "./settings.js";
import { beat, connectionRefused, mayAdvanceTime, resignOrReturn } from "./silence.js";
import { initialState, type Peer, type ReplicaState } from "./state.js";
import { acknowledged, greet, logRead, pagesRead, send } from "./stream.js";
import { goOnTakingOver, hearStamp, hearWhere, takeTail } from "./take-over.js";
import { askAgain, changeNotWritten, readControlPlane } from "./unknown.js";

/** What a replica is made of. */
export interface ReplicaParts {
  readonly shard: ShardIndex;
  /** (node, store). */
  readonly name: string;
  readonly settings: ReplicationSettings;
  readonly found: Found;
  /** The worker's clock at the start: the primary counts as heard then. */
  readonly nowMs: number;
}

/** A replica that goes on from a copy of another's state: for an explorer, which takes every way from each state. */
export interface ReplicaCopy {
  readonly state: ReplicaState;
  readonly settings: ReplicationSettings;
}

export class Replica {
  readonly #core: Core;

  /** One that starts with what is in its store; or goes on from a copy, of which it becomes the owner. */
  constructor(parts: ReplicaParts | ReplicaCopy) {
    const { settings } = parts;
    if ("state" in parts) {
      this.#core = { state: parts.state, settings, out: noOutputs() };
      return;
    }
    this.#core = { state: initialState(parts.shard, parts.name, parts.found), settings, out: noOutputs() };
    begin(this.#core, parts.found, parts.nowMs);
  }

  /** All that it knows. Not to be written by others; an explorer may copy it. */
  get state(): Readonly<ReplicaState> {
    return this.#core.state;
  }

  /** Tells it something. What follows from it is in the next `take`. */
  step(input: Input): void {
    step(this.#core, input);
  }

  /** Whether the next `take` has something: most turns of most replicas have nothing. */
  get wantsAnything(): boolean {
    const { log, messages, control, actor, reads, reports } = this.#core.out;
    const some = log.length + messages.length + control.length + actor.length;
    return some + reads.length + reports.length > 0;
  }

  /** What it wants done since the last time. */
  take(): Outputs {
    const { out } = this.#core;
    this.#core.out = noOutputs();
    return out;
  }

  /** Whether the actor decides: requests are executed. */
  get isServing(): boolean {
    return this.#core.state.role === "primary" && this.#core.state.isServing;
  }

  /** Whether an answer decided at this head of the log, in this round, may leave. */
  mayAnswer(head: Lsn, round: number): boolean {
    return mayAnswer(this.#core.state, head, round);
  }

  /** Whether shard time may go on. */
  mayAdvanceTime(): boolean {
    return mayAdvanceTime(this.#core);
  }

  /** So much is not committed, or not taken by slow replicas, that the actor should decide nothing more. */
  get isFull(): boolean {
    return this.#core.state.tailBytes >= this.#core.settings.tailBytesMax;
  }
}

function begin(core: Core, found: Found, nowMs: number): void {
  const { state } = core;
  state.nowMs = nowMs;
  state.heardMs = nowMs;
  state.officeNotBeforeMs = nowMs;
  const { configuration } = state;
  if (found.isDamaged) {
    report(core, { kind: "part-ended", why: "damaged" });
    endPart(core);
    return;
  }
  if (endOf(state).lsn < state.committed) {
    giveUpStore(core, state.committed);
    return;
  }
  if (configuration !== null) {
    meetPeers(state, configuration);
    state.role = roleIn(configuration, state.name);
  }
  applyCommitted(core);
  readControlPlane(core);
}

function step(core: Core, input: Input): void {
  const { state } = core;
  if (state.hasEnded && input.kind !== "message" && input.kind !== "turn") return;
  switch (input.kind) {
    case "turn":
      assert(
        input.round > state.round && input.nowMs >= state.nowMs,
        "R-8: rounds grow, and the clock never goes back",
      );
      state.round = input.round;
      state.nowMs = input.nowMs;
      return;
    case "tick":
      state.nonce = input.nonce;
      if (state.role === "primary") hearStamp(core, input.stamp);
      return tick(core);
    case "message":
      return hear(core, input.message);
    case "stored":
      return stored(core, input.order);
    case "produced":
      return produced(core, input.entry);
    case "read":
      return readConfiguration(core, input.configuration, input.knownEpoch);
    case "written":
      return hearConfiguration(core, input.configuration);
    case "not-written":
      return changeNotWritten(core);
    case "digest":
      return ownDigest(core, input.lsn, input.digest);
    case "hand-over":
      return handOver(core, input.to);
    case "leave":
      return leave(core);
    case "replicas":
      return place(core, input.replicas);
    case "promote":
      return promote(core, input.waitMs);
    case "store-failed":
      report(core, { kind: "part-ended", why: "store-failed" });
      return endPart(core);
    case "control-plane-is-older":
      state.isControlPlaneOlder = true;
      return;
    case "acknowledged":
    case "connected":
    case "disconnected":
    case "connection-refused":
    case "log-read":
    case "pages-read":
      return stepOfPeer(core, input);
    default:
      return unreachable(input);
  }
}

type InputOfPeer = Extract<
  Input,
  { kind: "acknowledged" | "connected" | "disconnected" | "connection-refused" | "log-read" | "pages-read" }
>;

function stepOfPeer(core: Core, input: InputOfPeer): void {
  const { state } = core;
  switch (input.kind) {
    case "connected":
      return connected(core, input.to);
    case "disconnected":
      return disconnected(core, input.from, input.how);
    case "connection-refused":
      return connectionRefused(core, input.by);
    case "acknowledged": {
      const peer = peerOf(state, input.from);
      if (peer === undefined || !isFeeding(state)) return;
      acknowledged(core, peer, input.round);
      return goOnTakingOver(core);
    }
    case "log-read": {
      const peer = streamOf(state, input.for, input.stream);
      return peer === undefined ? undefined : logRead(core, peer, input.entries);
    }
    case "pages-read": {
      const peer = streamOf(state, input.for, input.stream);
      return peer === undefined ? undefined : pagesRead(core, peer, input);
    }
    default:
      return unreachable(input);
  }
}

function isFeeding(state: ReplicaState): boolean {
  return state.role === "primary" || state.role === "taking-over";
}

/** The replica that this stream feeds; undefined for a stream that is over. */
function streamOf(state: ReplicaState, name: string, stream: number): Peer | undefined {
  const peer = isFeeding(state) ? peerOf(state, name) : undefined;
  return peer?.stream === stream ? peer : undefined;
}

function connected(core: Core, name: string): void {
  const { state } = core;
  if (!state.connected.includes(name)) state.connected.push(name);
  const peer = peerOf(state, name);
  if (peer === undefined) return;
  peer.isGone = false;
  peer.isLeaving = false;
  peer.refusedMs = -1;
  if (isFeeding(state)) greet(core, peer);
}

function disconnected(core: Core, name: string, how: "closed" | "timed-out"): void {
  const { state } = core;
  state.connected = state.connected.filter((other) => other !== name);
  const peer = peerOf(state, name);
  if (peer === undefined) return;
  peer.wasClosed = how === "closed";
  peer.isLeaving = false; // It has stopped; what comes next is another life of it.
  peer.refusedMs = -1;
  if (isFeeding(state)) greet(core, peer); // Which only forgets what was under way: nobody is there.
}

/** The actor in office has made an entry: it goes to the own log and to all others at the same time. */
function produced(core: Core, entry: Entry): void {
  const { state } = core;
  assert(state.role === "primary" && state.isServing, "R-8: only a primary in office makes entries");
  assert(
    entry.position.epoch === knownEpoch(state),
    "R-9: entries bear the epoch of the office that they were made in",
  );
  append(core, entry);
  for (const peer of state.peers) send(core, peer);
}

function stored(core: Core, order: number): void {
  const { state } = core;
  assert(order <= state.order, "R-7: only what was ordered can be stored");
  if (order <= state.storedOrder) return;
  state.storedOrder = order;
  state.unsynced = state.unsynced.filter((append) => append.order > order);
  const ready = state.held.filter((held) => held.order <= order);
  state.held = state.held.filter((held) => held.order > order);
  for (const { message } of ready) core.out.messages.push(message);
  commit(core);
  goOnTakingOver(core);
}

function tick(core: Core): void {
  const { state } = core;
  askAgain(core);
  switch (state.role) {
    case "primary":
      resignOrReturn(core);
      leaveOutSilent(core);
      letLeave(core);
      followLearners(core);
      nameDigest(core);
      beat(core);
      break;
    case "taking-over":
      leaveOutSilent(core);
      beat(core);
      goOnTakingOver(core);
      break;
    case "backup":
      considerOffice(core);
      break;
    case "learner":
      considerEra(core);
      break;
    case "none":
      break;
    default:
      unreachable(state.role);
  }
  rememberCommitted(core);
}

/** What is committed is told to the disk in no hurry: entries say it too, one turn later. */
function rememberCommitted(core: Core): void {
  const { state } = core;
  if (state.committed === state.rememberedCommitted) return;
  state.rememberedCommitted = state.committed;
  orderLog(core, { kind: "remember-committed", committed: state.committed });
}

/** A message of an epoch that is not this replica's is never acted on, only answered. */
function hear(core: Core, message: Message): void {
  const { state } = core;
  if (message.to !== state.name || message.shard !== state.shard) return;
  const { from, epoch } = message;
  if (state.hasEnded) return refuseEnded(core, message);
  if (message.kind === "office" || message.kind === "tell") hearConfiguration(core, message.configuration);
  if (message.kind === "refuse" && message.configuration !== null) hearConfiguration(core, message.configuration);
  const peer = peerOf(state, from);
  if (peer !== undefined && epoch === knownEpoch(state)) peer.wasHeard = true;
  switch (message.kind) {
    case "office":
      if (epoch < knownEpoch(state)) return refuse(core, from, message.stream, "smaller-epoch");
      return followOffice(core, from, message.stream);
    case "begin":
      return followBegin(core, message, message);
    case "entries":
      return followEntries(core, message, message);
    case "fetch":
      return followFetch(core, message, message);
    case "pages":
      return followPages(core, message, message);
    case "where":
    case "refuse":
    case "tail":
      return hearAnswer(core, message);
    case "ask":
      return hearAsk(core, message);
    case "here":
      return hearHere(core, message, message.isControlPlaneOlder);
    case "tell":
      return;
    case "hand-over":
      return hearHandOver(core, message);
    case "leave":
      return hearLeave(core, message);
    case "lost-data":
      if (epoch === knownEpoch(state) && endOf(state).lsn < message.committed) giveUpStore(core, message.committed);
      return;
    case "digest":
      return epoch === knownEpoch(state) ? hearDigest(core, from, message.lsn, message.digest) : undefined;
    default:
      return unreachable(message);
  }
}

/** A part that has ended takes nothing. */
function refuseEnded(core: Core, { kind, ...message }: Message): void {
  if ("stream" in message && kind !== "where" && kind !== "refuse" && kind !== "tail") {
    refuse(core, message.from, message.stream, "no-part");
  }
}

/** Answers to a stream that is over, or of another epoch, mean nothing. */
function hearAnswer(core: Core, message: Extract<Message, { kind: "where" | "refuse" | "tail" }>): void {
  const peer = streamOf(core.state, message.from, message.stream);
  if (peer === undefined) return;
  if (message.kind === "refuse") {
    stopFeeding(peer);
    if (peer.owedSinceMs < 0) peer.owedSinceMs = core.state.nowMs;
    if (message.reason === "gap") greet(core, peer);
    return;
  }
  if (message.epoch !== knownEpoch(core.state)) return;
  if (message.kind === "tail") return takeTail(core, peer, message.after, message.entries);
  // One outside the set may be a deposed primary, whose shard time went on alone.
  if (isMember(core.state.configuration, peer.name)) hearStamp(core, message.stamp);
  hearWhere(core, peer, { positions: message.positions, committed: message.committed });
  if (isRemembered(core.state)) goOnTakingOver(core);
}
