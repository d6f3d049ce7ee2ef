/**
 * Rare states that a log shows, marked by the names of states.ts. It judges nothing: it says what a seed has tried. Read
 * from what the checkers are told, so that the product needs no mark where it is hot.
 */
import {
  CLAIM_BOUND,
  CLIENT_SESSION,
  EVENT_ABANDONED,
  EVENT_BEGAN,
  EVENT_CANCELLED,
  EVENT_DELAY_ENDED,
  EVENT_ENQUEUED,
  EVENT_ERA_BEGAN,
  EVENT_EXPIRED,
  EVENT_FORCED,
  EVENT_GRANTED,
  EVENT_GRANTED_WAITER,
  EVENT_RELEASED,
  EVENT_RENEWED,
  EVENT_SESSION_ENDED,
  EVENT_TIMED_OUT,
} from "../../../src/words/event-kinds.js";
import type { LoggedEntry, LoggedEvent } from "../log-reader.js";
import type { Checker, HeardAnswer, Place, RunEnd } from "./checker.js";
import { PlaceBooks } from "./place-books.js";

/** Marks a state as seen. */
export type Mark = (name: string) => void;

interface Claim {
  readonly client: number;
  readonly isLeased: boolean;
}

interface Book {
  /** Keys of sessions that live here, by row, and all that ever did. */
  readonly keys: Map<number, string>;
  readonly ever: Set<string>;
  readonly claims: Map<number, Claim>;
  readonly queues: Map<string, number[]>;
  /** The epoch in which each pending lock-delay began, by row. */
  readonly delays: Map<number, number>;
}

export class RareStates implements Checker {
  readonly invariant = "none";
  readonly #mark: Mark;
  readonly #books: PlaceBooks<Book> = new PlaceBooks(() => ({
    keys: new Map<number, string>(),
    ever: new Set<string>(),
    claims: new Map<number, Claim>(),
    queues: new Map<string, number[]>(),
    delays: new Map<number, number>(),
  }));
  /** Tokens of grants from the queue that nobody has read. */
  readonly #unread = new Set<string>();
  readonly #released = new Set<string>();

  constructor(mark: Mark) {
    this.#mark = mark;
  }

  forget(place: Place): void {
    this.#books.forget(place);
  }

  answered({ kind, resource, token, message }: HeardAnswer): void {
    if (kind === "already-granted") this.#mark("cancel meets grant");
    if (message.kind === "fault" && message.code === "path-void") this.#mark("path voided with requests in flight");
    if (message.kind === "fault" && message.code === "disk-reserve-reached") this.#mark("disk reserve reached");
    if (kind !== "granted") return;
    this.#unread.delete(`${resource} ${token}`);
    if (this.#released.has(`${resource} ${token}`)) this.#mark("duplicate acquire after the release");
  }

  appliedEntry(place: Place, { events, epoch }: LoggedEntry): void {
    const book = this.#books.of(place);
    const has = (wanted: number): boolean => events.some(({ kind }) => kind === wanted);
    if (has(EVENT_RENEWED) && has(EVENT_EXPIRED)) this.#mark("expiry meets renew in one turn");
    if (has(EVENT_ERA_BEGAN)) this.#mark("era began");
    for (const event of events) {
      this.#ofSession(book, event);
      this.#ofClaim(book, event, epoch);
      this.#ofQueue(book, event);
    }
  }

  ended({ isLast }: RunEnd): void {
    if (isLast && this.#unread.size > 0) this.#mark("grant committed, its push lost");
  }

  #ofSession(book: Book, event: LoggedEvent): void {
    if (event.kind === EVENT_BEGAN && (event.flags & CLIENT_SESSION) !== 0) {
      if (book.ever.has(event.key)) this.#mark("session's record begins anew");
      book.ever.add(event.key);
      book.keys.set(event.row, event.key);
    }
    if (event.kind !== EVENT_SESSION_ENDED) return;
    const key = book.keys.get(event.client) ?? "";
    book.keys.delete(event.client);
    const isElsewhere = [...this.#books.all()].some(
      (other) => other !== book && [...other.keys.values()].includes(key),
    );
    if (key !== "" && isElsewhere) this.#mark("session dead in one shard, alive in another");
    const survives = [...book.claims.values()].some(({ client, isLeased }) => client === event.client && isLeased);
    if (survives) this.#mark("claim with a lease outlives its session");
  }

  #ofClaim(book: Book, event: LoggedEvent, epoch: number): void {
    switch (event.kind) {
      case EVENT_GRANTED_WAITER:
        this.#unread.add(`${event.name} ${event.lsn}`);
        return;
      case EVENT_GRANTED:
      case EVENT_ENQUEUED:
        book.claims.set(event.row, { client: event.client, isLeased: (event.flags & CLAIM_BOUND) === 0 });
        return;
      case EVENT_RELEASED:
        this.#released.add(`${event.name} ${event.token}`);
        book.claims.delete(event.row);
        return;
      case EVENT_EXPIRED:
      case EVENT_FORCED:
        if (event.deadline > 0) book.delays.set(event.row, epoch);
        book.claims.delete(event.row);
        return;
      case EVENT_DELAY_ENDED:
        if ((book.delays.get(event.row) ?? epoch) < epoch) this.#mark("lock-delay across a fail-over");
        book.delays.delete(event.row);
    }
  }

  #ofQueue({ queues, claims }: Book, event: LoggedEvent): void {
    const queue = queues.get(event.name) ?? [];
    switch (event.kind) {
      case EVENT_ENQUEUED:
        queues.set(event.name, [...queue, event.row]);
        return;
      case EVENT_ABANDONED:
        if (queue[0] === event.row && queue.length > 1) this.#mark("waiter abandoned at the head");
        claims.delete(event.row);
        break;
      case EVENT_CANCELLED:
      case EVENT_TIMED_OUT:
        claims.delete(event.row);
        break;
      case EVENT_GRANTED_WAITER:
        break;
      default:
        return;
    }
    const left = queue.filter((row) => row !== event.row);
    queues.set(event.name, left);
  }
}
