/**
 * Lock-delay (system.md §4): it begins at expiry or force-release and blocks every new grant until it has passed; after
 * an expiry it does not block the session whose delay is the only one pending.
 */
import {
  EVENT_DELAY_ENDED,
  EVENT_EXPIRED,
  EVENT_FORCED,
  EVENT_GRANTED,
  EVENT_GRANTED_WAITER,
} from "../../../src/words/event-kinds.js";
import type { LoggedEvent } from "../log-reader.js";
import { type Checker, type Place, Violation } from "./checker.js";
import { PlaceBooks } from "./place-books.js";

interface Delay {
  readonly client: number;
  readonly isForced: boolean;
  readonly deadline: number;
}

/** Delays by token, by resource. */
type Delays = Map<string, Map<number, Delay>>;

export class DelaysAreKept implements Checker {
  readonly invariant = "lock-delay";
  readonly #books: PlaceBooks<Delays> = new PlaceBooks(() => new Map<string, Map<number, Delay>>());

  forget(place: Place): void {
    this.#books.forget(place);
  }

  applied(place: Place, event: LoggedEvent): void {
    const book = this.#books.of(place);
    const delays = book.get(event.name);
    switch (event.kind) {
      case EVENT_EXPIRED:
      case EVENT_FORCED: {
        if (event.deadline === 0) return;
        const isForced = event.kind === EVENT_FORCED;
        const delay = { client: event.client, isForced, deadline: event.deadline };
        book.set(event.name, (delays ?? new Map<number, Delay>()).set(event.token, delay));
        return;
      }
      case EVENT_DELAY_ENDED:
        if (event.stamp < (delays?.get(event.token)?.deadline ?? Number.POSITIVE_INFINITY))
          this.#fail(place, event, "a lock-delay ends too early");
        delays?.delete(event.token);
        return;
      case EVENT_GRANTED:
      case EVENT_GRANTED_WAITER:
        if (delays !== undefined && delays.size > 0) this.#mayPass(place, event, [...delays.values()]);
    }
  }

  #mayPass(place: Place, event: LoggedEvent, delays: readonly Delay[]): void {
    const [only] = delays;
    const isOwn = delays.length === 1 && only !== undefined && !only.isForced && only.client === event.client;
    if (!isOwn) this.#fail(place, event, `granted within ${delays.length} lock-delays`);
  }

  #fail(place: Place, event: LoggedEvent, why: string): never {
    throw new Violation(this.invariant, `${place.node}, shard ${place.shard}, LSN ${event.lsn}, ${event.name}: ${why}`);
  }
}
