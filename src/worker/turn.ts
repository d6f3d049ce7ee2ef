/**
 * One pass of a worker's event loop: the requests that have come, through the shards' actors, into one batch for each
 * store; then the replies whose events are committed, into one frame for each connection (system.md §2). It is handed its
 * clock, its stores and its connections. Hot path: `make bench`.
 */
import { BrokenInvariant, outOfRange } from "../words/assert.js";
import type { ShardIndex } from "../words/ids.js";
import { KIND_DONE, KIND_KEPT } from "../words/kinds.js";
import type { Events } from "../tables/events.js";
import type { Inbox } from "../tables/inbox.js";
import type { Paths } from "../tables/paths.js";
import { encodeFault, encodeGroup, encodeReply } from "../protocol/encode-replies.js";
import type { Control, Parts } from "../shard/control.js";
import type { Shard, Turn } from "../shard/shard.js";
import type { Connections } from "./connections.js";
import type { Replicating, TurnStore } from "./turn-store.js";

/** So many rows may expire in a turn of all shards together; the rest in the next, behind its requests (INV-9). */
const EXPIRY_BUDGET = 4_096;
/** And so many of each shard at least. */
const EXPIRY_BUDGET_MIN = 64;
/** How often what a burst has left behind is looked for, in milliseconds of the worker's clock. */
const SHRINK_EVERY_MS = 2_000;
/** An answer without bytes of its own, or one of several parts, names its parts in column f. */
const NO_PARTS = 0;

/** The clock that a turn is handed. */
export interface TurnClock {
  advance(): number;
  wallMs(): number;
}

/** What a turn works on. */
export interface TurnParts {
  readonly stores: readonly TurnStore[];
  /** Where shards have replicas elsewhere; left out where each shard is alone on this node. */
  readonly replicating?: Replicating;
  readonly inbox: Inbox;
  readonly paths: Paths;
  readonly events: Events;
  readonly connections: Connections;
  readonly clock: TurnClock;
  readonly shardCount: number;
  /** Told of a broken assertion: the shard is stopped, and stays so until the node is restarted. */
  readonly onBroken: (shard: Shard, error: BrokenInvariant) => void;
  /** Told of the events of each shard that had some, before they are committed; for watches. */
  readonly onEvents: (shard: Shard, from: number, firstLsn: number) => void;
}

/** A shard, and the store that has it. */
export interface Whose {
  readonly store: TurnStore;
  readonly shard: Shard;
}

/** What is said when every shard has committed what it had when it was decided. */
interface Barrier {
  readonly waits: readonly (Whose & { readonly lsn: number })[];
  readonly round: number;
  readonly act: () => void;
}

/** An answer that is said when all its parts have left. */
interface Gathering {
  readonly parts: Parts;
  readonly control: Control;
  count: number;
}

export class TurnLoop {
  readonly #parts: TurnParts;
  readonly #stopped = new Set<Shard>();
  readonly #changed: Shard[] = [];
  readonly #gatherings = new Map<number, Gathering>();
  readonly #context = { shard: 0, shards: 0 };
  #controls: Control[] = [];
  /** A bit for each shard that one of the controls concerns. */
  readonly #concerned: Uint32Array;
  #retired: number[] = [];
  #afterwards: (() => void)[] = [];
  #barriers: Barrier[] = [];
  #partsCount = 0;
  /** Turns that did something, and requests in them. */
  turns = 0;
  requests = 0;
  /** Whether the last turn left something that is due. */
  isBehind = false;
  #shrinkAtMs = 0;

  constructor(parts: TurnParts) {
    this.#parts = parts;
    this.#context.shards = parts.shardCount;
    this.#concerned = new Uint32Array(Math.ceil(parts.shardCount / 32));
  }

