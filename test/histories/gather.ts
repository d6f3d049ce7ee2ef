/**
 * The rows of one resource, sorted into what was granted, what ended, and what was seen. Here a line that contradicts
 * another whatever the order of events was is found; what depends on the order is left to order.ts.
 *
 * A grant knows four bounds, each with the line that it comes from:
 *
 *     call ≤ start ≤ startBy          the moment of the grant: within its operation, and before it was first seen held
 *     heldFrom ≤ end ≤ goneBy         the moment of its end: not before it was last seen held
 */
import {
  HISTORY_OPERATIONS,
  HISTORY_OUTCOMES,
  type HistoryOperation,
  type HistoryOutcome,
} from "../../src/words/history.js";
import { FLAG_DELAYS, FLAG_WAITS, type HistoryBook, ROW_BELIEVE, ROW_WATCH } from "./book.js";
import { Contradiction } from "./findings.js";

export const EXCLUSIVE = 0;
export const SHARED = 1;

/** One grant. Times in nanoseconds, widened by the error of the clocks. */
export interface Grant {
  readonly token: number;
  readonly line: number;
  readonly session: number;
  readonly id: number;
  readonly mode: number;
  readonly permits: number;
  readonly delays: boolean;
  readonly call: number;
  readonly returned: number;
  /** At first its call; order.ts moves it behind a moment at which nobody held. */
  startFrom: number;
  startFromLine: number;
  startBy: number;
  startByLine: number;
  heldFrom: number;
  heldFromLine: number;
  goneBy: number;
  goneByLine: number;
  /** The line of its release; 0: none is known. */
  released: number;
  /** The earliest moments that go with all that came before: order.ts finds them. */
  start: number;
  end: number;
  /** The latest end of all grants before. */
  endsBefore: number;
}

/** An acquire without an answer: it may have been granted at any time from its call on. */
export interface Unknown {
  readonly line: number;
  readonly session: number;
  readonly id: number;
  readonly mode: number;
  readonly call: number;
  /** From here on it holds nothing: its cancel was answered. */
  until: number;
}

/** Somebody was told that somebody else stood in the way, or who holds. */
export interface Sighting {
  readonly line: number;
  readonly row: number;
  readonly call: number;
  readonly returned: number;
}

/** A revocation or its stronger sister, answered or not. */
export interface Forced extends Sighting {
  readonly token: number;
  readonly outcome: HistoryOutcome;
  readonly count: number;
}

/** All about one resource. */
export interface Gathered {
  /** By token. */
  readonly grants: readonly Grant[];
  readonly unknowns: readonly Unknown[];
  /** Answers that need somebody in the way. */
  readonly obstacles: readonly Sighting[];
  readonly checks: readonly Sighting[];
  /** Moments at which nobody held: each fell between two grants. */
  readonly frees: readonly Sighting[];
  readonly forced: readonly Forced[];
  /** When waits that were possible began and ended, each sorted. */
  readonly waitCalls: readonly number[];
  readonly waitReturns: readonly number[];
  /** Rows of watches. */
  readonly watched: readonly number[];
}

type Sorted = { -readonly [Key in keyof Gathered]: Gathered[Key] extends readonly (infer Item)[] ? Item[] : never };

/** Sorts the rows of a resource. @throws Contradiction */
export function gather(book: HistoryBook, resource: number): Gathered {
  const rows: number[] = [];
  for (let row = book.lastOf(resource); row >= 0; row = book.previous(row)) rows.push(row);
  rows.reverse();
  const error = book.header?.clock_error_ns ?? 0;
  const about: Sorted = {
    grants: [],
    unknowns: [],
    obstacles: [],
    checks: [],
    frees: [],
    forced: [],
    waitCalls: [],
    waitReturns: [],
    watched: [],
  };
  const later: number[] = [];
  for (const row of rows) {
    const kind = book.kind(row);
    if (kind === ROW_WATCH) about.watched.push(row);
    else if (kind === 0) takeAcquire(book, about, row, error);
    else later.push(row);
  }
  sortGrants(about.grants);
  for (const row of later) {
    const kind = HISTORY_OPERATIONS[book.kind(row)];
    if (kind === "cancel") takeCancel(book, about, row, error);
  }
  const claims = new ClaimsSeen(book, about, error);
  for (const row of later) {
    const kind = HISTORY_OPERATIONS[book.kind(row)];
    if (kind === "revoke" || kind === "force-release") takeForced(book, about, row, { error, kind });
  }
  for (const row of later) {
    const kind = HISTORY_OPERATIONS[book.kind(row)];
    if (book.kind(row) === ROW_BELIEVE) claims.believed(row);
    else if (kind === "release" || kind === "renew") claims.answered(row, kind);
    else if (kind === "check") takeCheck(book, about, row, error);
  }
  claims.finish();
  about.waitCalls.sort((one, other) => one - other);
  about.waitReturns.sort((one, other) => one - other);
  return about;
}

