/**
 * The digest of a world, 64 bits, the same for two worlds that differ only by names: of replicas, nonces, links, rounds,
 * streams and moments. Only what a later step can tell apart goes in: of a moment whether it is now, past or to come, as
 * the clock only ever jumps past every deadline; of rounds and streams their order. README.md says why each is enough.
 */
import type { Entry, Position } from "../../src/replication/entry.js";
import type { Frame } from "../../src/replication/link.js";
import type { Message } from "../../src/replication/messages.js";
import type { Peer, ReplicaState } from "../../src/replication/state.js";
import type { Configuration } from "../../src/words/configuration.js";
import { hashOfChain } from "./contents.js";
import { Lanes } from "./lanes.js";
import { ordersOf } from "./order.js";
import { Ranks } from "./ranks.js";
import { type Asked, channelAt, NAMES, type Node, nodeAt, type World } from "./world.js";

const COUNT = NAMES.length;
export interface WorldDigest {
  readonly high: number;
  readonly low: number;
}

/** The smallest digest of all orders of replicas that their look leaves open. */
export function digestOf(world: World, replicas: number): WorldDigest {
  let best: WorldDigest | null = null;
  for (const order of ordersOf(world, replicas)) {
    const walk = new Walk(world, order);
    const { high, low } = walk.all();
    if (best === null || high < best.high || (high === best.high && low < best.low)) best = { high, low };
  }
  if (best === null) throw new Error("a world without replicas");
  return best;
}

class Walk {
  readonly #world: World;
  /** Replicas in their new order; where each old one stands. */
  readonly #order: readonly number[];
  readonly #place: readonly number[];
  readonly #ranks: Ranks;
  #lanes: Lanes = new Lanes();
  readonly #nonces: string[] = [];
  #nowMs = 0;

  constructor(world: World, order: readonly number[]) {
    this.#world = world;
    this.#order = order;
    this.#place = NAMES.map((_, index) => order.indexOf(index));
    this.#ranks = new Ranks(world);
  }

