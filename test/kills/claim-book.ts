/**
 * What the clients know: every claim that they asked for, in the order in which answers came. A claim is here until it
 * has surely ended, so whoever holds a resource and is not in this book holds it wrongly.
 *
 *     asked ──granted──▶ held ──release sent──▶ leaving ──released──▶ (gone)
 *       └──busy, timed out──▶ (gone)
 *
 * After a kill, who is asked or leaving is in doubt: what the server then lists decides.
 */
import assert from "node:assert/strict";

/** Shard time may run faster than ours by 500 ppm, over the longest TTL, and answers are whole milliseconds. */
const DRIFT_MS = 300_000 * 0.0005 + 5;
const HISTORY_MAX = 200;

/** How a resource is used. One resource is always used for permits or never (`mode-in-use`). */
export type Mode = "exclusive" | "shared" | "permit";

/** How many permits every resource for permits has. */
export const PERMITS = 3;

/** Whose the claim is: its session's, or of whoever knows its token. */
export type Owner = "session" | "token";

/** What an acquire asks. Times in milliseconds. */
export interface Asked {
  readonly resource: string;
  readonly owner: Owner;
  readonly mode: Mode;
  /** 0: bound to the session. */
  readonly ttlMs: number;
  readonly waitMs: number;
}

/** One acquire and what came of it. */
export interface Claim extends Asked {
  /** Sent as metadata, so that a list says which acquire holds. */
  readonly id: string;
  /** The largest token of the resource that was answered before this was sent. */
  readonly tokenFloor: number;
  state: "asked" | "held" | "leaving";
  /** 0: not known. */
  token: number;
  /** It holds at least until then by our clock, in milliseconds; infinite: bound to its session. */
  deadlineMs: number;
  /** Renewals that were answered. */
  renewCount: number;
}

/** A row of a list, or a holder of a check. */
export interface Seen {
  readonly resource: string;
  readonly holds: boolean;
  readonly id: string;
  readonly mode: Mode;
  /** 0: not shown. */
  readonly token: number;
  /** Null: bound to its session. */
  readonly leftMs: number | null;
  readonly renewCount: number;
}

interface ResourceBook {
  readonly claims: Map<string, Claim>;
  history: string[];
  tokenMax: number;
}

/** What has been done so far. */
export interface Counts {
  readonly asked: number;
  readonly answered: number;
}

/** All claims of a run. */
export class ClaimBook {
  /** Claims that belong to their token and that nobody is busy with. */
  readonly loose: Claim[] = [];
  readonly #resources = new Map<string, ResourceBook>();
  readonly #beganMs = performance.now();
  #prefix = "";
  #asked = 0;
  #answered = 0;

  /** From here on ids and histories say so. */
  beginRound(name: string): void {
    this.#prefix = name;
  }

