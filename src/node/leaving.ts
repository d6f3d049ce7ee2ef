/**
 * A node of a cluster is about to stop: it gives its offices to other members and leaves the in-sync sets, so that its end
 * is no fail-over. What can't be done in time is left to that. Nothing is remembered: it looks at configurations.
 *
 *     in office ── "hand-over" ─▶ member ── "leave" ─▶ out of the set
 */
import type { Configuration } from "../words/configuration.js";
import type { Input } from "../replication/inputs.js";
import { nodeOf } from "./replica-names.js";

/** Shards are without a primary for as long as their hand-overs take, so only so many are under way at a time. */
const HAND_OVERS_MAX = 16;
/** Leaving makes no gap, but each is a change that etcd has to write. */
const LEAVES_MAX = 64;
/** What was told may have come at a bad moment. */
const AGAIN_MS = 300;

/** What it is handed. */
export interface LeavingParts {
  /** Id of this node. */
  readonly node: string;
  /** As they stand. */
  readonly configurations: () => readonly Configuration[];
  /** Nodes that are to get no office, if others can have it. */
  readonly isDraining: (node: string) => boolean;
  /** Tells the replica that this node has of a shard. */
  readonly tell: (shard: number, input: Input) => void;
}

interface Told {
  readonly epoch: number;
  readonly atMs: number;
  readonly times: number;
}

export class Leaving {
  readonly #parts: LeavingParts;
  readonly #told = new Map<number, Told>();

  constructor(parts: LeavingParts) {
    this.#parts = parts;
  }

  /** Tells replicas what is next. @returns how many shards there are yet in which this node is not alone */
  look(nowMs: number): number {
    const { node } = this.#parts;
    const standing = this.#parts.configurations();
    const mine = standing.filter(({ inSync }) => inSync.length > 1 && inSync.some((one) => nodeOf(one) === node));
    const inOffice = mine.filter(({ primary }) => nodeOf(primary) === node);
    const members = mine.filter(({ primary }) => nodeOf(primary) !== node);
    for (const configuration of this.#next(inOffice, HAND_OVERS_MAX, nowMs)) {
      this.#parts.tell(configuration.shard, {
        kind: "hand-over",
        to: this.#heir(configuration, standing),
      });
    }
    for (const { shard } of this.#next(members, LEAVES_MAX, nowMs)) this.#parts.tell(shard, { kind: "leave" });
    return mine.length;
  }

  /** The first ones, less those that were told a moment ago. */
  #next(some: readonly Configuration[], max: number, nowMs: number): readonly Configuration[] {
    return some.slice(0, max).filter(({ shard, epoch }) => {
      const told = this.#told.get(shard);
      const isOfEpoch = told?.epoch === epoch;
      if (isOfEpoch && nowMs - told.atMs < AGAIN_MS) return false;
      this.#told.set(shard, {
        epoch,
        atMs: nowMs,
        times: isOfEpoch ? told.times + 1 : 0,
      });
      return true;
    });
  }

  /** Of the other members the one with fewest offices; the next one if that one did not take it. */
  #heir({ shard, inSync }: Configuration, standing: readonly Configuration[]): string {
    const { node, isDraining } = this.#parts;
    const others = inSync.filter((replica) => nodeOf(replica) !== node);
    const rank = (replica: string): number => {
      const other = nodeOf(replica);
      const offices = standing.filter(({ primary }) => nodeOf(primary) === other).length;
      return isDraining(other) ? standing.length + offices : offices;
    };
    others.sort((one, other) => rank(one) - rank(other));
    return others[(this.#told.get(shard)?.times ?? 0) % others.length] ?? "";
  }
}