  /** A number for an answer in parts. */
  newParts(): Parts {
    this.#partsCount++;
    return { number: this.#partsCount, owed: 0 };
  }
  /** Adds a message that concerns every shard to the next turn. */
  addControl(control: Control): void {
    this.#controls.push(control);
  }
  /** Closes a path at the end of the next turn: what was asked on it is still executed, and answered to nobody. */
  retire(path: number): void {
    this.#retired.push(path);
  }

  /** Calls `act` at the end of the next turn. For what is rare. */
  afterTurn(act: () => void): void {
    this.#afterwards.push(act);
  }

  /** Calls `act` when all that the shards have logged by now may be told of: for what tells of all of them. */
  whenCommitted(act: () => void): void {
    this.whenCommittedOf(
      this.#parts.stores.flatMap((store) => store.shards.map((shard) => ({ store, shard }))),
      act,
    );
  }

  /** As `whenCommitted`, of these shards alone; never, if one of them loses its office before. */
  whenCommittedOf(of: readonly Whose[], act: () => void): void {
    const round = this.#parts.replicating?.round ?? 0;
    const waits: Barrier["waits"][number][] = [];
    for (const { store, shard } of of) {
      const lsn = shard.state.head;
      if (store.standing(shard, lsn, round) !== "sure") waits.push({ store, shard, lsn });
    }
    if (waits.length === 0) act();
    else this.#barriers.push({ waits, round, act });
  }

  /** Whether every store can take what a turn brings. */
  get hasRoom(): boolean {
    for (const store of this.#parts.stores) if (!store.hasRoom) return false;
    return true;
  }

  /** Runs one turn. */
  run(): void {
    const { inbox, paths, clock, stores, replicating } = this.#parts;
    replicating?.begin(this.#controls);
    const clockMs = clock.advance(); // After the requests were read.
    const turn: Turn = {
      clockMs,
      wallMs: clock.wallMs(),
      controls: this.#controls,
      expiryBudget: this.#expiryBudget(),
    };
    replicating?.ready(clockMs);
    if (this.#controls.length > 0) this.#noteConcerned();
    this.turns++;
    this.requests += inbox.count;
    this.isBehind = false;
    for (const store of stores) this.#runStore(store, turn);
    replicating?.end(turn.wallMs);
    for (const control of this.#controls) this.#gather(control);
    if (this.#controls.length > 0) this.#controls = [];
    for (const path of this.#retired) if (paths.isOpen(path)) paths.close(path);
    this.#retired.length = 0;
    inbox.reset();
    this.release();
    if (clockMs >= this.#shrinkAtMs) this.#shrink(clockMs);
    if (this.#afterwards.length === 0) return;
    const afterwards = this.#afterwards;
    this.#afterwards = [];
    for (const act of afterwards) act();
  }

  /** After a burst its memory goes back: what grows while it lasts is as large as what it brought. */
  #shrink(clockMs: number): void {
    const { inbox, events, stores } = this.#parts;
    this.#shrinkAtMs = clockMs + SHRINK_EVERY_MS;
    inbox.frames.shrink();
    events.reset();
    events.buffer.shrink();
    for (const store of stores) for (const shard of store.shards) shard.replies.shrink();
  }

  /** Rows that each shard may expire in this turn, so that no request waits for a storm (INV-9). */
  #expiryBudget(): number {
    let shards = 0;
    for (const store of this.#parts.stores) shards += store.shards.length;
    return Math.max(EXPIRY_BUDGET_MIN, Math.floor(EXPIRY_BUDGET / Math.max(1, shards)));
  }

  #runStore(store: TurnStore, turn: Turn): void {
    const { inbox, events } = this.#parts;
    const changed = this.#changed;
    changed.length = 0;
    events.reset();
    for (const shard of store.shards) {
      const isAsked = inbox.first(shard.index) !== 0 || (turn.controls.length > 0 && this.#isConcerned(shard.index));
      if ((isAsked || shard.isDue(turn.clockMs)) && !this.#stopped.has(shard)) this.#step(store, shard, turn);
    }
    for (const absent of store.absent) if (inbox.first(absent) !== 0) this.#refuse(absent);
    if (changed.length > 0) store.append(events, changed, turn.wallMs);
    // The tables of a shard that broke are ahead of its log: no page of them may be written (the node ends anyway).
    if ((this.#stopped.size === 0 && store.checkpoint(turn.clockMs)) || changed.length > 0) store.flush();
  }

  /** A keep-alive concerns the shards that know one of its sessions; what else is said to all concerns each of them. */
  #noteConcerned(): void {
    const concerned = this.#concerned;
    concerned.fill(0);
    for (const control of this.#controls) {
      if (control.kind !== "keepalive") concerned.fill(0xffffffff);
      else for (const path of control.paths) this.#parts.paths.addShardsOf(path, concerned);
    }
  }
  #isConcerned(shard: ShardIndex): boolean {
    return ((this.#concerned[shard >>> 5] ?? outOfRange(shard)) & (1 << (shard & 31))) !== 0;
  }

  /** Nobody decides for this shard here: what is asked of it is refused at once, without an effect. */
  #refuse(shard: ShardIndex): void {
    const { inbox, paths, connections } = this.#parts;
    for (let row = inbox.first(shard); row !== 0; row = inbox.next(row)) {
      const path = inbox.path(row);
      const connection = paths.isOpen(path) ? connections.get(paths.connection(path)) : undefined;
      if (connection === undefined) continue;
      const code = paths.isSession(path) ? "path-void" : "no-primary";
      const group = paths.isSession(path) ? paths.serial(path) : 0;
      const message = "this shard's primary is not here, or not yet; open the path anew, or ask again";
      encodeFault(connections.writerOf(connection), group, inbox.id(row), code, message);
    }
  }

  #step(store: TurnStore, shard: Shard, turn: Turn): void {
    const { events } = this.#parts;
    const before = events.size;
    const repliesBefore = shard.replies.end;
    shard.engine.refusesGrowth = store.isDiskLow;
    const firstLsn = shard.state.next;
    try {
      if (shard.step(turn)) this.isBehind = true;
      store.decided(shard, shard.replies.end - repliesBefore);
    } catch (error) {
      if (!(error instanceof BrokenInvariant)) throw error;
      events.abandon(before); // What it wrote is not of a state that may be: nothing of it is logged or answered.
      this.#stopped.add(shard);
      this.#parts.onBroken(shard, error);
      return;
    }
    if (events.size === before) return;
    this.#changed.push(shard);
    this.#parts.onEvents(shard, before, firstLsn);
  }

  /** Lets go every reply whose shard has committed what it rests on, and sends the frames. */
  release(): void {
    const { stores } = this.#parts;
    for (const store of stores) store.noteCommitted();
    if (this.#barriers.length > 0) this.#openBarriers();
    for (const store of stores)
      for (const shard of store.shards)
        if (!shard.replies.isEmpty && !this.#stopped.has(shard)) this.#releaseShard(store, shard);
    this.#parts.connections.flush();
  }

  #openBarriers(): void {
    const waiting = this.#barriers;
    this.#barriers = [];
    for (const barrier of waiting) {
      const { waits, round } = barrier;
      const standings = waits.map(({ store, shard, lsn }) => store.standing(shard, lsn, round));
      if (standings.includes("gone")) continue; // Whoever decided it is out of office: nobody is told.
      if (standings.includes("waits")) this.#barriers.push(barrier);
      else barrier.act();
    }
  }

  #releaseShard(store: TurnStore, shard: Shard): void {
    const { replies, committed } = shard;
    const { paths, connections } = this.#parts;
    this.#context.shard = shard.index;
    const first = replies.first;
    let row = first;
    const end = store.endOfConfirmed(shard);
    while (row < end && replies.lsn(row) <= committed) {
      const path = replies.path(row);
      const serial = replies.serial(row);
      const kind = replies.kind(row);
      const parts = kind === KIND_KEPT || kind === KIND_DONE ? replies.f(row) : NO_PARTS;
      const connection =
        path !== 0 && paths.serial(path) === serial ? connections.get(paths.connection(path)) : undefined;
      if (kind === KIND_DONE && parts !== NO_PARTS) row++;
      else if (connection === undefined) row = replies.behind(row);
      else {
        const writer = connections.writerOf(connection);
        encodeGroup(writer, paths.isSession(path) ? serial : 0);
        row = encodeReply(replies, row, writer, this.#context);
      }
      if (parts !== NO_PARTS) this.#partLeft(parts);
    }
    store.left(shard, row - first);
    replies.leave(row);
  }

  /** A message in parts has been through every shard: when all parts have left, its DONE follows. */
  #gather(control: Control): void {
    if (control.kind === "open") return;
    const gathering = { parts: control.parts, control, count: control.parts.owed };
    // One more part: a shard that had none to give may rest on an end of the session that is not committed yet.
    control.parts.owed++;
    this.#gatherings.set(control.parts.number, gathering);
    this.whenCommitted(() => {
      this.#partLeft(control.parts.number);
    });
  }
  #partLeft(number: number): void {
    const gathering = this.#gatherings.get(number);
    if (gathering === undefined) return;
    gathering.parts.owed--;
    if (gathering.parts.owed > 0) return;
    this.#gatherings.delete(number);
    this.#done(gathering);
  }
  #done(gathering: Gathering): void {
    const { paths, connections } = this.#parts;
    const { path, serial, id } = gathering.control;
    if (!paths.isOpen(path) || paths.serial(path) !== serial) return;
    const connection = connections.get(paths.connection(path));
    if (connection === undefined) return;
    const writer = connections.writerOf(connection);
    encodeGroup(writer, 0);
    writer.message(3, KIND_DONE);
    writer.integer(id);
    writer.integer(gathering.count);
  }
}