/** The grant of a token, if there is one. */
export function grantOf(grants: readonly Grant[], token: number): Grant | undefined {
  let low = 0;
  let high = grants.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((grants[middle]?.token ?? 0) < token) low = middle + 1;
    else high = middle;
  }
  const grant = grants[low];
  return grant?.token === token ? grant : undefined;
}

function sightingOf(book: HistoryBook, row: number, error: number): Sighting {
  return { line: book.line(row), row, call: book.call(row) - error, returned: book.returned(row) + error };
}

function takeAcquire(book: HistoryBook, about: Sorted, row: number, error: number): void {
  const outcome = HISTORY_OUTCOMES[book.outcome(row)] ?? "unknown";
  const call = book.call(row) - error;
  const returned = book.returned(row) + error;
  const flags = book.flags(row);
  if ((flags & FLAG_WAITS) !== 0) {
    about.waitCalls.push(call);
    about.waitReturns.push(returned);
  }
  const line = book.line(row);
  const whose = { line, session: book.session(row), id: book.id(row), mode: book.mode(row), call };
  if (outcome === "granted") {
    about.grants.push({
      token: book.token(row),
      ...whose,
      permits: book.number(row),
      delays: (flags & FLAG_DELAYS) !== 0,
      returned,
      startFrom: call,
      startFromLine: line,
      startBy: returned,
      startByLine: line,
      heldFrom: call,
      heldFromLine: line,
      goneBy: Number.POSITIVE_INFINITY,
      goneByLine: 0,
      released: 0,
      start: 0,
      end: 0,
      endsBefore: 0,
    });
  } else if (outcome === "unknown") about.unknowns.push({ ...whose, until: Number.POSITIVE_INFINITY });
  else if (outcome !== "refused") {
    const sighting = sightingOf(book, row, error);
    about.obstacles.push(sighting);
    if (book.details(row).holder === null) about.frees.push(sighting);
  }
}

/** One token for each grant, one grant for each request. */
function sortGrants(grants: Grant[]): void {
  let isSorted = true;
  for (let at = 1; at < grants.length; at++) {
    if ((grants[at - 1]?.token ?? 0) >= (grants[at]?.token ?? 0)) isSorted = false;
  }
  if (!isSorted) grants.sort((one, other) => one.token - other.token);
  const requests = new Map<number, Map<number, Grant>>();
  grants.forEach((grant, at) => {
    const before = grants[at - 1];
    if (before?.token === grant.token) {
      throw new Contradiction("token-twice", `token ${grant.token} was granted twice`, before.line, grant.line);
    }
    if (grants.length === 1) return;
    const ofSession = requests.get(grant.session) ?? new Map<number, Grant>();
    const same = ofSession.get(grant.id);
    if (same !== undefined && grant.session !== ANONYMOUS) {
      throw new Contradiction("request-twice", `INV-7: request ${grant.id} was granted twice`, same.line, grant.line);
    }
    requests.set(grant.session, ofSession.set(grant.id, grant));
  });
}

/** No session: ids of several clients. The book names it first. */
const ANONYMOUS = 0;

function takeCancel(book: HistoryBook, about: Sorted, row: number, error: number): void {
  const outcome = HISTORY_OUTCOMES[book.outcome(row)];
  const id = book.number(row);
  const session = book.session(row);
  const line = book.line(row);
  const grant = about.grants.find((one) => one.session === session && one.id === id);
  if (outcome === "cancelled") {
    if (grant !== undefined) {
      throw new Contradiction("granted-though-cancelled", `request ${id} was cancelled, and granted`, grant.line, line);
    }
    for (const unknown of about.unknowns) {
      if (unknown.session === session && unknown.id === id) unknown.until = book.returned(row) + error;
    }
  } else if (outcome === "already_granted") {
    if (grant !== undefined && grant.token !== book.token(row)) {
      throw new Contradiction("token-of-cancel", `request ${id} was granted with two tokens`, grant.line, line);
    }
  }
}

function takeForced(
  book: HistoryBook,
  about: Sorted,
  row: number,
  how: { readonly error: number; readonly kind: HistoryOperation },
): void {
  const outcome = HISTORY_OUTCOMES[book.outcome(row)] ?? "unknown";
  const sighting = sightingOf(book, row, how.error);
  const token = book.token(row);
  const count = book.number(row);
  if (outcome === "ok" && count > 0 && token === 0) about.obstacles.push(sighting);
  const endsAll = how.kind === "force-release" && outcome === "ok" && token === 0;
  // A revocation counts only what was not revoked before.
  const sawNone = how.kind === "force-release" && token === 0 && (outcome === "not_held" || count === 0);
  if ((endsAll || sawNone) && outcome !== "unknown" && outcome !== "refused") about.frees.push(sighting);
  const grant = outcome === "ok" && count > 0 && token > 0 ? grantOf(about.grants, token) : undefined;
  if (grant !== undefined) narrow(grant, sighting, how.kind === "force-release");
  if (how.kind === "force-release" && (outcome === "ok" || outcome === "unknown")) {
    about.forced.push({ ...sighting, token, outcome, count });
  }
}

