/**
 * INV-4: no client believes that it holds while another is granted, in true time. Asked at each grant of all other
 * clients, and after each frame of the client that read it, because belief may be extended wrongly later.
 */
import { CLAIM_MODE_MASK, EVENT_FORCED, EVENT_GRANTED, EVENT_GRANTED_WAITER } from "../../../src/words/event-kinds.js";
import { MODE_EXCLUSIVE, MODE_PERMIT, MODE_SHARED } from "../../../src/words/mode.js";
import type { LoggedEvent } from "../log-reader.js";
import { type Belief, type Believers, type Checker, type Place, Violation } from "./checker.js";
import { PlaceBooks } from "./place-books.js";

interface Latest {
  /** The largest tokens that were granted exclusively, and in any mode. */
  exclusive: number;
  any: number;
}

export class BeliefIsTrue implements Checker {
  readonly invariant = "INV-4";
  readonly #believers: Believers;
  readonly #books: PlaceBooks<Map<string, Latest>> = new PlaceBooks(() => new Map<string, Latest>());
  /** Force-released: only fencing protects there. */
  readonly #forced = new Set<string>();

  constructor(believers: Believers) {
    this.#believers = believers;
  }

  forget(place: Place): void {
    this.#books.forget(place);
  }

  applied(place: Place, event: LoggedEvent, atUs: number, isAgain: boolean): void {
    if (event.kind === EVENT_FORCED) this.#forced.add(`${event.name} ${event.token}`);
    if (event.kind !== EVENT_GRANTED && event.kind !== EVENT_GRANTED_WAITER) return;
    const mode = event.flags & CLAIM_MODE_MASK;
    const book = this.#books.of(place);
    const latest = book.get(event.name) ?? { exclusive: 0, any: 0 };
    latest.any = event.lsn;
    if (mode === MODE_EXCLUSIVE) latest.exclusive = event.lsn;
    book.set(event.name, latest);
    if (isAgain) return;
    const others = this.#believers(event.name).filter((belief) => !this.#isForced(belief));
    for (const belief of others) {
      if (mode === MODE_SHARED && belief.mode === MODE_SHARED) continue;
      if (mode === MODE_PERMIT && belief.mode === MODE_PERMIT && others.length < belief.permits) continue;
      throw new Violation(this.invariant, `at ${atUs} us ${event.name} is granted with ${event.lsn}, ${text(belief)}`);
    }
  }

  believed(belief: Belief, atUs: number): void {
    if (this.#isForced(belief)) return;
    for (const book of this.#books.all()) {
      const latest = book.get(belief.resource);
      if (latest === undefined) continue;
      const excluding = belief.mode === MODE_EXCLUSIVE ? latest.any : latest.exclusive;
      if (excluding > belief.token)
        throw new Violation(this.invariant, `at ${atUs} us ${excluding} was granted, ${text(belief)}`);
    }
  }

  #isForced(belief: Belief): boolean {
    return this.#forced.has(`${belief.resource} ${belief.token}`);
  }
}

function text(belief: Belief): string {
  return `and ${belief.client} believes that it holds ${belief.resource} with token ${belief.token}`;
}
