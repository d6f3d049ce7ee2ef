/**
 * at the moment of a grant the waiter's session must be within its waiting grace. When a session was heard is the
 * primary's memory and in no log, so the books go by what has reached the node from the session's client: an entry that
 * was logged after the last of it had a stamp at which the session was not heard later. From there to the grant less than
 * the grace may have passed. Judged where a node is a place of its own and clients speak with each worker themselves.
 */
import { CLIENT_SESSION, EVENT_BEGAN, EVENT_GRANTED_WAITER } from "../../../src/words/event-kinds.js";
import type { LoggedEntry, LoggedEvent } from "../log-reader.js";
import { type Checker, type Place, Violation } from "./checker.js";
import { PlaceBooks } from "./place-books.js";

interface Session {
  readonly key: string;
  readonly ttlMs: number;
}

interface Book {
  readonly sessions: Map<number, Session>;
  /** Entries of this life of the place, each with its number among all that happened, and its stamp. */
  readonly entries: { readonly number: number; readonly stamp: number }[];
}

export class NoDeadWaiters implements Checker {
  readonly invariant = "R-17";
  readonly #graceMs: number;
  readonly #books: PlaceBooks<Book> = new PlaceBooks(() => ({ sessions: new Map<number, Session>(), entries: [] }));
  /** The client of each session's key. */
  readonly #clients = new Map<string, string>();
  /** The number of the last frame of a client that has reached a node, by "node client". */
  readonly #reached = new Map<string, number>();
  /** Counts frames and entries. */
  #number = 0;

  /** @param graceMs how long a waiter may be silent */
  constructor(graceMs: number) {
    this.#graceMs = graceMs;
  }

  forget(place: Place): void {
    this.#books.forget(place);
  }

  began(client: string, key: string): void {
    this.#clients.set(key, client);
  }

  reached(node: string, client: string): void {
    this.#reached.set(`${node} ${client}`, ++this.#number);
  }

  applied(place: Place, event: LoggedEvent, _atUs: number, isAgain: boolean): void {
    const { sessions, entries } = this.#books.of(place);
    if (event.kind === EVENT_BEGAN) {
      const key = (event.flags & CLIENT_SESSION) === 0 ? "" : event.key;
      sessions.set(event.row, { key, ttlMs: event.ttlMs });
    }
    if (event.kind !== EVENT_GRANTED_WAITER || isAgain) return;
    const session = sessions.get(event.client);
    const client = this.#clients.get(session?.key ?? "");
    if (session === undefined || client === undefined) return;
    const reached = this.#reached.get(`${place.node} ${client}`) ?? 0;
    const since = entries.find(({ number }) => number > reached);
    const graceMs = Math.min(this.#graceMs, session.ttlMs);
    if (since === undefined || event.stamp < since.stamp + graceMs) return;
    const silentMs = Math.round(event.stamp - since.stamp);
    const where = `${place.node}, shard ${place.shard}, LSN ${event.lsn}`;
    throw new Violation(this.invariant, `${where}: ${client} waits, is granted, and was not heard for ${silentMs} ms`);
  }

  appliedEntry(place: Place, { stamp }: LoggedEntry, _atUs: number, isAgain: boolean): void {
    if (!isAgain) this.#books.of(place).entries.push({ number: ++this.#number, stamp });
  }
}