  /** Since the beginning. */
  counts(): Counts {
    return { asked: this.#asked, answered: this.#answered };
  }

  /** Every claim that holds, or may. */
  claims(): readonly Claim[] {
    return [...this.#resources.values()].flatMap(({ claims }) => [...claims.values()]);
  }

  /** An acquire is about to be sent. */
  ask(asked: Asked): Claim {
    const book = this.#book(asked.resource);
    this.#asked += 1;
    const id = `${this.#prefix}-${this.#asked}`;
    const claim: Claim = {
      ...asked,
      id,
      tokenFloor: book.tokenMax,
      state: "asked",
      token: 0,
      deadlineMs: asked.ttlMs === 0 ? Number.POSITIVE_INFINITY : performance.now() + asked.ttlMs,
      renewCount: 0,
    };
    book.claims.set(id, claim);
    this.note(claim, `acquire sent: ${claim.mode}, of its ${claim.owner}, ttl ${claim.ttlMs}, wait ${claim.waitMs}`);
    return claim;
  }

  /** The acquire was answered: granted. @throws AssertionError if INV-1 or INV-2 does not hold */
  granted(claim: Claim, token: number): void {
    const book = this.#book(claim.resource);
    this.#answered += 1;
    this.note(claim, `granted: token ${token}`);
    claim.state = "held";
    this.learnToken(claim, token);
    const held = [...book.claims.values()].filter((one) => one.state === "held" && isSure(one));
    this.#mayHoldTogether(claim.resource, held);
  }

  /** The acquire was answered: no. */
  refused(claim: Claim, why: string): void {
    this.#answered += 1;
    this.gone(claim, why);
  }

  /** A renew is about to be sent. */
  renewing(claim: Claim, ttlMs: number): void {
    this.#asked += 1;
    this.note(claim, `renew sent: ttl ${ttlMs}`);
  }

  /** The renew that was sent at `sentMs` was answered: its deadline is not earlier than that and its TTL. */
  renewed(claim: Claim, sentMs: number, ttlMs: number): void {
    this.#answered += 1;
    claim.renewCount += 1;
    claim.deadlineMs = Math.max(claim.deadlineMs, sentMs + ttlMs);
    this.note(claim, "renewed");
  }

  /** A release is about to be sent. */
  leaving(claim: Claim): void {
    this.#asked += 1;
    claim.state = "leaving";
    this.note(claim, "release sent");
  }

  /** The release was answered. */
  released(claim: Claim): void {
    this.#answered += 1;
    this.gone(claim, "released");
  }

  /** It holds no more, and never will. */
  gone(claim: Claim, why: string): void {
    this.note(claim, why);
    this.#book(claim.resource).claims.delete(claim.id);
  }

  /** What the holder's token is. @throws AssertionError if an earlier grant had it, or a larger one (INV-2) */
  learnToken(claim: Claim, token: number): void {
    if (claim.token !== 0 && claim.token !== token) this.fail(claim.resource, `${claim.id} holds by token ${token}`);
    if (token <= claim.tokenFloor) this.fail(claim.resource, `INV-2: token ${token} came after ${claim.tokenFloor}`);
    const book = this.#book(claim.resource);
    const twin = [...book.claims.values()].find((one) => one !== claim && one.token === token);
    if (twin !== undefined) this.fail(claim.resource, `INV-2: token ${token} is that of ${twin.id} too`);
    book.tokenMax = Math.max(book.tokenMax, token);
    claim.token = token;
  }

  /** Something worth a line of its history. */
  note({ resource, id }: Claim, what: string): void {
    const { history } = this.#book(resource);
    history.push(`${(performance.now() - this.#beganMs).toFixed(1)} ms  ${id}  ${what}`);
    if (history.length > 2 * HISTORY_MAX) history.splice(0, HISTORY_MAX);
  }

  /** Holds what the server says against what it has answered (INV-1, INV-3), for one resource, all its holders. */
  compare(resource: string, seen: readonly Seen[]): void {
    const { claims } = this.#book(resource);
    const holders = new Map<string, Seen>();
    for (const one of seen) {
      const claim = claims.get(one.id);
      if (claim === undefined) {
        this.fail(resource, `${one.id} ${one.holds ? "holds" : "waits"}, and has ended or was never sent`);
      }
      if (one.holds) {
        if (holders.has(one.id)) this.fail(resource, `INV-7: ${one.id} holds twice`);
        holders.set(one.id, one);
        this.#compareHolder(claim, one);
      } else if (claim.state !== "asked") this.fail(resource, `INV-3: ${one.id} was granted, and waits`);
    }
    for (const claim of claims.values()) {
      if (claim.state !== "held" || !isSure(claim)) continue;
      if (!holders.has(claim.id))
        this.fail(resource, `INV-3: ${claim.id} was granted ${claim.token}, and is forgotten`);
    }
    this.#mayHoldTogether(resource, [...holders.values()]);
  }

  /** What was in doubt is as the server says, which has just been compared. */
  settle(resource: string, seen: readonly Seen[]): void {
    const rows = new Map(seen.map((one) => [one.id, one]));
    for (const claim of [...this.#book(resource).claims.values()]) {
      const row = rows.get(claim.id);
      if (row === undefined) {
        this.gone(claim, "not there (any more)");
        continue;
      }
      if (!row.holds || claim.state === "held") continue;
      this.note(claim, `holds, though ${claim.state === "asked" ? "its grant" : "its release"} was not answered`);
      claim.state = "held";
      if (claim.owner === "token" && claim.token !== 0) this.loose.push(claim);
    }
  }

  /** @throws AssertionError with all that is known of the resource */
  fail(resource: string, why: string): never {
    const { history } = this.#book(resource);
    return assert.fail(`${resource}: ${why}\n  its history:\n    ${history.slice(-HISTORY_MAX).join("\n    ")}`);
  }

  #compareHolder(claim: Claim, seen: Seen): void {
    const { resource } = claim;
    this.note(claim, `seen: it holds, token ${seen.token}, ${String(seen.leftMs)} ms left`);
    if (seen.mode !== claim.mode) this.fail(resource, `${claim.id} holds in mode ${seen.mode}`);
    if (seen.token !== 0) this.learnToken(claim, seen.token);
    if ((seen.leftMs === null) !== (claim.ttlMs === 0)) this.fail(resource, `${claim.id} has another kind of lease`);
    if (seen.renewCount < claim.renewCount)
      this.fail(resource, `INV-3: ${claim.id} was renewed ${claim.renewCount} times`);
    if (seen.leftMs === null || claim.state === "asked") return;
    const leftMs = claim.deadlineMs - performance.now() - DRIFT_MS;
    if (seen.leftMs < leftMs) this.fail(resource, `INV-3: ${claim.id} should hold for ${leftMs} ms more`);
  }

  /** INV-1: who excludes whom. */
  #mayHoldTogether(resource: string, holders: readonly { readonly id: string; readonly mode: Mode }[]): void {
    const permits = holders.filter(({ mode }) => mode === "permit").length;
    const isAlone = holders.length < 2;
    if (isAlone || (permits === holders.length && permits <= PERMITS)) return;
    if (holders.every(({ mode }) => mode === "shared")) return;
    this.fail(resource, `INV-1: ${holders.map(({ id, mode }) => `${id} (${mode})`).join(" and ")} hold together`);
  }

  #book(resource: string): ResourceBook {
    const known = this.#resources.get(resource);
    if (known !== undefined) return known;
    const made: ResourceBook = { claims: new Map(), history: [], tokenMax: 0 };
    this.#resources.set(resource, made);
    return made;
  }
}

/** Whether it can't have run out. */
export function isSure(claim: Claim): boolean {
  return claim.deadlineMs - DRIFT_MS > performance.now();
}
