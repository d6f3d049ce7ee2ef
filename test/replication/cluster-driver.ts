/**
 * Replicas of one shard in memory, for tests: connections, disks, actors and a control plane, each of which moves only
 * when it is told to. `run` lets everything go its way without faults.
 */
import assert from "node:assert/strict";
import type { Configuration } from "../../src/words/configuration.js";
import { epoch, type Epoch, shardIndex, shardMs } from "../../src/words/ids.js";
import { type Entry, NOWHERE, type Position } from "../../src/replication/entry.js";
import type { Input } from "../../src/replication/inputs.js";
import { type Frame, Link } from "../../src/replication/link.js";
import type { Message, Said } from "../../src/replication/messages.js";
import type { ActorOrder, Outputs, ReadOrder, Report } from "../../src/replication/outputs.js";
import { Replica } from "../../src/replication/replica.js";
import { REPLICATION_DEFAULTS, type ReplicationSettings } from "../../src/replication/settings.js";
import { ControlRecord } from "./control-record.js";
import { Disk } from "./disk.js";
import { writeEntry } from "./entry-writer.js";

const SHARD = shardIndex(0);

/** What the actor knows: the chain that it has applied, told by its digest. */
interface Actor {
  applied: Position;
  digest: string;
  /** In office: what it has made, and for which epoch; null for a hot backup. */
  epoch: Epoch | null;
  era: number;
}

/** One replica with its worker, alone in its process. */
export interface Member {
  readonly name: string;
  readonly disk: Disk;
  replica: Replica | null;
  round: number;
  nowMs: number;
  links: Map<string, Link>;
  /** What the next turn is told. */
  inputs: Input[];
  marks: { round: number; order: number }[];
  actor: Actor;
  reports: Report[];
  /** The actor says this instead of its digest. */
  spoiltDigest: string | null;
}

/** Frames under way on one connection, by receiver. */
interface Connection {
  readonly id: string;
  readonly ends: readonly [string, string];
  readonly frames: Map<string, Frame[]>;
}

export class Cluster {
  readonly settings: ReplicationSettings;
  readonly control: ControlRecord;
  readonly members: Map<string, Member> = new Map();
  connections: Connection[] = [];
  /** Frames of connections that are gone: they may still arrive. */
  readonly late: { to: string; from: string; frame: Frame }[] = [];
  /** Called after every turn. */
  onTurn: (member: Member, outputs: Outputs) => void = () => undefined;
  /** Whether the control plane answers in `run`. */
  isControlUp = true;
  readonly #drop: (message: Message) => boolean;
  #count = 0;
  #mark = 0;

  constructor(
    configuration: Partial<Configuration> = {},
    settings: Partial<ReplicationSettings> = {},
    drop: (message: Message) => boolean = () => false,
  ) {
    const first = { shard: SHARD, epoch: epoch(1), era: 0, primary: "a", nonce: "first" };
    const all = ["a", "b", "c"];
    this.settings = { ...REPLICATION_DEFAULTS, ...settings };
    this.control = new ControlRecord({ ...first, inSync: all, replicas: all, ...configuration });
    this.#drop = drop;
    for (const name of this.control.configuration.replicas) this.addStore(name);
  }

  /** A store that nothing is in yet. */
  addStore(name: string): Member {
    const member: Member = {
      name,
      disk: new Disk(),
      replica: null,
      round: 0,
      nowMs: 0,
      links: new Map(),
      inputs: [],
      marks: [],
      actor: { applied: NOWHERE, digest: "", epoch: null, era: 0 },
      reports: [],
      spoiltDigest: null,
    };
    this.members.set(name, member);
    return member;
  }

  member(name: string): Member {
    const member = this.members.get(name);
    assert.ok(member !== undefined, `no store ${name}`);
    return member;
  }
  replica(name: string): Replica {
    const { replica } = this.member(name);
    assert.ok(replica !== null, `${name} is down`);
    return replica;
  }

  /** The one in office by the largest epoch. */
  get primary(): string | undefined {
    const serving = [...this.members.values()].filter(({ replica }) => replica?.isServing === true);
    serving.sort((one, other) => epochOf(other) - epochOf(one));
    return serving[0]?.name;
  }

  start(name: string): void {
    const member = this.member(name);
    assert.equal(member.replica, null);
    const found = member.disk.found();
    member.round = 0;
    member.inputs = [];
    member.marks = [];
    member.actor = { applied: found.base, digest: digestOf(found.base), epoch: null, era: 0 };
    const { settings } = this;
    member.replica = new Replica({ shard: SHARD, name, settings, found, nowMs: member.nowMs });
  }

  /** `kept`: so many of the orders that were not synced have reached the disk all the same. */
  crash(name: string, kept = 0): void {
    const member = this.member(name);
    member.replica = null;
    member.disk.crash(kept);
    for (const other of [...member.links.keys()]) this.disconnect(name, other);
    member.inputs = [];
  }

