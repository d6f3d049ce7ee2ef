/**
 * Is there an order of events that explains all answers about a resource? No search is needed: tokens are the witness of
 * the order of grants, so each grant starts at the earliest moment that goes with the tokens before it, and each claim
 * ends at the earliest moment that goes with what was seen of it. Every rule only says "not before", so these earliest
 * moments are one solution if there is any; a moment that falls behind its upper bound is a contradiction.
 *
 *     token 7   |call……start════════════end|
 *     token 9        |call…………………………………start═══════end|      start(9) ≥ end(7), as their modes exclude each other
 *
 * A lease may end at any moment, so an end needs no event. An answer that needs a holder moves an end, one that needs
 * nobody moves a start, and either may move later starts, so passes are repeated until nothing moves.
 */
import { Contradiction } from "./findings.js";
import { EXCLUSIVE, type Gathered, type Grant, SHARED, type Sighting } from "./gather.js";

/** More passes than any real history needs; one that needs more is not judged by what is left. */
const PASSES_MAX = 200;

/** Somebody must have held at some moment of a sighting. */
export interface Needed {
  readonly sighting: Sighting;
  /** -1: anybody. */
  readonly session: number;
  /** -1: in any mode. */
  readonly mode: number;
  /** How many such holders at once: 1 is the last granted. */
  readonly rank: number;
  readonly why: string;
}

/** Finds the earliest start and end of each grant. @throws Contradiction if there are none */
export function findOrder(about: Gathered, needed: readonly Needed[]): void {
  for (let pass = 0; pass < PASSES_MAX; pass++) {
    placeAll(about);
    const movedEnds = provideHolders(about.grants, needed);
    const movedStarts = makeGaps(about);
    if (!movedEnds && !movedStarts) return;
  }
}

/** The latest ends so far, by what they keep out. */
class Ends {
  all: Grant | undefined;
  exclusive: Grant | undefined;
  shared: Grant | undefined;
  /** By number of permits: the latest ends, at most as many as permits, ascending. */
  readonly permits: Map<number, Grant[]> = new Map();

  take(grant: Grant): void {
    this.all = later(this.all, grant);
    if (grant.mode === EXCLUSIVE) this.exclusive = later(this.exclusive, grant);
    else if (grant.mode === SHARED) this.shared = later(this.shared, grant);
    else this.#takePermit(grant);
  }

  /** The one that ends last of those that keep `grant` out. */
  before(grant: Grant): Grant | undefined {
    if (grant.mode === EXCLUSIVE) return this.all;
    let last = this.exclusive;
    if (grant.mode !== SHARED) last = later(last, this.shared);
    for (const [permits, ends] of this.permits) {
      const isSame = grant.mode !== SHARED && permits === grant.permits;
      if (!isSame) last = later(last, ends.at(-1));
      else if (ends.length >= permits) last = later(last, ends[0]); // A place is free when the first of N ends.
    }
    return last;
  }

  #takePermit(grant: Grant): void {
    const ends = this.permits.get(grant.permits) ?? [];
    let at = ends.length;
    while (at > 0 && (ends[at - 1]?.end ?? 0) > grant.end) at -= 1;
    ends.splice(at, 0, grant);
    if (ends.length > grant.permits) ends.shift();
    this.permits.set(grant.permits, ends);
  }
}

function later(one: Grant | undefined, other: Grant | undefined): Grant | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return other.end > one.end ? other : one;
}

function placeAll({ grants }: Gathered): void {
  const ends = new Ends();
  let previous: Grant | undefined;
  for (const grant of grants) {
    const before = ends.before(grant);
    let start = grant.startFrom;
    let because = grant.startFromLine;
    let behind: Grant | undefined;
    if (previous !== undefined && previous.start > start) {
      start = previous.start;
      because = previous.line;
    }
    if (before !== undefined && before.end > start) {
      start = before.end;
      because = before.line;
      behind = before;
    }
    const end = Math.max(start, grant.heldFrom);
    if (start > grant.startBy) throw tooLate(grant, because, behind);
    if (end > grant.goneBy) {
      const lines = [grant.line, grant.heldFromLine, grant.goneByLine, because];
      throw new Contradiction("gone-while-held", `token ${grant.token} had ended, and was held after it`, ...lines);
    }
    grant.start = start;
    grant.end = end;
    grant.endsBefore = ends.all?.end ?? Number.NEGATIVE_INFINITY;
    ends.take(grant);
    previous = grant;
  }
}

