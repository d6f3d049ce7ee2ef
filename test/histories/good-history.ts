/** A good history, looked through for the places where it can be spoiled. */
import type { HistoryBelief, HistoryLine, HistoryOp, HistoryWatch } from "../../src/words/history.js";
import type { Mode } from "../../src/words/mode.js";
import type { Random } from "../tables/random.js";
import { parseLine } from "./parse-line.js";

/** Room for an operation to be put into, in nanoseconds. */
export const ROOM_NS = 100_000;
/** Processes, ids and sessions that no recorder gives. */
const STRANGE_FROM = 1_000_000;
export const STRANGER = "feedfacefeedface";

/** One claim from grant to release, both answered: it was surely held between them. */
export interface Hold {
  readonly resource: string;
  readonly mode: Mode;
  readonly grant: HistoryOp;
  readonly release: HistoryOp;
  readonly token: number;
  readonly grantedAt: number;
  readonly releasedFrom: number;
  readonly releasedAt: number;
}

/** A time in which nobody held or waited for a resource, or might have. */
export interface Gap {
  readonly resource: string;
  readonly from: number;
  readonly to: number;
  readonly before: Hold;
}

/** The lines of a history, and what can be found in them. */
export class GoodHistory {
  readonly lines: readonly HistoryLine[];
  readonly random: Random;
  readonly holds: readonly Hold[];
  readonly #ops: readonly HistoryOp[];
  readonly #tokens: ReadonlySet<string>;
  readonly #unsure: ReadonlySet<string>;
  #strange = STRANGE_FROM;

  constructor(texts: readonly string[], random: Random) {
    this.lines = texts.map((text, index) => parseLine(text, index + 1));
    this.random = random;
    this.#ops = this.lines.filter((line) => line.t === "op");
    this.#tokens = new Set(this.#ops.map((op) => `${op.resource} ${op.token}`));
    this.#unsure = new Set(this.#ops.filter(isUnsure).map((op) => op.resource ?? ""));
    this.holds = findHolds(this.#ops).filter(({ resource }) => !this.#unsure.has(resource));
  }

  /** A number that no process, id or session has. */
  strange(): number {
    this.#strange += 1;
    return this.#strange;
  }

  /** The token after `token` that nobody has. */
  freeToken(resource: string, token: number): number {
    let free = token + 1;
    while (this.#tokens.has(`${resource} ${free}`)) free += 1;
    return free;
  }

  /** A claim that was surely held for long enough, in that mode. */
  hold(mode: Mode, fits: (hold: Hold) => boolean = () => true): Hold | undefined {
    return this.pick(this.holds.filter((hold) => hold.mode === mode && isLong(hold) && fits(hold)));
  }

  /** The next claim of the resource that was released. */
  next(hold: Hold): Hold | undefined {
    return this.holds.find(({ resource, token }) => resource === hold.resource && token > hold.token);
  }

  belief(hold: Hold): HistoryBelief | undefined {
    const found = this.lines.find(
      (line) => line.t === "believe" && line.resource === hold.resource && line.token === hold.token,
    );
    return found?.t === "believe" ? found : undefined;
  }

  ops(fits: (op: HistoryOp) => boolean): readonly HistoryOp[] {
    return this.#ops.filter((op) => !this.#unsure.has(op.resource ?? "") && fits(op));
  }

  /** What each watch told of each resource. */
  watched(): readonly (readonly HistoryWatch[])[] {
    const told = new Map<string, HistoryWatch[]>();
    const cut = new Set<number>();
    for (const line of this.lines) {
      if (line.t !== "watch") continue;
      if (line.kind === "resync") cut.add(line.process);
      const key = `${line.process} ${line.resource}`;
      told.set(key, [...(told.get(key) ?? []), line]);
    }
    return [...told.values()].filter(
      ([first]) => first !== undefined && !cut.has(first.process) && !this.#unsure.has(first.resource),
    );
  }

  /** A time between two exclusive claims in which the resource was surely free. */
  gap(): Gap | undefined {
    const gaps: Gap[] = [];
    for (const hold of this.holds) {
      if (hold.mode !== "exclusive" || gaps.length >= 50) continue;
      const about = this.#ops.filter((op) => op.resource === hold.resource && isInTheWay(op));
      const from = hold.releasedAt + 1;
      const to = Math.min(...about.map((op) => ((op.return ?? Infinity) > hold.releasedAt ? op.call : Infinity)));
      const isLast = about.every((op) => (op.token ?? 0) <= hold.token || op.call > hold.releasedAt);
      const isClear = isLast && about.every((op) => op.args.lock_delay_ms === undefined);
      if (isClear && Number.isFinite(to) && to - from > ROOM_NS)
        gaps.push({ resource: hold.resource, from, to, before: hold });
    }
    return this.pick(gaps);
  }

  pick<T>(items: readonly T[]): T | undefined {
    return items.length === 0 ? undefined : this.random.pick(items);
  }

  /** The lines with these at their end. */
  with(...added: readonly HistoryLine[]): readonly HistoryLine[] {
    return [...this.lines, ...added];
  }

  /** The lines without some. */
  without(...removed: readonly HistoryLine[]): readonly HistoryLine[] {
    return this.lines.filter((line) => !removed.includes(line));
  }

  /** The lines with one in another's place. */
  instead(old: HistoryLine, fresh: HistoryLine): readonly HistoryLine[] {
    return this.lines.map((line) => (line === old ? fresh : line));
  }

  /** An operation of a process and session that nobody else has, in the middle of a hold or gap. */
  op(
    within: { readonly resource: string; readonly from: number; readonly to: number },
    rest: Partial<HistoryOp>,
  ): HistoryOp {
    const middle = Math.floor((within.from + within.to) / 2);
    const id = this.strange();
    return {
      t: "op",
      process: id,
      session: STRANGER,
      id,
      op: "check",
      resource: within.resource,
      call: middle - 10,
      return: middle + 10,
      args: {},
      outcome: "free",
      token: null,
      result: {},
      ...rest,
    };
  }
}

/** When a hold was surely held. */
export function sure(hold: Hold): { readonly resource: string; readonly from: number; readonly to: number } {
  return { resource: hold.resource, from: hold.grantedAt, to: hold.releasedFrom };
}

function isLong(hold: Hold): boolean {
  return hold.releasedFrom - hold.grantedAt > ROOM_NS;
}

/** Where an effect may come at any time, or belief proves nothing, hardly anything is surely wrong. */
function isUnsure(op: HistoryOp): boolean {
  return op.outcome === "unknown" || op.op === "force-release";
}

function isInTheWay(op: HistoryOp): boolean {
  return op.op === "acquire" || op.op === "release" || op.op === "renew";
}

function findHolds(ops: readonly HistoryOp[]): readonly Hold[] {
  const releases = new Map<string, HistoryOp>();
  for (const op of ops) if (op.outcome === "released") releases.set(`${op.resource} ${op.token}`, op);
  const holds: Hold[] = [];
  for (const grant of ops) {
    const release = grant.outcome === "granted" ? releases.get(`${grant.resource} ${grant.token}`) : undefined;
    if (release === undefined || grant.resource === null || grant.token === null) continue;
    if (grant.return === null || release.return === null) continue;
    holds.push({
      resource: grant.resource,
      mode: grant.args.mode ?? "exclusive",
      grant,
      release,
      token: grant.token,
      grantedAt: grant.return,
      releasedFrom: release.call,
      releasedAt: release.return,
    });
  }
  return holds.sort((one, other) => one.token - other.token);
}