  connect(one: string, other: string): void {
    this.disconnect(one, other);
    if (this.member(one).replica === null || this.member(other).replica === null) return; // Nobody listens.
    const id = `link-${++this.#count}`;
    this.connections.push({ id, ends: [one, other], frames: new Map() });
    for (const [name, to] of [
      [one, other],
      [other, one],
    ] as const) {
      this.member(name).links.set(to, new Link(id));
      this.member(name).inputs.push({ kind: "connected", to });
    }
  }

  disconnect(one: string, other: string, how: "closed" | "timed-out" = "closed"): void {
    for (const connection of this.connections) {
      if (!connection.ends.includes(one) || !connection.ends.includes(other)) continue;
      for (const [to, frames] of connection.frames) {
        for (const frame of frames) this.late.push({ to, from: to === one ? other : one, frame });
      }
      this.connections = this.connections.filter((kept) => kept !== connection);
    }
    for (const [name, from] of [
      [one, other],
      [other, one],
    ] as const) {
      if (this.member(name).links.delete(from)) this.member(name).inputs.push({ kind: "disconnected", from, how });
    }
  }

  /** Starts and connects everybody who is not. */
  heal(): void {
    const names = [...this.members.keys()];
    for (const name of names) if (this.member(name).replica === null) this.start(name);
    for (const one of names) {
      for (const other of names) if (one < other && !this.member(one).links.has(other)) this.connect(one, other);
    }
  }

  /** Nobody hears of this one, and it hears nobody. */
  isolate(name: string): void {
    for (const other of this.members.keys()) if (other !== name) this.disconnect(name, other, "timed-out");
  }

  /** One turn: what has come, a tick, then what is made, and what is wanted is done. */
  turn(name: string, made = 0): void {
    const member = this.member(name);
    const { replica } = member;
    if (replica === null) return;
    const round = ++member.round;
    replica.step({ kind: "turn", round, nowMs: member.nowMs });
    const inputs = member.inputs;
    member.inputs = [];
    for (const input of inputs) replica.step(input);
    replica.step({ kind: "tick", nonce: `nonce-${name}-${++this.#count}`, stamp: shardMs(replica.state.stamp) });
    this.#act(member, replica.take());
    for (let count = 0; count < made && replica.isServing; count++) this.#make(member, replica);
    this.#act(member, replica.take());
    this.#sendFrames(member);
  }

  readonly #said: Map<string, Message[]> = new Map();

  #act(member: Member, outputs: Outputs): void {
    for (const order of outputs.log) member.disk.order(order);
    for (const order of outputs.actor) this.#actOnActor(member, order);
    for (const message of outputs.messages) {
      if (this.#drop(message)) continue;
      const said = this.#said.get(message.to) ?? [];
      said.push(message);
      this.#said.set(message.to, said);
    }
    for (const request of outputs.control) this.control.asked.push({ by: member.name, request });
    for (const read of outputs.reads) member.inputs.push(this.#read(member, read));
    member.reports.push(...outputs.reports);
    this.onTurn(member, outputs);
  }

  #sendFrames(member: Member): void {
    for (const [to, link] of member.links) {
      const frame = link.frame(member.round, this.#said.get(to) ?? [], false);
      if (frame === null) continue;
      const connection = this.connections.find(({ id }) => id === link.state.id);
      if (connection === undefined) continue;
      connection.frames.set(to, [...(connection.frames.get(to) ?? []), frame]);
    }
    this.#said.clear();
    const order = member.replica?.state.order ?? 0;
    member.marks.push({ round: member.round, order });
  }

  #make(member: Member, replica: Replica): void {
    const { actor } = member;
    assert.ok(actor.epoch !== null, "the actor of a primary is in office");
    const { committed, stamp } = replica.state;
    const entry = writeEntry({
      epoch: actor.epoch,
      era: actor.era,
      previous: actor.applied,
      committed,
      stamp: stamp + 1,
      mark: ++this.#mark,
    });
    apply(actor, entry);
    replica.step({ kind: "produced", entry });
  }

