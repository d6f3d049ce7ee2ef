/**
 * INV-8: only the holder's own session and token, its deadline, or an admin ends or changes a claim. Each end must name
 * its cause, and the cause must be there.
 */
import {
  ASKED,
  CAUSE_SESSION,
  CLAIM_BOUND,
  CLAIM_LOOSE,
  CLIENT_SESSION,
  EVENT_ABANDONED,
  EVENT_BEGAN,
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
import { type Checker, type Place, Violation } from "./checker.js";
import { PlaceBooks } from "./place-books.js";

interface Claim {
  readonly client: number;
  readonly flags: number;
  readonly ttlMs: number;
  /** Its own LSN: of its grant, or of its entry into the queue. */
  lsn: number;
  isHeld: boolean;
  isRevoked: boolean;
  /** Of its lease or wait, shard time; 0: it is bound to its session. */
  deadline: number;
}
interface Client {
  readonly key: string;
  readonly ttlMs: number;
  /** Shard time at which it surely was heard: its last event that it asked for itself. */
  heard: number;
}
interface Book {
  readonly claims: Map<number, Claim>;
  readonly clients: Map<number, Client>;
}

export class EndsHaveCauses implements Checker {
  readonly invariant = "INV-8";
  readonly #graceMs: number;
  readonly #books: PlaceBooks<Book> = new PlaceBooks(() => ({
    claims: new Map<number, Claim>(),
    clients: new Map<number, Client>(),
  }));
  readonly #ordered = new Set<string>();
  readonly #closed = new Set<string>();

  /** @param graceMs how long a waiter may be silent */
  constructor(graceMs: number) {
    this.#graceMs = graceMs;
  }

  forget(place: Place): void {
    this.#books.forget(place);
  }
  ordered(resource: string): void {
    this.#ordered.add(resource);
  }
  closed(key: string): void {
    this.#closed.add(key);
  }

  applied(place: Place, event: LoggedEvent): void {
    const book = this.#books.of(place);
    if (event.kind === EVENT_BEGAN) return began(book, event);
    const why = this.#look(book, event);
    if (why === undefined) return;
    const where = `${place.node}, shard ${place.shard}, LSN ${event.lsn} (kind ${event.kind}), ${event.name}`;
    throw new Violation(this.invariant, `${where}: ${why}`);
  }

  #look(book: Book, event: LoggedEvent): string | undefined {
    const client = book.clients.get(event.client);
    const isOwn = (event.flags & ASKED) !== 0 || event.kind === EVENT_ENQUEUED;
    switch (event.kind) {
      case EVENT_GRANTED:
      case EVENT_ENQUEUED:
        if (client !== undefined && isOwn) client.heard = event.stamp;
        return begin(book, event);
      case EVENT_GRANTED_WAITER:
        return grantWaiter(book, event);
      case EVENT_RELEASED:
        return this.#release(book, event, client, isOwn);
      case EVENT_RENEWED:
        return renew(book, event, client, isOwn);
      case EVENT_CANCELLED:
        if (client !== undefined && isOwn) client.heard = event.stamp;
        if (!isOwn && !this.#closed.has(client?.key ?? "")) return "cancelled, and nobody asked for it";
        return endWait(book, event);
      case EVENT_TIMED_OUT:
        if (event.stamp < (book.claims.get(event.row)?.deadline ?? 0)) return "timed out before its deadline";
        return endWait(book, event);
      case EVENT_ABANDONED:
        return this.#abandon(book, event, client);
      case EVENT_EXPIRED:
        return expire(book, event, client);
      case EVENT_FORCED:
      case EVENT_REVOKED:
        return this.#order(book, event);
    }
    return undefined;
  }

  #release(book: Book, event: LoggedEvent, client: Client | undefined, isOwn: boolean): string | undefined {
    const claim = book.claims.get(event.row);
    if (claim?.isHeld !== true || claim.lsn !== event.token) return `${event.token} does not hold`;
    book.claims.delete(event.row);
    if (client !== undefined && isOwn) client.heard = event.stamp;
    if ((claim.flags & CLAIM_LOOSE) !== 0) return undefined; // It is its principal's, and all here are of one.
    if (claim.client !== event.client) return `row ${event.client} releases what row ${claim.client} holds`;
    if (!isOwn && !this.#closed.has(client?.key ?? "")) return "released, and nobody asked for it";
    return undefined;
  }

  #abandon(book: Book, event: LoggedEvent, client: Client | undefined): string | undefined {
    const graceMs = Math.min(this.#graceMs, client?.ttlMs ?? 0);
    if (client !== undefined && event.stamp < client.heard + graceMs)
      return `abandoned at ${event.stamp}, heard at ${client.heard}`;
    return endWait(book, event);
  }

  #order(book: Book, event: LoggedEvent): string | undefined {
    const claim = book.claims.get(event.row);
    if (claim?.isHeld !== true || claim.lsn !== event.token) return `${event.token} does not hold`;
    if (!this.#ordered.has(event.name)) return "no admin ordered it";
    if (event.kind === EVENT_FORCED) book.claims.delete(event.row);
    else {
      claim.isRevoked = true;
      claim.deadline = event.deadline;
    }
    return undefined;
  }
}

