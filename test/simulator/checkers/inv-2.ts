/** INV-2: every later grant of a resource has a larger token, across restarts and crashes. */
import { EVENT_GRANTED, EVENT_GRANTED_WAITER } from "../../../src/words/event-kinds.js";
import type { LoggedEvent } from "../log-reader.js";
import { type Checker, type HeardAnswer, type Place, Violation } from "./checker.js";
import { PlaceBooks } from "./place-books.js";

export class TokensGrow implements Checker {
  readonly invariant = "INV-2";
  readonly #books: PlaceBooks<Map<string, number>> = new PlaceBooks(() => new Map<string, number>());
  /** The largest token that any client was told, by resource: no crash takes it back. */
  readonly #told = new Map<string, number>();

  forget(place: Place): void {
    this.#books.forget(place);
  }

  applied(place: Place, event: LoggedEvent, _atUs: number, isAgain: boolean): void {
    if (event.kind !== EVENT_GRANTED && event.kind !== EVENT_GRANTED_WAITER) return;
    const book = this.#books.of(place);
    const before = Math.max(book.get(event.name) ?? 0, isAgain ? 0 : (this.#told.get(event.name) ?? 0));
    if (event.lsn <= before)
      throw new Violation(this.invariant, `${event.name} is granted with token ${event.lsn} after ${before}`);
    book.set(event.name, event.lsn);
  }

  answered(answer: HeardAnswer): void {
    if (answer.token === 0) return;
    this.#told.set(answer.resource, Math.max(this.#told.get(answer.resource) ?? 0, answer.token));
  }
}
