/** INV-11: shard time never grows faster than true time × (1 + ρ), across restarts, and never goes back. */
import type { LoggedEntry } from "../log-reader.js";
import { type Checker, type Place, Violation } from "./checker.js";
import { PlaceBooks } from "./place-books.js";

/** A clock reads whole microseconds. */
const ROUNDING_MS = 0.01;

interface Book {
  stamp: number;
  /** The least of stamp − true time × (1 + ρ) so far, milliseconds. */
  least: number;
}

export class ShardTimeIsBounded implements Checker {
  readonly invariant = "INV-11";
  readonly #fastest: number;
  readonly #books: PlaceBooks<Book> = new PlaceBooks(() => ({ stamp: 0, least: Number.POSITIVE_INFINITY }));

  /** @param driftPpm the bound of one clock's drift in this run, millionths */
  constructor(driftPpm: number) {
    this.#fastest = 1 + driftPpm / 1_000_000;
  }

  forget(place: Place): void {
    this.#books.forget(place);
  }

  appliedEntry(place: Place, entry: LoggedEntry, atUs: number): void {
    const book = this.#books.of(place);
    const where = `${place.node}, shard ${place.shard}, LSN ${entry.firstLsn}`;
    if (entry.stamp < book.stamp)
      throw new Violation(this.invariant, `${where}: shard time goes back from ${book.stamp} to ${entry.stamp}`);
    const ahead = entry.stamp - (atUs / 1_000) * this.#fastest;
    if (ahead > book.least + ROUNDING_MS)
      throw new Violation(this.invariant, `${where}: shard time is ${ahead - book.least} ms ahead of true time`);
    book.stamp = entry.stamp;
    book.least = Math.min(book.least, ahead);
  }
}