function began(book: Book, event: LoggedEvent): void {
  const isSession = (event.flags & CLIENT_SESSION) !== 0;
  book.clients.set(event.row, { key: isSession ? event.key : "", ttlMs: event.ttlMs, heard: event.stamp });
}

function begin(book: Book, event: LoggedEvent): string | undefined {
  if (book.claims.has(event.row)) return `row ${event.row} is another claim's`;
  const isHeld = event.kind === EVENT_GRANTED;
  book.claims.set(event.row, {
    client: event.client,
    flags: event.flags,
    ttlMs: event.ttlMs,
    lsn: event.lsn,
    isHeld,
    isRevoked: false,
    deadline: event.deadline,
  });
  if (isHeld && event.ttlMs > 0 && event.deadline < event.stamp + event.ttlMs) return "its lease is shorter than asked";
  return undefined;
}

function grantWaiter(book: Book, event: LoggedEvent): string | undefined {
  const claim = book.claims.get(event.row);
  if (claim === undefined || claim.isHeld) return "granted, and it did not wait";
  claim.isHeld = true;
  claim.lsn = event.lsn;
  claim.deadline = event.deadline;
  if (claim.ttlMs > 0 && event.deadline < event.stamp + claim.ttlMs) return "its lease is shorter than asked (R-17)";
  return undefined;
}

function renew(book: Book, event: LoggedEvent, client: Client | undefined, isOwn: boolean): string | undefined {
  const claim = book.claims.get(event.row);
  if (claim?.isHeld !== true || claim.lsn !== event.token) return `${event.token} does not hold`;
  if (client !== undefined && isOwn) client.heard = event.stamp;
  if ((claim.flags & CLAIM_LOOSE) === 0 && claim.client !== event.client)
    return `row ${event.client} renews what row ${claim.client} holds`;
  if (claim.isRevoked) return "renewed after it was revoked";
  if (event.deadline < claim.deadline) return `a renewal shortens it from ${claim.deadline} to ${event.deadline}`;
  claim.deadline = event.deadline;
  return undefined;
}

function endWait(book: Book, event: LoggedEvent): string | undefined {
  const claim = book.claims.get(event.row);
  if (claim === undefined || claim.isHeld) return "the end of a wait that is none";
  book.claims.delete(event.row);
  return undefined;
}

function expire(book: Book, event: LoggedEvent, client: Client | undefined): string | undefined {
  const claim = book.claims.get(event.row);
  if (claim?.isHeld !== true || claim.lsn !== event.token) return `${event.token} does not hold`;
  book.claims.delete(event.row);
  if ((event.flags & CAUSE_SESSION) !== 0) {
    if ((claim.flags & CLAIM_BOUND) === 0) return "its session's end takes a claim that has a lease of its own";
    if (client === undefined || event.stamp < client.heard + client.ttlMs)
      return `its session ends at ${event.stamp}, was heard at ${client?.heard ?? 0}`;
    return undefined;
  }
  if (claim.deadline === 0) return "expired, and it has no deadline";
  if (event.stamp < claim.deadline) return `expired at ${event.stamp}, before its deadline ${claim.deadline}`;
  return undefined;
}
