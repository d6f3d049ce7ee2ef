/**
 * One replica in the hands of its worker: the state machine (replication), its tables, and what waits for its office. It
 * does the orders of the machine (DRIVING.md) that are about this shard alone; frames and turns are in replicas.ts.
 */
import { assert } from "../words/assert.js";
import { type Lsn, lsn, type ShardIndex, shardMs } from "../words/ids.js";
import type { Paths } from "../tables/paths.js";
import type { Found, Remembered } from "../replication/inputs.js";
import type { ActorOrder, ReadOrder } from "../replication/outputs.js";
import { Replica } from "../replication/replica.js";
import type { ReplicationSettings } from "../replication/settings.js";
import type { Control } from "../shard/control.js";
import { pageKey } from "../shard/replay.js";
import type { Shard } from "../shard/shard.js";
import { type MakeShard, ReplicaActor } from "./replica-actor.js";
import { openPage, type Part, PartReader, type ReplicaLog } from "./replica-log.js";

/** Entries of one answer to another replica, about; and pages. */
const READ_BYTES = 2 ** 18;

/** What a replica is made of. */
export interface SeatParts {
  readonly index: ShardIndex;
  readonly name: string;
  readonly log: ReplicaLog;
  readonly part: Part;
  readonly remembered: Remembered | null;
  readonly settings: ReplicationSettings;
  readonly nowMs: number;
  readonly make: MakeShard;
  readonly paths: Paths;
  /** The digest of a shard's state. */
  readonly digestOf: (shard: Shard) => string;
  /** The tables were built anew. */
  readonly onRebuilt: () => void;
}

type Office = Extract<ActorOrder, { readonly kind: "take-office" }>;
type Opening = Control & { readonly kind: "open" };

export class ReplicaSeat {
  readonly index: ShardIndex;
  readonly name: string;
  readonly log: ReplicaLog;
  readonly replica: Replica;
  readonly #parts: SeatParts;
  #actor: ReplicaActor;
  #office: Office | null = null;
  #isDeciding = false;
  /** Openings of paths in the time without office, with the numbers of their paths. */
  #openings: { readonly opening: Opening; readonly serials: readonly number[] }[] = [];
  /** Replies that wait, in order: how many were decided in which round. */
  #rounds: { rows: number; readonly round: number }[] = [];
  #pages: Uint8Array[] = [];
  #snapshot: { readonly position: ReplicaActor["position"]; readonly pages: readonly Uint8Array[] } | null = null;

