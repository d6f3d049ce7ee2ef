/** A watch tells each grant and each end once, in their order; where it left something out it says so (`resync`). */
import { HISTORY_WATCH_KINDS } from "../../src/words/history.js";
import type { HistoryBook } from "./book.js";
import { Contradiction } from "./findings.js";
import { EXCLUSIVE, type Gathered, type Grant, grantOf, SHARED } from "./gather.js";

/** Judges what each watch told about a resource. @throws Contradiction */
export function checkWatches(book: HistoryBook, about: Gathered): void {
  const watches = new Map<number, Watch>();
  for (const row of about.watched) {
    const process = book.number(row);
    let watch = watches.get(process);
    if (watch === undefined || isCut(book.resyncs.get(process), watch.lastLine, book.line(row))) {
      watch?.finish();
      watch = new Watch(about, book.header?.clock_error_ns ?? 0);
      watches.set(process, watch);
    }
    watch.take(book, row);
  }
  for (const watch of watches.values()) watch.finish();
}

function isCut(resyncs: readonly number[] | undefined, from: number, to: number): boolean {
  return resyncs?.some((line) => line > from && line < to) === true;
}

/** What one watch told without a gap. */
class Watch {
  readonly #about: Gathered;
  readonly #error: number;
  /** Told as granted, not yet as ended, with their lines. */
  readonly #held: Map<number, number> = new Map();
  readonly #ended: Map<number, number> = new Map();
  readonly #granted: Map<number, number> = new Map();
  #last = 0;
  lastLine = 0;

  constructor(about: Gathered, error: number) {
    this.#about = about;
    this.#error = error;
  }

  take(book: HistoryBook, row: number): void {
    const kind = HISTORY_WATCH_KINDS[book.outcome(row)];
    const token = book.token(row);
    const line = book.line(row);
    this.lastLine = line;
    if (kind === "granted") this.#takeGrant(token, line, book.call(row));
    else if (kind !== "revoked") this.#takeEnd(token, line);
  }

  #takeGrant(token: number, line: number, at: number): void {
    const told = this.#granted.get(token);
    if (told !== undefined)
      throw new Contradiction("watch-twice", `token ${token} is told as granted twice`, told, line);
    if (token < this.#last) throw new Contradiction("watch-order", `token ${token} is told after ${this.#last}`, line);
    const { grants, unknowns } = this.#about;
    const grant = grantOf(grants, token);
    if (grant === undefined && unknowns.length === 0) {
      throw new Contradiction("watch-invented", `a watch tells of token ${token}, which nobody got`, line);
    }
    if (grant !== undefined && at + this.#error < grant.call) {
      throw new Contradiction("watch-early", `token ${token} is told before it was asked for`, line, grant.line);
    }
    for (const [other, before] of this.#held) {
      const holder = grantOf(grants, other);
      if (grant === undefined || holder === undefined || !excludes(holder, grant)) continue;
      const why = `token ${token} is told as granted before the end of token ${other} is told`;
      throw new Contradiction("watch-end-lost", why, before, line);
    }
    this.#granted.set(token, line);
    this.#held.set(token, line);
    this.#last = token;
  }

  #takeEnd(token: number, line: number): void {
    const told = this.#ended.get(token);
    if (told !== undefined)
      throw new Contradiction("watch-twice", `the end of token ${token} is told twice`, told, line);
    const [first] = this.#granted.keys();
    if (first !== undefined && token > first && !this.#granted.has(token)) {
      throw new Contradiction("watch-grant-lost", `the end of token ${token} is told, and not its grant`, line);
    }
    this.#ended.set(token, line);
    this.#held.delete(token);
  }

  /** No grant between two that were told may be left out. */
  finish(): void {
    const [first] = this.#granted.keys();
    if (first === undefined) return;
    for (const grant of this.#about.grants) {
      if (grant.token <= first || grant.token >= this.#last || this.#granted.has(grant.token)) continue;
      const lines = [grant.line, this.lastLine];
      throw new Contradiction("watch-grant-lost", `a watch left out token ${grant.token}`, ...lines);
    }
  }
}

function excludes(one: Grant, other: Grant): boolean {
  if (one.mode === EXCLUSIVE || other.mode === EXCLUSIVE || one.mode !== other.mode) return true;
  return one.mode !== SHARED && one.permits !== other.permits;
}
