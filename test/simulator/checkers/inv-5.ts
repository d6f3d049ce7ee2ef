/**
 * INV-5, its second half: for each answer there is a moment between request and answer when its content was true. Judged
 * for answers that change nothing, `busy`, `checked` and `position`, against the history of the resource by the log: a
 * state is true from the moment at which its entry was made to that of the next. A primary that was deposed and does not
 * know it tells states that had ended before it was asked. That entries are the same everywhere is in replica-books.ts.
 */
import type { Holder } from "../../../src/protocol/server-messages.js";
import {
  CLAIM_MODE_MASK,
  CLIENT_SESSION,
  EVENT_ABANDONED,
  EVENT_BEGAN,
  EVENT_CANCELLED,
  EVENT_DELAY_ENDED,
  EVENT_ENQUEUED,
  EVENT_EXPIRED,
  EVENT_FORCED,
  EVENT_GRANTED,
  EVENT_GRANTED_WAITER,
  EVENT_RELEASED,
  EVENT_TIMED_OUT,
} from "../../../src/words/event-kinds.js";
import { modeOf } from "../../../src/words/mode.js";
import type { LoggedEvent } from "../log-reader.js";
import { publicIdOf } from "../public-id.js";
import { type Checker, type HeardAnswer, type Place, Violation } from "./checker.js";
import { PlaceBooks } from "./place-books.js";

interface Held {
  readonly token: number;
  readonly mode: string;
  /** Public id; "" without a session. */
  readonly client: string;
}

/** How a resource stood from a moment on. */
interface Standing {
  readonly fromUs: number;
  readonly held: readonly Held[];
  readonly waiters: number;
  readonly delays: number;
}

interface Book {
  /** Public id by the client's row. */
  readonly clients: Map<number, string>;
  readonly standings: Map<string, Standing[]>;
}

/** What an answer says of its resource; undefined: nothing. */
interface Content {
  readonly holders: readonly Holder[];
  readonly waiters: number | undefined;
  readonly waitersMin: number;
  readonly isDelayed: boolean;
}

const NOBODY: Standing = { fromUs: 0, held: [], waiters: 0, delays: 0 };
/** A busy names no more of those who hold; a check has many more. */
const NAMED_MAX = 16;

export class AnswersAreTrue implements Checker {
  readonly invariant = "INV-5";
  readonly #books: PlaceBooks<Book> = new PlaceBooks(() => ({
    clients: new Map<number, string>(),
    standings: new Map<string, Standing[]>(),
  }));

  forget(place: Place): void {
    this.#books.forget(place);
  }

  applied(place: Place, event: LoggedEvent, atUs: number): void {
    const book = this.#books.of(place);
    if (event.kind === EVENT_BEGAN) {
      book.clients.set(event.row, (event.flags & CLIENT_SESSION) === 0 ? "" : publicIdOf(event.key));
      return;
    }
    const standings = book.standings.get(event.name) ?? [NOBODY];
    const next = after(standings.at(-1) ?? NOBODY, event, { atUs, client: book.clients.get(event.client) ?? "" });
    if (next === undefined) return;
    standings.push(next);
    book.standings.set(event.name, standings);
  }

  answered(answer: HeardAnswer): void {
    const content = contentOf(answer.message);
    if (content === undefined) return;
    for (const standings of this.#standingsOf(answer.resource)) {
      let endUs = Number.POSITIVE_INFINITY;
      for (let at = standings.length - 1; at >= 0 && endUs >= answer.sentUs; at--) {
        const standing = standings[at] ?? NOBODY;
        if (standing.fromUs <= answer.atUs && isAs(standing, content, answer)) return;
        endUs = standing.fromUs;
      }
    }
    const { client, kind, requestId, resource, sentUs, atUs } = answer;
    const what = `${client} was told ${kind} of ${resource} by request ${requestId}: ${told(content)}`;
    throw new Violation(this.invariant, `${what}, which was so at no moment from ${sentUs} to ${atUs} us`);
  }

  /** A resource is in one place; nobody has ever asked for one that is in none. */
  #standingsOf(resource: string): readonly (readonly Standing[])[] {
    const found = [...this.#books.all()].flatMap(({ standings }) => {
      const of = standings.get(resource);
      return of === undefined ? [] : [of];
    });
    return found.length === 0 ? [[NOBODY]] : found;
  }
}

/** How it stands after an event; undefined if nothing of it has changed. */
function after(
  before: Standing,
  event: LoggedEvent,
  { atUs, client }: { readonly atUs: number; readonly client: string },
): Standing | undefined {
  const { held, waiters, delays } = before;
  const now = { ...before, fromUs: atUs };
  const delay = event.deadline > 0 ? 1 : 0;
  switch (event.kind) {
    case EVENT_GRANTED:
    case EVENT_GRANTED_WAITER: {
      const mode = modeOf(event.flags & CLAIM_MODE_MASK) ?? "";
      const waited = event.kind === EVENT_GRANTED_WAITER ? 1 : 0;
      return { ...now, held: [...held, { token: event.lsn, mode, client }], waiters: waiters - waited };
    }
    case EVENT_ENQUEUED:
      return { ...now, waiters: waiters + 1 };
    case EVENT_CANCELLED:
    case EVENT_TIMED_OUT:
    case EVENT_ABANDONED:
      return { ...now, waiters: waiters - 1 };
    case EVENT_RELEASED:
      return { ...now, held: held.filter(({ token }) => token !== event.token) };
    case EVENT_EXPIRED:
    case EVENT_FORCED:
      return { ...now, held: held.filter(({ token }) => token !== event.token), delays: delays + delay };
    case EVENT_DELAY_ENDED:
      return { ...now, delays: delays - 1 };
  }
  return undefined;
}

function contentOf(message: HeardAnswer["message"]): Content | undefined {
  if (message.kind === "busy" || message.kind === "checked") {
    const { holders, waiters, delayMs } = message;
    return { holders, waiters, waitersMin: 0, isDelayed: delayMs > 0 };
  }
  if (message.kind !== "position") return undefined;
  return { holders: message.holders, waiters: undefined, waitersMin: message.position, isDelayed: false };
}

/** Whether an answer tells of a resource that stands so. A delay that has run out is told as none until it ends. */
function isAs(standing: Standing, content: Content, { kind }: HeardAnswer): boolean {
  const { held, waiters, delays } = standing;
  const { holders } = content;
  if (content.waiters !== undefined && content.waiters !== waiters) return false;
  if (waiters < content.waitersMin || (content.isDelayed && delays === 0)) return false;
  if (kind === "busy" && held.length + waiters + delays === 0) return false;
  if (holders.length !== (kind === "checked" ? held.length : Math.min(held.length, NAMED_MAX))) return false;
  const left = [...held];
  return holders.every((holder) => {
    const at = left.findIndex(({ token, mode, client }) => {
      return mode === holder.mode && client === holder.client && (holder.token === 0 || holder.token === token);
    });
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  });
}

function told({ holders, waiters, waitersMin, isDelayed }: Content): string {
  const who = holders.map(({ mode, client, token }) => `${mode} by ${client}${token === 0 ? "" : ` with ${token}`}`);
  const waiting = waiters === undefined ? `at least ${waitersMin} wait` : `${waiters} wait`;
  return `held ${who.length === 0 ? "by nobody" : who.join(", ")}; ${waiting}${isDelayed ? "; delayed" : ""}`;
}