  /** @throws Damage if what the store has does not fit */
  constructor(parts: SeatParts) {
    this.#parts = parts;
    const { index, name, log, part, make, settings, nowMs } = parts;
    this.index = index;
    this.name = name;
    this.log = log;
    const entries = part.entries.map(({ entry }) => entry);
    this.#actor = new ReplicaActor(make, { pages: part.pages, entries, upTo: 0 });
    log.found(index, part, this.#actor.shard.state.head);
    const rest = entries.slice(this.#actor.applied);
    const committed = Math.max(part.committed, this.#actor.shard.state.head, this.#actor.lostUpTo);
    const stamp = Math.max(this.#actor.stamp, ...rest.map((entry) => entry.stamp));
    const found: Found = {
      remembered: parts.remembered,
      committed: lsn(committed),
      base: this.#actor.position,
      entries: rest,
      stamp: shardMs(stamp),
      isDamaged: false,
    };
    this.replica = new Replica({ shard: index, name, settings, found, nowMs });
  }

  /** The actor, whether it decides or not. */
  get shard(): Shard {
    return this.#actor.shard;
  }
  /** Whether the actor decides in this turn. */
  get isDeciding(): boolean {
    return this.#isDeciding;
  }

  /** Does an order for the actor. */
  act(order: ActorOrder): void {
    switch (order.kind) {
      case "apply":
        return this.#actor.apply(order.entry);
      case "take-office":
        this.#office = order;
        return;
      case "go-on":
        return this.#goOn(order);
      case "leave-office":
        this.#office = null;
        if (this.#isDeciding) this.#rebuild(order.committed);
        return;
      case "forget":
        return this.#replace(new ReplicaActor(this.#parts.make, { pages: [], entries: [], upTo: 0 }));
      case "load-pages": {
        const pages = this.#pages.map(openPage);
        this.#pages = [];
        return this.#replace(new ReplicaActor(this.#parts.make, { pages, entries: [], upTo: 0 }));
      }
      case "digest":
        this.replica.step({ kind: "digest", lsn: order.lsn, digest: this.#parts.digestOf(this.shard) });
    }
  }

  #goOn({ epoch }: Extract<ActorOrder, { readonly kind: "go-on" }>): void {
    if (this.#office !== null) this.#office = { ...this.#office, epoch };
    else this.shard.goOn(epoch);
  }

  /** Pages that the log was told to keep: the tables are made of them when all are there. */
  keepPages(pages: readonly Uint8Array[]): void {
    this.#pages.push(...pages);
  }

  /**
   * The turn's clock was read: takes office if it is to, and keeps shard time where it must not go on.
   * @returns whether it has taken office
   */
  ready(clockMs: number): boolean {
    const office = this.#office;
    if (office !== null) {
      this.#office = null;
      this.#isDeciding = true;
      const { stamp, epoch, era, after } = office;
      this.#actor.takeOffice(stamp, clockMs, { epoch, era, after: after.lsn });
      this.shard.owe(this.#openingsThatStand());
      this.#openings = [];
    }
    if (this.#isDeciding) {
      if (this.replica.mayAdvanceTime()) this.shard.goOnInTime(clockMs);
      else this.shard.standStill(clockMs);
    }
    return office !== null;
  }

  /** Notes the openings of paths that this actor does not answer now; it does when it takes office. */
  noteOpenings(controls: readonly Control[]): void {
    if (this.#isDeciding) return;
    const { paths } = this.#parts;
    for (const control of controls) {
      if (control.kind !== "open") continue;
      this.#openings.push({ opening: control, serials: control.opened.map(({ path }) => paths.serial(path)) });
    }
    if (this.#openings.length > OPENINGS_KEPT) {
      this.#openings = this.#openings.filter(({ opening }) => paths.serial(opening.path) === opening.serial);
    }
  }

  #openingsThatStand(): readonly Control[] {
    const { paths } = this.#parts;
    return this.#openings.flatMap(({ opening, serials }) => {
      const opened = opening.opened.filter(({ path }, at) => paths.serial(path) === serials[at]);
      return opened.length === 0 ? [] : [{ ...opening, opened }];
    });
  }

  /** So many rows of replies were decided in a round. */
  decided(rows: number, round: number): void {
    if (rows > 0) this.#rounds.push({ rows, round });
  }

  /** One past the last row of replies whose round is confirmed. */
  endOfConfirmed(): number {
    let rows = 0;
    for (const waiting of this.#rounds) {
      if (!this.replica.mayAnswer(lsn(0), waiting.round)) break;
      rows += waiting.rows;
    }
    return this.shard.replies.first + rows;
  }

  /** So many rows have left. */
  left(rows: number): void {
    let gone = rows;
    for (let first = this.#rounds[0]; gone > 0 && first !== undefined; first = this.#rounds[0]) {
      const some = Math.min(gone, first.rows);
      first.rows -= some;
      gone -= some;
      if (first.rows > 0) break;
      this.#rounds.shift();
    }
  }

  /** Reads what another replica lacks. */
  read(order: ReadOrder): void {
    if (order.kind === "read-log") this.#readLog(order);
    else this.#readPages(order);
  }

  #readLog(order: Extract<ReadOrder, { readonly kind: "read-log" }>): void {
    const { entries } = this.#stored();
    const { committed } = this.replica.state;
    const reaches = entries[0] !== undefined && entries[0].entry.previous.lsn <= order.after;
    const after = entries.map(({ entry }) => entry).filter(({ position }) => position.lsn > order.after);
    const settled = after.filter(({ position }) => position.lsn <= committed);
    let bytes = 0;
    const some = settled.filter((entry) => {
      bytes += entry.bytes.length;
      return bytes - entry.bytes.length < READ_BYTES;
    });
    const { stream } = order;
    this.replica.step({ kind: "log-read", for: order.for, stream, entries: reaches ? some : null });
  }

  #readPages(order: Extract<ReadOrder, { readonly kind: "read-pages" }>): void {
    if (order.number === 0 || this.#snapshot === null) {
      const actor = this.#committedActor(this.replica.state.committed);
      this.#snapshot = { position: actor.position, pages: actor.snapshot() };
    }
    const { position, pages } = this.#snapshot;
    const from = order.number * PAGES_AT_ONCE;
    const isLast = from + PAGES_AT_ONCE >= pages.length;
    const some = pages.slice(from, from + PAGES_AT_ONCE);
    this.replica.step({ kind: "pages-read", for: order.for, stream: order.stream, position, pages: some, isLast });
  }

  #stored(): Part {
    const reader = new PartReader();
    this.log.store.readParts(reader, {
      shard: this.index,
      keyFrom: pageKey(this.index, 0, 0),
      keyTo: pageKey(this.index + 1, 0, 0) - 1,
    });
    return reader.part(this.index);
  }

  #committedActor(upTo: number): ReplicaActor {
    const { pages, entries } = this.#stored();
    const actor = new ReplicaActor(this.#parts.make, { pages, entries: entries.map(({ entry }) => entry), upTo });
    assert(actor.lostUpTo === 0, "R-6: no page has seen more than the log has");
    return actor;
  }

  /** The tables that the store would give up to where these stand. */
  readAgain(): Shard {
    return this.#committedActor(this.shard.state.head).shard;
  }

  /** Out of office: the actor ran ahead of what is committed, so another takes its place. */
  #rebuild(committed: Lsn): void {
    const actor = this.#committedActor(committed);
    assert(actor.shard.state.head === committed, "R-7: the log has all that is committed");
    this.#replace(actor);
  }

  #replace(actor: ReplicaActor): void {
    this.#actor = actor;
    this.#isDeciding = false;
    this.#office = null;
    this.#rounds = [];
    this.#parts.onRebuilt();
  }
}

const OPENINGS_KEPT = 64;
const PAGES_AT_ONCE = 16;
