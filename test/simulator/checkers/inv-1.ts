/** INV-1: after no LSN do two claims hold a resource in modes that exclude each other, on any replica. */
import {
  CLAIM_MODE_MASK,
  EVENT_ENQUEUED,
  EVENT_EXPIRED,
  EVENT_FORCED,
  EVENT_GRANTED,
  EVENT_GRANTED_WAITER,
  EVENT_RELEASED,
} from "../../../src/words/event-kinds.js";
import { MODE_PERMIT, MODE_SHARED } from "../../../src/words/mode.js";
import type { LoggedEvent } from "../log-reader.js";
import { type Checker, type Place, Violation } from "./checker.js";
import { PlaceBooks } from "./place-books.js";

interface Use {
  /** Mode by token. */
  readonly holders: Map<number, number>;
  permits: number;
}

export class NoTwoHolders implements Checker {
  readonly invariant = "INV-1";
  readonly #books: PlaceBooks<Map<string, Use>> = new PlaceBooks(() => new Map<string, Use>());

  forget(place: Place): void {
    this.#books.forget(place);
  }

  applied(place: Place, event: LoggedEvent): void {
    const uses = this.#books.of(place);
    switch (event.kind) {
      case EVENT_ENQUEUED:
        if (event.permits > 0) useOf(uses, event.name).permits = event.permits;
        return;
      case EVENT_GRANTED:
      case EVENT_GRANTED_WAITER:
        return this.#hold(place, useOf(uses, event.name), event);
      case EVENT_RELEASED:
      case EVENT_EXPIRED:
      case EVENT_FORCED: {
        const use = useOf(uses, event.name);
        if (!use.holders.delete(event.token))
          throw new Violation(this.invariant, `${where(place, event)}: the end of ${event.token}, which does not hold`);
        if (use.holders.size === 0) uses.delete(event.name);
      }
    }
  }

  #hold(place: Place, use: Use, event: LoggedEvent): void {
    const mode = event.flags & CLAIM_MODE_MASK;
    if (event.permits > 0) use.permits = event.permits;
    for (const [token, other] of use.holders) {
      if (mode === other && mode !== 0 && (mode === MODE_SHARED || use.holders.size < use.permits)) continue;
      throw new Violation(this.invariant, `${where(place, event)}: mode ${mode} beside ${token} of mode ${other}`);
    }
    if (mode === MODE_PERMIT && use.permits < 1)
      throw new Violation(this.invariant, `${where(place, event)}: a permit of none`);
    use.holders.set(event.lsn, mode);
  }
}

function useOf(uses: Map<string, Use>, resource: string): Use {
  const found = uses.get(resource);
  if (found !== undefined) return found;
  const made: Use = { holders: new Map(), permits: 0 };
  uses.set(resource, made);
  return made;
}

function where(place: Place, event: LoggedEvent): string {
  return `${place.node}, shard ${place.shard}, LSN ${event.lsn}, ${event.name}`;
}
