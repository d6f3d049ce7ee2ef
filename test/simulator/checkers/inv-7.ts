/**
 * INV-7: a request takes effect at most once, over all its copies and paths, and no claim is left that its client does
 * not want.
 */
import {
  ASKED,
  CLIENT_SESSION,
  EVENT_BEGAN,
  EVENT_CANCELLED,
  EVENT_ENQUEUED,
  EVENT_EXPIRED,
  EVENT_FORCED,
  EVENT_GRANTED,
  EVENT_GRANTED_WAITER,
  EVENT_RELEASED,
  EVENT_RENEWED,
} from "../../../src/words/event-kinds.js";
import type { LoggedEvent } from "../log-reader.js";
import { type Checker, type Place, type RunEnd, Violation } from "./checker.js";
import { PlaceBooks } from "./place-books.js";

interface Book {
  readonly keys: Map<number, string>;
  /** The LSN at which the record of a row began. */
  readonly begun: Map<number, number>;
  /** The LSN at which "key record id" took effect. */
  readonly effects: Map<string, number>;
  /** Sessions' claims that hold, by "resource token": whose. */
  readonly held: Map<string, string>;
}

export class OnlyOnce implements Checker {
  readonly invariant = "INV-7";
  readonly #books: PlaceBooks<Book> = new PlaceBooks(() => ({
    keys: new Map<number, string>(),
    begun: new Map<number, number>(),
    effects: new Map<string, number>(),
    held: new Map<string, string>(),
  }));

  /** Sessions that end by their own will, or keep to no rule: they may ask anew under an old id where they are new. */
  readonly #free = new Set<string>();

  closed(key: string): void {
    this.#free.add(key);
  }

  forget(place: Place): void {
    this.#books.forget(place);
  }

  applied(place: Place, event: LoggedEvent): void {
    const book = this.#books.of(place);
    const key = book.keys.get(event.client) ?? "";
    switch (event.kind) {
      case EVENT_BEGAN:
        book.keys.set(event.row, (event.flags & CLIENT_SESSION) === 0 ? "" : event.key);
        book.begun.set(event.row, event.lsn);
        return;
      case EVENT_GRANTED:
      case EVENT_GRANTED_WAITER:
        book.held.set(`${event.name} ${event.lsn}`, key);
        if (event.kind === EVENT_GRANTED) this.#once(place, book, key, event);
        return;
      case EVENT_RELEASED:
      case EVENT_EXPIRED:
      case EVENT_FORCED:
        book.held.delete(`${event.name} ${event.token}`);
        if (event.kind === EVENT_RELEASED) this.#once(place, book, key, event);
        return;
      case EVENT_ENQUEUED:
        return this.#once(place, book, key, event);
      case EVENT_RENEWED:
      case EVENT_CANCELLED:
        return this.#once(place, book, key, event);
    }
  }

  #once(place: Place, book: Book, key: string, event: LoggedEvent): void {
    if (event.requestId === 0 || key === "" || (event.kind !== EVENT_ENQUEUED && (event.flags & ASKED) === 0)) return;
    // Where a session is new, its client asks anew under a new id, so that no id has two effects.
    const record = this.#free.has(key) ? (book.begun.get(event.client) ?? 0) : 0;
    const name = `${key} ${record} ${event.requestId}`;
    const before = book.effects.get(name);
    if (before !== undefined) {
      const what = `request ${event.requestId} of session ${key.slice(0, 8)} took effect at LSN ${before}`;
      throw new Violation(this.invariant, `${place.node}, shard ${place.shard}: ${what} and again at ${event.lsn}`);
    }
    book.effects.set(name, event.lsn);
  }

  ended({ wanted, strangers }: RunEnd): void {
    const known = new Set(wanted.map(({ key, resource, token }) => `${key} ${resource} ${token}`));
    for (const { held } of this.#books.all()) {
      for (const [claim, key] of held) {
        if (key !== "" && !strangers.has(key) && !known.has(`${key} ${claim}`))
          throw new Violation(this.invariant, `${claim} is held for session ${key.slice(0, 8)}, who does not want it`);
      }
    }
  }
}