/** Whether a start had to be moved so that a moment at which nobody held has its place between two grants. */
function makeGaps({ grants, frees }: Gathered): boolean {
  let moved = false;
  for (const free of frees) {
    const place = placeOf(grants, free);
    if (place === undefined) continue;
    place.grant.startFrom = place.moment;
    place.grant.startFromLine = free.line;
    moved = true;
  }
  return moved;
}

/**
 * The grant that must start later, and when; undefined if there is a gap already. Claims that do not exclude each other
 * leave more than one choice: a gap that is there, else the last that can be made. @throws Contradiction without any
 */
function placeOf(
  grants: readonly Grant[],
  free: Sighting,
): { readonly grant: Grant; readonly moment: number } | undefined {
  let choice: { readonly grant: Grant; readonly moment: number } | undefined;
  const last = lastWithEndsBefore(grants, free.returned);
  for (let at = last; at >= 0; at--) {
    const grant = grants[at];
    if (grant === undefined) return undefined; // After all of them.
    const moment = Math.max(free.call, grant.endsBefore);
    if (moment <= grant.start) return undefined;
    if (choice === undefined && mayStartAll(grants, at, moment)) choice = { grant, moment };
    if (grant.startBy < free.call) break;
  }
  if (choice !== undefined) return choice;
  const holder = grants[Math.min(last, grants.length - 1)];
  const why = `nobody held, and token ${holder?.token ?? 0} did`;
  throw new Contradiction("order", why, holder?.line ?? 0, holder?.heldFromLine ?? 0, free.line);
}

/** The index of the last grant before which all had ended by `moment`; one more if all have. */
function lastWithEndsBefore(grants: readonly Grant[], moment: number): number {
  let low = 0;
  let high = grants.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((grants[middle]?.endsBefore ?? 0) <= moment) low = middle + 1;
    else high = middle;
  }
  const isAfterAll = low === grants.length && Math.max(...endsOfLast(grants)) <= moment;
  return isAfterAll ? grants.length : low - 1;
}

/** What tells when all had ended. */
function endsOfLast(grants: readonly Grant[]): readonly number[] {
  const last = grants.at(-1);
  return last === undefined ? [Number.NEGATIVE_INFINITY] : [last.end, last.endsBefore];
}

/** Whether the grants from `at` on that start before `moment` may all start then. */
function mayStartAll(grants: readonly Grant[], at: number, moment: number): boolean {
  for (let next = at; next < grants.length; next++) {
    const grant = grants[next];
    if (grant === undefined || grant.start >= moment) return true;
    if (grant.startBy < moment || grant.goneBy < moment) return false;
  }
  return true;
}

function tooLate(grant: Grant, because: number, behind: Grant | undefined): Contradiction {
  const lines = [grant.line, grant.startByLine, because];
  if (behind === undefined) {
    const why = `token ${grant.token} was granted before what must have been before it`;
    return new Contradiction("order", why, ...lines);
  }
  const why = `INV-1: token ${grant.token} was granted while token ${behind.token} was held`;
  return new Contradiction("two-holders", why, ...lines, behind.heldFromLine);
}

/** Whether an end had to be moved. */
function provideHolders(grants: readonly Grant[], needed: readonly Needed[]): boolean {
  let moved = false;
  for (const need of needed) {
    const grant = holderFor(grants, need);
    if (grant === undefined) throw new Contradiction("nobody-there", need.why, need.sighting.line);
    if (grant.end >= need.sighting.call) continue;
    grant.heldFrom = need.sighting.call;
    grant.heldFromLine = need.sighting.line;
    moved = true;
  }
  return moved;
}

/** The last granted that can have been the one: to move its end moves the least of what follows. */
function holderFor(grants: readonly Grant[], need: Needed): Grant | undefined {
  const { call, returned } = need.sighting;
  let rank = need.rank;
  for (let at = lastStarted(grants, returned); at >= 0; at--) {
    const grant = grants[at];
    if (grant === undefined) return undefined;
    const fits = (need.session < 0 || grant.session === need.session) && (need.mode < 0 || grant.mode === need.mode);
    if (fits && grant.goneBy >= call) {
      rank -= 1;
      if (rank === 0) return grant;
    }
    // What is before an exclusive claim has ended when that starts.
    if (grant.mode === EXCLUSIVE && Math.min(grant.startBy, grant.goneBy) < call) return undefined;
  }
  return undefined;
}

/** The index of the last grant that starts at `moment` at the latest; -1: none. */
export function lastStarted(grants: readonly Grant[], moment: number): number {
  let low = 0;
  let high = grants.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((grants[middle]?.start ?? 0) <= moment) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