/** It held at some moment of the sighting, and perhaps ended there. */
function narrow(grant: Grant, { line, call, returned }: Sighting, ends: boolean): void {
  if (returned < grant.startBy) {
    grant.startBy = returned;
    grant.startByLine = line;
  }
  if (call > grant.heldFrom) {
    grant.heldFrom = call;
    grant.heldFromLine = line;
  }
  if (ends && returned < grant.goneBy) {
    grant.goneBy = returned;
    grant.goneByLine = line;
  }
}

function takeCheck(book: HistoryBook, about: Sorted, row: number, error: number): void {
  const outcome = HISTORY_OUTCOMES[book.outcome(row)];
  if (outcome !== "free" && outcome !== "held") return;
  const sighting = sightingOf(book, row, error);
  about.checks.push(sighting);
  if (book.details(row).holders.length === 0) about.frees.push(sighting);
}

/** What was said of single claims: narrows the bounds of their grants. */
class ClaimsSeen {
  readonly #book: HistoryBook;
  readonly #about: Sorted;
  readonly #error: number;
  /** Tokens that no answer granted: an acquire without an answer must have had them. */
  readonly #strange: Map<number, number> = new Map();

  constructor(book: HistoryBook, about: Sorted, error: number) {
    this.#book = book;
    this.#about = about;
    this.#error = error;
  }

  believed(row: number): void {
    const book = this.#book;
    const line = book.line(row);
    const grant = grantOf(this.#about.grants, book.token(row));
    if (grant === undefined) {
      throw new Contradiction("believed-without-grant", `token ${book.token(row)} was believed, never granted`, line);
    }
    const from = book.call(row) + this.#error;
    const to = book.returned(row) - this.#error;
    if (from < grant.startBy) {
      grant.startBy = from;
      grant.startByLine = line;
    }
    if (to > grant.heldFrom && !this.#mayBeForced(grant, to)) {
      grant.heldFrom = to;
      grant.heldFromLine = line;
    }
  }

  answered(row: number, kind: "release" | "renew"): void {
    const book = this.#book;
    const outcome = HISTORY_OUTCOMES[book.outcome(row)];
    const isHeld = outcome === "released" || outcome === "renewed";
    if (!isHeld && outcome !== "not_held") return;
    const line = book.line(row);
    const call = book.call(row) - this.#error;
    const returned = book.returned(row) + this.#error;
    const grant = grantOf(this.#about.grants, book.token(row));
    if (grant === undefined) {
      if (isHeld) this.#strange.set(book.token(row), line);
      return;
    }
    if (isHeld) narrow(grant, { line, row, call, returned }, outcome === "released");
    // A stranger's release is answered "not held" whoever holds (INV-8), and before the grant it is only true.
    const isGone = !isHeld && book.session(row) === grant.session && call > grant.returned;
    if (isGone && returned < grant.goneBy) {
      grant.goneBy = returned;
      grant.goneByLine = line;
    }
    if (kind !== "release" || !isHeld) return;
    if (grant.released > 0) {
      throw new Contradiction("released-twice", `token ${grant.token} was released twice`, grant.released, line);
    }
    grant.released = line;
  }

  /** After all: tokens of nobody, and bounds that contradict each other. */
  finish(): void {
    const { unknowns, grants } = this.#about;
    const [strange] = this.#strange;
    if (strange !== undefined && this.#strange.size > unknowns.length) {
      throw new Contradiction("never-granted", `token ${strange[0]} held, but no request got it`, strange[1]);
    }
    for (const grant of grants) {
      if (grant.startBy < grant.call) {
        const lines = [grant.line, grant.startByLine];
        throw new Contradiction("held-before-asked", `token ${grant.token} was held before it was asked for`, ...lines);
      }
      if (grant.goneBy < grant.heldFrom) {
        const lines = [grant.line, grant.heldFromLine, grant.goneByLine];
        throw new Contradiction("held-after-end", `token ${grant.token} was held after it had ended`, ...lines);
      }
    }
  }

  /** Then belief proves nothing: only fencing protects. */
  #mayBeForced(grant: Grant, to: number): boolean {
    return this.#about.forced.some(
      ({ token, call, returned }) => (token === 0 || token === grant.token) && call <= to && returned >= grant.call,
    );
  }
}

/** How many of the waits that were possible may have waited at some moment of [call, returned]. */
export function waitsWithin(about: Gathered, call: number, returned: number): number {
  return countUpTo(about.waitCalls, returned, false) - countUpTo(about.waitReturns, call, true);
}

/** How many of the sorted numbers are at most `bound`, or below it. */
function countUpTo(sorted: readonly number[], bound: number, below: boolean): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const value = sorted[middle] ?? 0;
    if (below ? value < bound : value <= bound) low = middle + 1;
    else high = middle;
  }
  return low;
}
