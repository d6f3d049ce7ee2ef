/**
 * Brings shards where they should be, as far as their primaries are on this node: looks at goals and configurations now
 * and then, and tells a replica its next change. Nothing is remembered: what stands in the control plane says how far a
 * move has come, so a restart, a fail-over or an operator who gives up leaves nothing half done.
 */
import { nextMove } from "../placement/next-move.js";
import type { Input } from "../replication/inputs.js";
import type { Configuration } from "../words/configuration.js";
import type { Goal, Promotion } from "../words/goal.js";

/** How hasty it is. Milliseconds. */
export interface PlacingPace {
  /** A replica is told the same again after this time: what it was told may have come at a bad moment. */
  readonly againMs: number;
  /** Office is handed over when the configuration has stood for so long: a node that comes and goes gets none. */
  readonly steadyMs: number;
  /** Shards of this node that are copied at the same time, so that copying leaves bandwidth to the others. */
  readonly copiesMax: number;
}

/** A copy that takes longer counts no more among those that are under way. */
const COPY_COUNTS_MS = 60_000;

export const PLACING_PACE: PlacingPace = { againMs: 1_000, steadyMs: 2_000, copiesMax: 16 };

/** What it is handed. */
export interface PlacingParts {
  /** Id of this node. */
  readonly node: string;
  readonly pace: PlacingPace;
  /** How long a promoted replica waits: the largest TTL, the largest lock-delay and a margin. */
  readonly promotionWaitMs: number;
  /** Tells the replica that this node has of a shard. */
  readonly tell: (shard: number, input: Input) => void;
}

interface Known {
  readonly configuration: Configuration;
  readonly seenMs: number;
}

export class Placing {
  readonly #parts: PlacingParts;
  readonly #known = new Map<number, Known>();
  readonly #goals = new Map<number, Goal>();
  readonly #toldMs = new Map<number, number>();
  readonly #promoted = new Map<number, string>();
  readonly #promotions = new Map<number, Promotion>();

  constructor(parts: PlacingParts) {
    this.#parts = parts;
  }

  /** A configuration was seen. `nowMs`: any clock that does not fall. */
  configuration(configuration: Configuration, nowMs: number): void {
    const known = this.#known.get(configuration.shard)?.configuration;
    if (known !== undefined && known.epoch >= configuration.epoch) return;
    this.#known.set(configuration.shard, { configuration, seenMs: nowMs });
    this.#toldMs.delete(configuration.shard);
  }

  /** The control plane has a goal. */
  goal(goal: Goal): void {
    this.#goals.set(goal.shard, goal);
  }

  /** The operator's word. */
  promotion(promotion: Promotion): void {
    this.#promotions.set(promotion.shard, promotion);
  }

  /** Tells replicas what is next. Called some times a second. */
  look(nowMs: number): void {
    for (const promotion of this.#promotions.values()) this.#promote(promotion);
    let copies = 0;
    for (const [shard, known] of this.#known) {
      const goal = this.#goals.get(shard);
      if (goal === undefined || !this.#isOwn(known.configuration.primary)) continue;
      const isNew = this.#move(goal, known, { nowMs, mayCopy: copies < this.#parts.pace.copiesMax });
      if (isNew) copies++;
    }
  }

  /** Answers whether the shard is being copied. */
  #move(goal: Goal, known: Known, now: { readonly nowMs: number; readonly mayCopy: boolean }): boolean {
    const { configuration, seenMs } = known;
    const { againMs, steadyMs } = this.#parts.pace;
    const move = nextMove(configuration, goal);
    if (move.kind === "done") return false;
    // A node that stays away keeps its shards waiting: they must not keep others from being copied.
    if (move.kind === "wait") return now.nowMs - seenMs < COPY_COUNTS_MS;
    if (move.kind === "name" && !now.mayCopy) return false;
    const told = this.#toldMs.get(goal.shard);
    if (told !== undefined && now.nowMs - told < againMs) return move.kind === "name";
    if (move.kind === "hand-over") {
      if (now.nowMs - seenMs < steadyMs) return false;
      this.#tell(goal.shard, now.nowMs, { kind: "hand-over", to: move.to });
      return false;
    }
    this.#tell(goal.shard, now.nowMs, { kind: "replicas", replicas: move.replicas });
    return move.kind === "name";
  }

  /** Told once in this process's life: a replica waits from its word on. */
  #promote({ shard, replica, epoch }: Promotion): void {
    const known = this.#known.get(shard)?.configuration;
    const word = `${replica} ${epoch}`;
    if (known?.epoch !== epoch || !this.#isOwn(replica) || this.#promoted.get(shard) === word) return;
    this.#promoted.set(shard, word);
    this.#parts.tell(shard, { kind: "promote", waitMs: this.#parts.promotionWaitMs });
  }

  #isOwn(replica: string): boolean {
    return replica.startsWith(`${this.#parts.node}/`);
  }

  #tell(shard: number, nowMs: number, input: Input): void {
    this.#toldMs.set(shard, nowMs);
    this.#parts.tell(shard, input);
  }
}