  all(): WorldDigest {
    const { configuration, clients, budget, books, asked } = this.#world;
    this.#configuration(configuration);
    for (const index of this.#order) this.#node(index, nodeAt(this.#world, index));
    for (const from of this.#order) for (const to of this.#order) this.#channel(from, to);
    const lanes = this.#lanes;
    for (const { isWaiting, token, hasAsked } of clients)
      lanes.add(token * 4 + (isWaiting ? 2 : 0) + (hasAsked ? 1 : 0));
    for (const left of Object.values<number>({ ...budget })) lanes.add(left);
    lanes.add(books.committed.length);
    for (const position of books.committed) this.#position(position);
    let made = 0;
    for (const position of books.made) made = (made + Math.imul(hashOfChain(position), 0x27d4eb2f)) | 0;
    lanes.add(made);
    let served = 0;
    for (const { epoch, by } of books.served) served += Math.imul(epoch * 4 + this.#at(by), 0x9e3779b1);
    lanes.add(served | 0);
    lanes.add(books.token);
    lanes.add(books.ended);
    this.#asked(asked);
    return { high: lanes.high, low: lanes.low };
  }

  /** In any order: only which are there counts. */
  #asked(asked: readonly Asked[]): void {
    let high = 0;
    let low = 0;
    const lanes = this.#lanes;
    for (const one of asked) {
      this.#lanes = new Lanes();
      this.#oneAsked(one);
      high = (high + this.#lanes.high) | 0;
      low = (low + this.#lanes.low) | 0;
    }
    this.#lanes = lanes;
    lanes.add(high);
    lanes.add(low);
  }

  #oneAsked({ by, life, request, isForsaken, answer }: Asked): void {
    const lanes = this.#lanes;
    lanes.add(this.#at(by));
    lanes.flag(life === nodeAt(this.#world, by).life);
    lanes.flag(isForsaken);
    lanes.word(request.kind);
    if (request.kind === "read") lanes.add(request.knownEpoch);
    else {
      this.#configuration(request.expected);
      this.#configuration(request.next);
    }
    if (answer?.kind === "read") this.#configuration(answer.configuration);
  }

  #at(index: number): number {
    return this.#place[index] ?? COUNT;
  }
  #name(name: string): void {
    this.#lanes.add(name === "" ? COUNT + 1 : this.#at(NAMES.indexOf(name)));
  }
  #names(names: readonly string[]): void {
    let mask = 0;
    for (const name of names) mask |= 1 << this.#at(NAMES.indexOf(name));
    this.#lanes.add(mask);
  }
  #moment(ms: number): void {
    this.#lanes.add(ms < 0 ? 7 : Math.sign(ms - this.#nowMs) + 1);
  }
  #position(position: Position): void {
    this.#lanes.add(hashOfChain(position));
  }
  #entry({ position, committed }: Entry): void {
    this.#position(position);
    this.#lanes.add(committed);
  }
  #configuration(configuration: Configuration | null): void {
    const lanes = this.#lanes;
    if (configuration === null) {
      lanes.add(0);
      return;
    }
    const { epoch, era, primary, inSync, nonce } = configuration;
    let number = this.#nonces.indexOf(nonce);
    if (number < 0) number = this.#nonces.push(nonce) - 1;
    lanes.add(epoch * 64 + number * 4 + era);
    this.#name(primary);
    this.#names(inSync);
  }

  #node(index: number, { state, disk, links, marks, replies, isDue, isSpoilt }: Node): void {
    const lanes = this.#lanes;
    lanes.add((state === null ? 11 : 13) + (isSpoilt ? 32 : 0));
    this.#configuration(disk.remembered);
    lanes.add(disk.committed);
    this.#position(disk.base);
    lanes.add(disk.entries.length);
    for (const entry of disk.entries) this.#entry(entry);
    if (state === null) return;
    lanes.flag(isDue);
    lanes.add(disk.waiting.length);
    for (const order of disk.waiting) {
      lanes.word(order.kind);
      if (order.kind === "append") this.#entry(order.entry);
      else if (order.kind === "cut" || order.kind === "store-pages")
        this.#position(order.kind === "cut" ? order.to : order.position);
      else if (order.kind === "remember") this.#configuration(order.remembered.configuration);
      else if (order.kind === "remember-committed") lanes.add(order.committed);
    }
    lanes.add(marks.length);
    for (const mark of marks) {
      lanes.add(this.#ranks.round(index, mark.round));
      lanes.add(mark.order - state.storedOrder);
    }
    this.#state(index, state);
    lanes.add(replies.length);
    for (const reply of replies) {
      lanes.word(reply.kind);
      lanes.add(reply.client * 512 + reply.epoch * 32 + reply.served);
      lanes.add(reply.token);
      lanes.add(reply.answered);
      lanes.add(this.#ranks.round(index, reply.round));
      this.#position(reply.head);
      for (const peer of this.#peers(state)) lanes.flag(peer.round >= reply.round);
    }
    for (const other of this.#order) this.#link(index, other, links[other] ?? null);
  }

  #link(index: number, other: number, link: Node["links"][number]): void {
    const lanes = this.#lanes;
    if (link === null) {
      lanes.add(0);
      return;
    }
    lanes.add(this.#ranks.round(index, link.acknowledged));
    lanes.add(link.storedRound === link.toldRound ? 0 : this.#ranks.round(other, link.storedRound));
    lanes.add(link.waiting.length);
    for (const { round, mark } of link.waiting) {
      lanes.add(this.#ranks.round(other, round));
      lanes.add(this.#ranks.round(index, mark));
    }
  }

  #state(index: number, state: ReplicaState): void {
    const lanes = this.#lanes;
    this.#nowMs = state.nowMs;
    lanes.word(state.role);
    this.#configuration(state.configuration);
    const order = state.storedOrder;
    lanes.add(Math.max(0, state.rememberedOrder - order));
    lanes.add(state.order - order);
    for (const one of state.unsynced) {
      lanes.add(one.order - order);
      lanes.add(one.before);
      this.#moment(one.sinceMs);
    }
    for (const held of state.held) {
      lanes.add(held.order - order);
      this.#message(held.message, index, NAMES.indexOf(held.message.to));
    }
    this.#position(state.base);
    lanes.add(state.tail.length);
    for (const entry of state.tail) this.#entry(entry);
    lanes.add(state.committed);
    lanes.flag(state.committed === state.rememberedCommitted);
    lanes.add(state.applied);
    this.#names(state.connected);
    this.#office(state);
    for (const peer of this.#peers(state)) this.#peer(index, peer, state);
    this.#lanes.add(
      state.stream === 0
        ? 0
        : this.#ranks.stream(NAMES.indexOf(state.configuration?.primary ?? ""), index, state.stream),
    );
  }

  #office(state: ReplicaState): void {
    const lanes = this.#lanes;
    const flags = [
      state.isServing,
      state.isSpreading,
      state.hasBegun,
      state.isPrimaryGone,
      state.isHandedOver,
      state.isControlPlaneOlder,
      state.hasEnded,
      state.nonce === "",
    ];
    lanes.add(flags.reduce((mask, flag, at) => mask | (flag ? 1 << at : 0), 0));
    this.#name(state.fetchingFrom);
    const isFeeding = state.role === "primary" || state.role === "taking-over";
    if (isFeeding) {
      this.#moment(state.resignedUntilMs);
      this.#moment(state.lastCommitMs);
      this.#moment(state.lastHeardByMs);
    } else {
      this.#moment(state.heardMs);
      this.#moment(state.officeNotBeforeMs);
      this.#moment(state.promoteAtMs);
      const { sinceMs, lastAskMs, confirmedMs } = state.candidacy;
      this.#moment(sinceMs);
      lanes.flag(lastAskMs >= 0);
      lanes.flag(confirmedMs >= sinceMs);
    }
    if (state.pending === null) return;
    this.#configuration(state.pending.expected);
    this.#configuration(state.pending.next);
    this.#moment(state.pending.askedMs);
  }

  #peers(state: ReplicaState): readonly Peer[] {
    const peers: Peer[] = [];
    for (const index of this.#order) {
      const peer = state.peers.find(({ name }) => name === NAMES[index]);
      if (peer !== undefined) peers.push(peer);
    }
    return peers;
  }

  #peer(index: number, peer: Peer, state: ReplicaState): void {
    const lanes = this.#lanes;
    const other = NAMES.indexOf(peer.name);
    lanes.word(peer.feeding);
    this.#moment(peer.hereMs);
    lanes.flag(peer.hereMs >= state.candidacy.sinceMs);
    if (state.role !== "primary" && state.role !== "taking-over") return;
    lanes.add(this.#ranks.stream(index, other, peer.stream));
    if (peer.where === null) lanes.add(17);
    else {
      lanes.add(peer.where.committed);
      for (const position of peer.where.positions) this.#position(position);
    }
    this.#position(peer.sent);
    lanes.flag(peer.round > 0);
    lanes.add(peer.stored);
    lanes.add(peer.storedEver);
    lanes.add(this.#ranks.round(index, peer.beginRound));
    for (const flown of peer.inFlight) {
      lanes.add(this.#ranks.round(index, flown.round));
      lanes.add(flown.lsn);
      this.#moment(flown.sentMs);
    }
    this.#moment(peer.lastSentMs);
    this.#moment(peer.owedSinceMs);
    this.#moment(peer.countedSinceMs);
    lanes.add(peer.countedFrom);
    lanes.add((peer.isBroken ? 1 : 0) + (peer.mustRebuild ? 2 : 0) + peer.pages * 4);
  }

  #channel(from: number, to: number): void {
    const frames = from === to ? [] : channelAt(this.#world, from, to);
    this.#lanes.add(frames.length);
    if (frames.length === 0) return;
    const link = nodeAt(this.#world, to).links[from];
    let acknowledged = link?.acknowledged ?? 0;
    for (const frame of frames) {
      this.#frame(frame, from, to, frame.acknowledged > acknowledged);
      this.#lanes.flag(frame.round <= (link?.receivedRound ?? 0));
      acknowledged = Math.max(acknowledged, frame.acknowledged);
    }
  }

  #frame(
    { round, isAcknowledgementWanted, acknowledged, messages }: Frame,
    from: number,
    to: number,
    isNews: boolean,
  ): void {
    const lanes = this.#lanes;
    lanes.add(isAcknowledgementWanted ? this.#ranks.round(from, round) : -1);
    lanes.add(isNews ? this.#ranks.round(to, acknowledged) : 0);
    lanes.add(messages.length);
    for (const message of messages) this.#message(message, from, to);
  }

  #message(message: Message, from: number, to: number): void {
    const lanes = this.#lanes;
    lanes.word(message.kind);
    lanes.add(message.epoch);
    switch (message.kind) {
      case "office":
        this.#configuration(message.configuration);
        lanes.add(this.#ranks.stream(from, to, message.stream));
        return;
      case "begin":
      case "entries":
      case "fetch":
      case "pages":
        lanes.add(this.#ranks.stream(from, to, message.stream));
        if (message.kind !== "entries") {
          this.#position(message.kind === "pages" ? message.position : message.after);
          return;
        }
        lanes.add(message.committed);
        for (const entry of message.entries) this.#entry(entry);
        return;
      case "where":
      case "refuse":
      case "tail":
        lanes.add(this.#ranks.stream(to, from, message.stream));
        this.#answer(message);
        return;
      case "tell":
        this.#configuration(message.configuration);
        return;
      case "here":
        lanes.flag(message.isControlPlaneOlder);
        return;
      case "lost-data":
        lanes.add(message.committed);
        return;
      case "ask":
      case "hand-over":
      case "leave":
      case "digest":
        return;
      default:
        throw new Error(`no such message: ${JSON.stringify(message satisfies never)}`);
    }
  }

  #answer(message: Extract<Message, { kind: "where" | "refuse" | "tail" }>): void {
    const lanes = this.#lanes;
    if (message.kind === "where") {
      lanes.add(message.committed);
      for (const position of message.positions) this.#position(position);
    } else if (message.kind === "tail") {
      this.#position(message.after);
      for (const entry of message.entries) this.#entry(entry);
    } else {
      lanes.word(message.reason);
      this.#configuration(message.configuration);
    }
  }
}
