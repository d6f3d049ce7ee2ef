/** INV-6: waiters are granted in the order in which they were enqueued, and nobody passes them. */
import {
  EVENT_ABANDONED,
  EVENT_CANCELLED,
  EVENT_ENQUEUED,
  EVENT_GRANTED,
  EVENT_GRANTED_WAITER,
  EVENT_TIMED_OUT,
} from "../../../src/words/event-kinds.js";
import type { LoggedEvent } from "../log-reader.js";
import { type Checker, type Place, Violation } from "./checker.js";
import { PlaceBooks } from "./place-books.js";

/** Rows of claims that wait, in their order. */
type Queues = Map<string, number[]>;

export class FirstComeFirstGranted implements Checker {
  readonly invariant = "INV-6";
  readonly #books: PlaceBooks<Queues> = new PlaceBooks(() => new Map<string, number[]>());

  forget(place: Place): void {
    this.#books.forget(place);
  }

  applied(place: Place, event: LoggedEvent): void {
    const queues = this.#books.of(place);
    const queue = queues.get(event.name);
    switch (event.kind) {
      case EVENT_ENQUEUED:
        if (queue === undefined) queues.set(event.name, [event.row]);
        else queue.push(event.row);
        return;
      case EVENT_GRANTED:
        if (queue !== undefined) this.#fail(place, event, `${queue.length} waited before it`);
        return;
      case EVENT_GRANTED_WAITER:
        if (queue?.[0] !== event.row) this.#fail(place, event, `row ${queue?.[0] ?? "of nobody"} was first`);
        return leave(queues, event);
      case EVENT_CANCELLED:
      case EVENT_TIMED_OUT:
      case EVENT_ABANDONED:
        if (queue?.includes(event.row) !== true) this.#fail(place, event, "the end of a wait that is none");
        return leave(queues, event);
    }
  }

  #fail(place: Place, event: LoggedEvent, why: string): never {
    const where = `${place.node}, shard ${place.shard}, LSN ${event.lsn}: ${event.name}, row ${event.row}`;
    throw new Violation(this.invariant, `${where}: ${why}`);
  }
}

function leave(queues: Queues, event: LoggedEvent): void {
  const queue = queues.get(event.name);
  if (queue === undefined) return;
  queue.splice(queue.indexOf(event.row), 1);
  if (queue.length === 0) queues.delete(event.name);
}
