/**
 * What a decision works with: the tables, the turn's requests, and where its events and replies go. One for each shard;
 * nothing in here decides anything. Hot path: `make micro`.
 */
import { outOfRange } from "../words/assert.js";
import type { FaultCode } from "../words/faults.js";
import { faultNumber } from "../words/faults.js";
import { type ClientRow, clientRow, type Lsn, type ResourceRow, resourceRow, type ShardIndex } from "../words/ids.js";
import { KIND_FAULT } from "../words/kinds.js";
import type { Events } from "../tables/events.js";
import type { Inbox } from "../tables/inbox.js";
import type { Paths } from "../tables/paths.js";
import type { Replies } from "../tables/replies.js";
import { apply } from "./apply.js";
import { CLIENT_SESSION_LIVE } from "./clients.js";
import { Unsettled } from "./unsettled.js";
import type { State } from "./state.js";

/** Counts that `status` and the metrics show, by kind of answer (words/kinds.ts); kept from the start, cheaply. */
export class Counters {
  readonly answers: Float64Array = new Float64Array(64);
  readonly faults: Float64Array = new Float64Array(64);
  expired = 0;
  abandoned = 0;
  waited = 0;
}

/** What a worker lends to each of its shards. */
export interface Surroundings {
  readonly inbox: Inbox;
  readonly paths: Paths;
  readonly events: Events;
  readonly counters: Counters;
}

const NO_RESOURCE = resourceRow(0);
const encoder = new TextEncoder();

export class Engine {
  readonly state: State;
  readonly inbox: Inbox;
  readonly paths: Paths;
  readonly events: Events;
  readonly replies: Replies;
  readonly counters: Counters;
  /** Which shard this is. */
  readonly shard: ShardIndex;
  readonly unsettled: Unsettled = new Unsettled();
  /** Only the reserve of the disk is left: what would need more is refused (system.md §6). */
  refusesGrowth = false;

  constructor(shard: ShardIndex, state: State, replies: Replies, surroundings: Surroundings) {
    this.shard = shard;
    this.state = state;
    this.replies = replies;
    this.inbox = surroundings.inbox;
    this.paths = surroundings.paths;
    this.events = surroundings.events;
    this.counters = surroundings.counters;
  }

  /** Applies the event that was written at `at`, at once: the next request of this turn must see it. Returns its LSN. */
  happened(at: number, resource: ResourceRow): Lsn {
    const lsn = this.state.next;
    apply(this.state, this.events.buffer, at, lsn, resource);
    return lsn;
  }
  /** The same for an event that brings no claim. */
  happenedToRow(at: number): Lsn {
    return this.happened(at, NO_RESOURCE);
  }

  /** Answers a request of this turn; columns a to f and text may be filled in the row that it returns. */
  answer(request: number, kind: number): number {
    const path = this.inbox.path(request);
    this.counters.answers[kind] = (this.counters.answers[kind] ?? outOfRange(kind)) + 1;
    return this.replies.add(kind, path, this.paths.serial(path), this.inbox.id(request));
  }
  /** Says something to a client of which only the table's row is known, wherever it listens now. */
  tell(client: ClientRow, kind: number, id: number): number {
    const { clients } = this.state;
    this.counters.answers[kind] = (this.counters.answers[kind] ?? outOfRange(kind)) + 1;
    return this.replies.add(kind, clients.path(client), clients.pathSerial(client), id);
  }
  /** Refuses a request; it has no effect. `message` says what was seen, the bound, and what to do. */
  refuse(request: number, code: FaultCode, message: string): void {
    const row = this.answer(request, KIND_FAULT);
    const number = faultNumber(code);
    this.counters.faults[number] = (this.counters.faults[number] ?? outOfRange(number)) + 1;
    this.replies.setA(row, number);
    const text = encoder.encode(message);
    this.replies.addText(row, text, 0, text.length);
  }

  /** Who asks, if this shard knows them. */
  clientOf(request: number): ClientRow {
    return this.clientOnPath(this.inbox.path(request));
  }
  /** Who is at the other end of a path, if this shard knows them; looked up once, then remembered with the path. */
  clientOnPath(path: number): ClientRow {
    const { paths, shard } = this;
    const { clients } = this.state;
    const serial = paths.serial(path);
    if (serial === 0) return clientRow(0);
    const remembered = paths.clientIn(path, shard);
    if (remembered !== 0 && clients.pathSerial(remembered) === serial) return clientRow(remembered);
    const client = clients.find(paths, path);
    if (client === 0) return client;
    if (!paths.isSession(path)) clients.setPathSerial(client, serial);
    else if (!clients.isSession(client)) return client; // Over when the path was opened: a record may begin on it.
    paths.noteClient(path, shard, client);
    return client;
  }
  /**
   * Whether the session's record here has ended since this path knew it. Nothing counts on the path any more: a record
   * that it began would pass for the one that knew what was executed before (R-18, INV-7).
   */
  hasOutlivedRecord(path: number): boolean {
    const { paths, shard } = this;
    if (!paths.isSession(path) || !paths.wasFoundIn(path, shard)) return false;
    if (this.#isRecordOf(paths.clientIn(path, shard), path)) return false;
    const client = this.state.clients.find(paths, path); // What was remembered may be another path's.
    if (!this.#isRecordOf(client, path)) return true;
    paths.noteClient(path, shard, client);
    return false;
  }
  /** Whether a row is that of the session at the other end of this path, alive and listening on it. */
  #isRecordOf(row: number, path: number): boolean {
    const { clients } = this.state;
    return (
      row !== 0 && clients.state(row) === CLIENT_SESSION_LIVE && clients.pathSerial(row) === this.paths.serial(path)
    );
  }
  isSession(request: number): boolean {
    return this.paths.isSession(this.inbox.path(request));
  }
}
