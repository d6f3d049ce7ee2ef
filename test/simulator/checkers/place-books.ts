/** A book for each place, made when it is first asked for: what every checker of a log keeps. */
import type { Place } from "./checker.js";

/** Books by place. */
export class PlaceBooks<Book> {
  readonly #books: (Book | undefined)[] = [];
  readonly #make: () => Book;

  constructor(make: () => Book) {
    this.#make = make;
  }

  of(place: Place): Book {
    return (this.#books[place.number] ??= this.#make());
  }

  /** The log of that place is told anew. */
  forget(place: Place): void {
    this.#books[place.number] = undefined;
  }

  *all(): Generator<Book> {
    for (const book of this.#books) if (book !== undefined) yield book;
  }
}
