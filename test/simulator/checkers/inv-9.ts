/**
 * INV-9: with the faults healed, every waiter whose predecessors are gone is granted, and every claim that has run out is
 * freed, within a bounded time.
 */
import {
  CAUSE_SESSION,
  CLAIM_LOOSE,
  EVENT_ABANDONED,
  EVENT_CANCELLED,
  EVENT_ENQUEUED,
  EVENT_EXPIRED,
  EVENT_FORCED,
  EVENT_GRANTED,
  EVENT_GRANTED_WAITER,
  EVENT_RELEASED,
  EVENT_RENEWED,
  EVENT_REVOKED,
  EVENT_TIMED_OUT,
} from "../../../src/words/event-kinds.js";
import type { LoggedEvent } from "../log-reader.js";
import { type Checker, type Place, type RunEnd, Violation } from "./checker.js";
import { PlaceBooks } from "./place-books.js";

/** An expired claim is freed within a second of shard time, and what the turn before may have left out. */
const FREED_WITHIN_MS = 2_000;

interface Open {
  readonly name: string;
  readonly isHeld: boolean;
  readonly isLoose: boolean;
  deadline: number;
}

interface Book {
  readonly rows: Map<number, Open>;
  /** Shard time of the last event; there is one a second while anything has a deadline. */
  stamp: number;
}

export class QueuesEmpty implements Checker {
  readonly invariant = "INV-9";
  readonly #books: PlaceBooks<Book> = new PlaceBooks(() => ({ rows: new Map<number, Open>(), stamp: 0 }));
  #healedAtUs = Number.POSITIVE_INFINITY;

  forget(place: Place): void {
    this.#books.forget(place);
  }

  healed(atUs: number): void {
    this.#healedAtUs = atUs;
  }

  applied(place: Place, event: LoggedEvent, atUs: number): void {
    const of = this.#books.of(place);
    of.stamp = event.stamp;
    const book = of.rows;
    const open = book.get(event.row);
    switch (event.kind) {
      case EVENT_ENQUEUED:
      case EVENT_GRANTED:
      case EVENT_GRANTED_WAITER: {
        const isHeld = event.kind !== EVENT_ENQUEUED;
        const isLoose = (event.flags & CLAIM_LOOSE) !== 0;
        book.set(event.row, { name: event.name, isHeld, isLoose, deadline: event.deadline });
        return;
      }
      case EVENT_RENEWED:
      case EVENT_REVOKED:
        if (open !== undefined) open.deadline = event.deadline;
        return;
      case EVENT_EXPIRED:
        if ((event.flags & CAUSE_SESSION) === 0 && open !== undefined) this.#inTime(place, open, event, atUs);
        book.delete(event.row);
        return;
      case EVENT_RELEASED:
      case EVENT_FORCED:
      case EVENT_CANCELLED:
      case EVENT_ABANDONED:
      case EVENT_TIMED_OUT:
        book.delete(event.row);
    }
  }

  #inTime(place: Place, open: Open, event: LoggedEvent, atUs: number): void {
    const lateMs = event.stamp - open.deadline;
    if (lateMs <= FREED_WITHIN_MS || open.deadline === 0) return;
    if (atUs - lateMs * 1_000 < this.#healedAtUs) return; // It was due before the faults were healed.
    const where = `${place.node}, shard ${place.shard}, LSN ${event.lsn}`;
    throw new Violation(this.invariant, `${where}: ${event.name} is freed ${Math.round(lateMs)} ms after its deadline`);
  }

  ended({ wanted, atUs }: RunEnd): void {
    for (const { rows, stamp } of this.#books.all()) {
      for (const [row, open] of rows) {
        const isLeased = open.deadline > stamp || open.isLoose;
        if (open.isHeld && (wanted.length > 0 || isLeased)) continue; // INV-7 says whose it must be.
        const what = open.isHeld ? "is still held" : "still has a waiter";
        throw new Violation(
          this.invariant,
          `at ${atUs} us all is healed and quiet, and ${open.name} ${what} (row ${row})`,
        );
      }
    }
  }
}