  #actOnActor(member: Member, order: ActorOrder): void {
    const { actor } = member;
    switch (order.kind) {
      case "apply":
        apply(actor, order.entry);
        return;
      case "take-office":
        assert.equal(actor.applied.lsn, order.after.lsn, "R-12: the actor has applied all that it goes on from");
        actor.epoch = order.epoch;
        actor.era = order.era;
        return;
      case "go-on":
        actor.epoch = order.epoch;
        return;
      case "leave-office": {
        const { base, tail } = this.replica(member.name).state;
        member.actor = { applied: base, digest: digestOf(base), epoch: null, era: 0 };
        for (const entry of tail) if (entry.position.lsn <= order.committed) apply(member.actor, entry);
        return;
      }
      case "forget":
        member.actor = { applied: NOWHERE, digest: digestOf(NOWHERE), epoch: null, era: 0 };
        return;
      case "load-pages":
        member.actor = { applied: order.position, digest: digestOf(order.position), epoch: null, era: 0 };
        return;
      case "digest":
        assert.equal(actor.applied.lsn, order.lsn, "R-20: the digest of this very LSN");
        member.inputs.push({ kind: "digest", lsn: order.lsn, digest: member.spoiltDigest ?? actor.digest });
        return;
      default:
        throw new Error(`no such order: ${JSON.stringify(order satisfies never)}`);
    }
  }

  #read({ name, disk }: Member, read: ReadOrder): Input {
    if (read.kind === "read-log") {
      return { kind: "log-read", for: read.for, stream: read.stream, entries: disk.read(read.after) };
    }
    const { base, committed, tail } = this.replica(name).state;
    const position = tail.findLast((entry) => entry.position.lsn <= committed)?.position ?? base;
    const pages = [new Uint8Array(64), new Uint8Array(64)];
    return { kind: "pages-read", for: read.for, stream: read.stream, position, pages, isLast: read.number > 0 };
  }

  /** Gives the oldest frame under way; answers whether there was one. */
  deliver(from: string, to: string): boolean {
    const connection = this.connections.find(({ ends }) => from !== to && ends.includes(from) && ends.includes(to));
    const [frame, ...rest] = connection?.frames.get(to) ?? [];
    if (connection === undefined || frame === undefined) return false;
    connection.frames.set(to, rest);
    this.arrive(from, to, frame);
    return true;
  }

  /** A frame arrives: messages first, then what is acknowledged (link.ts). */
  arrive(from: string, to: string, frame: Frame): void {
    const member = this.member(to);
    if (member.replica === null) return;
    const received = member.links.get(from)?.receive(frame, member.round + 1);
    if (received === null || received === undefined) return;
    for (const message of received.messages) member.inputs.push({ kind: "message", message });
    const { acknowledged: round } = received;
    if (round > 0) member.inputs.push({ kind: "acknowledged", from, round });
  }

  /** The disk does so many orders; the replica and its links are told. */
  sync(name: string, count: number = Number.POSITIVE_INFINITY): void {
    const member = this.member(name);
    if (member.replica === null) return;
    member.disk.sync(count);
    const { stored } = member.disk;
    if (stored > 0) member.inputs.push({ kind: "stored", order: stored });
    const durable = member.marks.filter(({ order }) => order <= stored).at(-1);
    if (durable === undefined) return;
    member.marks = member.marks.filter(({ round }) => round > durable.round);
    for (const link of member.links.values()) link.stored(durable.round);
  }

  /** The control plane does a request, the oldest unless told; `isAnswered`: and its answer arrives. */
  controlActs(isAnswered: boolean, at = 0): void {
    const [asked] = this.control.asked.splice(at, 1);
    if (asked === undefined) return;
    const answer = this.control.act(asked);
    if (isAnswered) this.member(asked.by).inputs.push(answer);
  }

  /** So much time passes for everybody, in steps, without faults; `made`: entries in each of the primary's turns. */
  run(ms: number, made = 0, stepMs = 50): void {
    for (let passed = 0; passed < ms; passed += stepMs) {
      for (const member of this.members.values()) member.nowMs += stepMs;
      this.exchange(made);
    }
  }

  /** Everybody has a turn, hears what was sent, and stores. */
  exchange(made = 0): void {
    for (const name of this.members.keys()) {
      this.turn(name, made);
      this.sync(name);
    }
    while (this.isControlUp && this.control.asked.length > 0) this.controlActs(true);
    for (const from of this.members.keys())
      for (const to of this.members.keys()) while (this.deliver(from, to)) continue;
  }

  /** Runs until `condition` holds. */
  runUntil(condition: () => boolean, ms = 60_000): void {
    for (let passed = 0; passed < ms; passed += 50) {
      if (condition()) return;
      this.run(50);
    }
    assert.fail(`did not happen in ${ms} ms: ${condition.toString()}`);
  }

  /** Hands a replica a message that somebody could have sent. */
  tell(to: string, from: string, epochOfSender: number, said: Said): void {
    const message: Message = { shard: SHARD, from, to, epoch: epoch(epochOfSender), ...said };
    this.member(to).inputs.push({ kind: "message", message });
  }

  /** The ends of all entries in a replica's durable log. */
  log(name: string): readonly string[] {
    return this.member(name).disk.durable.entries.map((entry) => key(entry.position));
  }
}

function apply(actor: Actor, entry: Entry): void {
  assert.equal(entry.previous.lsn, actor.applied.lsn, "R-4: the actor applies a chain");
  assert.equal(entry.previous.checksum, actor.applied.checksum, "R-4: the actor applies a chain");
  actor.applied = entry.position;
  actor.digest = digestOf(entry.position);
}

/** The checksum of a chain's end stands for all that led to it. */
function digestOf({ lsn: at, checksum }: Position): string {
  return `${at}:${checksum}`;
}

export function key({ epoch: at, lsn: end, checksum }: Position): string {
  return `${at}/${end}/${checksum.toString(16)}`;
}

function epochOf({ replica }: Member): number {
  return replica?.state.configuration?.epoch ?? 0;
}
