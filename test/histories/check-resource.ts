/** Everything that is judged about one resource. */
import type { HistoryBook } from "./book.js";
import { Contradiction, type Violation } from "./findings.js";
import { EXCLUSIVE, gather, type Gathered, type Grant, SHARED, type Sighting, waitsWithin } from "./gather.js";
import { findOrder, lastStarted, type Needed } from "./order.js";
import { checkWatches } from "./watches.js";

/** A check that names so many may have left some out (PROTOCOL §4). */
const HOLDERS_NAMED_SURELY = 15;
/** A check is compared with at most so many grants before it. */
const GRANTS_COMPARED = 64;

const MODE_NUMBERS = { exclusive: 0, shared: 1, permit: 2 } as const;

/** Judges one resource: its first contradiction, if any. */
export function checkResource(book: HistoryBook, resource: number): Violation | undefined {
  try {
    const about = gather(book, resource);
    const needed = [...neededByObstacles(book, about), ...neededByChecks(book, about)];
    findOrder(about, needed);
    for (const check of about.checks) checkNames(book, about, check);
    checkWatches(book, about);
    return undefined;
  } catch (error) {
    if (!(error instanceof Contradiction)) throw error;
    return { resource: book.resources.text(resource), rule: error.rule, why: error.message, lines: error.lines };
  }
}

/** A busy, and a wait that was not granted at once, need a holder, a waiter or a lock-delay. */
function neededByObstacles(book: HistoryBook, about: Gathered): Needed[] {
  return about.obstacles.flatMap((sighting) => {
    const { holder, waiters } = book.details(sighting.row);
    checkWaiters(book, about, sighting);
    const session = typeof holder === "string" ? book.sessions.of(holder) : -1;
    if (typeof holder !== "string") {
      const others = waitsWithin(about, sighting.call, sighting.returned) - 1;
      if ((holder === undefined || waiters > 0) && others > 0) return [];
      if (mayBeDelayed(about, sighting)) return [];
      if (holder === null && !mayBeUnknown(about, sighting, -1, -1)) {
        throw new Contradiction("nobody-there", "busy without a holder, a waiter or a lock-delay", sighting.line);
      }
    }
    if (holder === null || mayBeUnknown(about, sighting, session, -1)) return [];
    return [{ sighting, session, mode: -1, rank: 1, why: "somebody was in the way, and nobody can have been" }];
  });
}

function neededByChecks(book: HistoryBook, about: Gathered): Needed[] {
  return about.checks.flatMap((sighting) => {
    const { holders } = book.details(sighting.row);
    checkWaiters(book, about, sighting);
    if (holders.length === 0) {
      const isFree = book.outcome(sighting.row) === FREE;
      if (isFree || mayBeDelayed(about, sighting) || about.unknowns.length > 0) return [];
      throw new Contradiction("nobody-there", "neither free nor held, and no lock-delay", sighting.line);
    }
    if (holders.length > 1 && new Set(holders.map(({ mode }) => mode)).size + exclusives(holders) > 1) {
      throw new Contradiction("two-holders", "INV-1: a check names holders that exclude each other", sighting.line);
    }
    const ranks = new Map<string, number>();
    return holders.flatMap(({ client, mode }) => {
      const session = book.sessions.of(client);
      const number = MODE_NUMBERS[mode];
      const rank = (ranks.get(client) ?? 0) + 1;
      ranks.set(client, rank);
      if (mayBeUnknown(about, sighting, session, number)) return [];
      return [{ sighting, session, mode: number, rank, why: `a check names ${client} (${mode}), which can't hold` }];
    });
  });
}

/** `free` in HISTORY_OUTCOMES. */
const FREE = 7;

function exclusives(holders: readonly { readonly mode: string }[]): number {
  return holders.some(({ mode }) => mode === "exclusive") ? 1 : 0;
}

/** An acquire without an answer may hold from its call on. */
function mayBeUnknown(about: Gathered, seen: Sighting, session: number, mode: number): boolean {
  return about.unknowns.some(
    (one) =>
      (session < 0 || one.session === session) &&
      (mode < 0 || one.mode === mode) &&
      one.call <= seen.returned &&
      one.until >= seen.call,
  );
}

/**
 * A lock-delay begins where a claim that has one expires or is forced. An exclusive grant is the end of all delays before
 * it but its own session's: to that one it may come within them, and they go on after it.
 */
function mayBeDelayed(about: Gathered, seen: Sighting): boolean {
  let onlyOf = -1;
  for (let at = about.grants.length - 1; at >= 0; at--) {
    const grant = about.grants[at];
    if (grant === undefined || grant.call > seen.returned) continue;
    const mayGoOn = onlyOf === -1 || grant.session === onlyOf;
    if (mayGoOn && grant.delays && grant.released === 0) return true;
    if (grant.mode !== EXCLUSIVE || grant.returned >= seen.call) continue;
    if (!mayGoOn) return false;
    onlyOf = grant.session;
  }
  return false;
}

function checkWaiters(book: HistoryBook, about: Gathered, seen: Sighting): void {
  const { waiters } = book.details(seen.row);
  const possible = waiters === 0 ? 0 : waitsWithin(about, seen.call, seen.returned);
  if (waiters <= possible) return;
  throw new Contradiction("unwanted-wait", `${waiters} are told to wait, at most ${possible} can`, seen.line);
}

/** A check names everybody who surely held from before it was asked until after it was answered. */
function checkNames(book: HistoryBook, about: Gathered, seen: Sighting): void {
  const { holders } = book.details(seen.row);
  if (holders.length > HOLDERS_NAMED_SURELY) return;
  const named = new Map<string, number>();
  for (const { client, mode } of holders) {
    const key = `${MODE_NUMBERS[mode]} ${client}`;
    named.set(key, (named.get(key) ?? 0) + 1);
  }
  const last = lastStarted(about.grants, seen.call);
  let permits = 0;
  for (let at = last; at >= Math.max(0, last - GRANTS_COMPARED); at--) {
    const grant = about.grants[at];
    if (grant === undefined) return;
    if (grant.mode !== EXCLUSIVE && grant.mode !== SHARED) permits = Math.max(permits, grant.permits);
    if (!surelyHolds(grant, seen)) continue;
    const key = `${grant.mode} ${book.sessions.text(grant.session)}`;
    const left = named.get(key) ?? 0;
    if (left === 0) {
      const lines = [grant.line, grant.heldFromLine, seen.line];
      throw new Contradiction("not-named", `token ${grant.token} was held, and a check does not name it`, ...lines);
    }
    named.set(key, left - 1);
  }
  if (permits > 0 && holders.length > permits && holders[0]?.mode === "permit") {
    throw new Contradiction("too-many", `INV-1: ${holders.length} hold ${permits} permits`, seen.line);
  }
}

function surelyHolds(grant: Grant, seen: Sighting): boolean {
  return grant.startBy < seen.call && grant.heldFrom > seen.returned;
}
