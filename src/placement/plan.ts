/**
 * Where the replicas of shards should be: spread evenly over nodes, offices too, with as few moves as can be. The same
 * cluster always gets the same plan, so a plan may be made again after an interruption.
 *
 * Two nodes differ by one replica and by one office at most, where shards can be moved so. Beyond that, a node's offices
 * are spread over its stores (workers are given stores), and the partners of its offices over all other nodes, so that
 * many take over when it dies.
 */
import { assert, outOfRange } from "../words/assert.js";
import { type ShardIndex, shardIndex } from "../words/ids.js";

/** Where a shard is, or should be, by ids of nodes. Its store is the same on every node. */
export interface Placement {
  readonly shard: ShardIndex;
  /** One of `nodes`. */
  readonly primary: string;
  readonly nodes: readonly string[];
}

/** Over what shards are spread. */
export interface PlanOptions {
  /** Ids of nodes that may have replicas, at least one. */
  readonly nodes: readonly string[];
  /** Of each node, from 1. */
  readonly stores: number;
  /** That a shard should have, from 1; it has fewer where there are fewer nodes. */
  readonly replicas: number;
}

/** Where the shards of a new cluster should be, in their order. */
export function firstPlacements(shards: number, options: PlanOptions): readonly Placement[] {
  const none = Array.from({ length: shards }, (_, shard) => ({ shard: shardIndex(shard), primary: "", nodes: [] }));
  return plan(none, options);
}

/**
 * Where shards should be, given where they are. Replicas leave nodes that may not have any, missing ones are added, then
 * replicas and offices are made even; what need not move stays.
 * @returns in the order of `standing`
 */
export function plan(standing: readonly Placement[], options: PlanOptions): readonly Placement[] {
  assert(options.nodes.length > 0 && options.replicas >= 1, "a plan has nodes, and each shard a replica");
  const board = new Board(standing, options);
  board.fill();
  while (board.moveReplica()) continue; // Each move makes the most loaded node lighter, so they end.
  while (board.moveOffice()) continue;
  return board.placements();
}

interface Row {
  readonly shard: ShardIndex;
  readonly store: number;
  primary: string;
  nodes: readonly string[];
}

/** The plan in the making. Counts are kept by name, as `replicas n1` or `pair n1 n2`. */
class Board {
  readonly #rows: readonly Row[];
  readonly #nodes: readonly string[];
  readonly #replicas: number;
  readonly #counts = new Map<string, number>();

  constructor(standing: readonly Placement[], { nodes, stores, replicas }: PlanOptions) {
    this.#nodes = [...new Set(nodes)].sort();
    this.#replicas = Math.min(replicas, this.#nodes.length);
    this.#rows = standing.map(({ shard }) => ({ shard, store: shard % stores, primary: "", nodes: [] }));
    for (const [index, placement] of standing.entries()) {
      const row = this.#rows[index] ?? outOfRange(index);
      const kept = placement.nodes.filter((node) => this.#nodes.includes(node));
      this.#set(row, kept.includes(placement.primary) ? placement.primary : "", kept);
    }
  }

  placements(): readonly Placement[] {
    return this.#rows.map(({ shard, primary, nodes }) => ({ shard, primary, nodes: [...nodes].sort() }));
  }

  /** Every shard gets a primary and as many replicas as it should have. */
  fill(): void {
    for (const row of this.#rows) {
      if (row.primary === "") {
        const primary = this.#least(row.nodes.length > 0 ? row.nodes : this.#nodes, row, (node) => [
          this.#count("offices", node),
          this.#count("in-store", `${node} ${row.store}`),
          this.#count("replicas", node),
        ]);
        this.#set(row, primary, [...new Set([...row.nodes, primary])]);
      }
      while (row.nodes.length > this.#replicas) this.#drop(row);
      while (row.nodes.length < this.#replicas) this.#add(row);
    }
  }

  /** Moves one replica from the node with most to one with fewest; false if that would make nothing more even. */
  moveReplica(): boolean {
    const [to = "", ...others] = this.#byCount("replicas");
    const from = others.at(-1) ?? to;
    if (this.#count("replicas", from) - this.#count("replicas", to) <= 1) return false;
    const movable = this.#rows.filter(({ nodes }) => nodes.includes(from) && !nodes.includes(to));
    const row = movable.find(({ primary }) => primary !== from) ?? movable[0]; // There is one: `from` has more shards.
    if (row === undefined) return false;
    this.#set(row, row.primary === from ? to : row.primary, [...row.nodes.filter((node) => node !== from), to]);
    return true;
  }

  /**
   * Moves offices along the shortest chain of nodes, each of which shares a shard with the next, from one with many
   * offices to one with two fewer at least; false if there is none.
   */
  moveOffice(): boolean {
    for (const from of this.#byCount("offices").reverse()) {
      const chain = this.#chainFrom(from);
      if (chain.length === 0) continue;
      for (const { row, to } of chain) this.#set(row, to, row.nodes);
      return true;
    }
    return false;
  }

  #chainFrom(from: string): readonly { readonly row: Row; readonly to: string }[] {
    const enough = this.#count("offices", from) - 2;
    const ways = new Map<string, readonly { readonly row: Row; readonly to: string }[]>([[from, []]]);
    for (const [node, way] of ways) {
      if (way.length > 0 && this.#count("offices", node) <= enough) return way;
      const rows = this.#rows.filter(({ primary }) => primary === node);
      // Of the store with most offices first, so that workers stay even.
      rows.sort((one, other) => this.#inStore(node, other) - this.#inStore(node, one) || one.shard - other.shard);
      for (const row of rows) for (const to of row.nodes) if (!ways.has(to)) ways.set(to, [...way, { row, to }]);
    }
    return [];
  }

  #add(row: Row): void {
    const free = this.#nodes.filter((node) => !row.nodes.includes(node));
    const node = this.#least(free, row, (one) => [
      this.#count("replicas", one),
      this.#count("pair", `${row.primary} ${one}`),
    ]);
    this.#set(row, row.primary, [...row.nodes, node]);
  }

  #drop(row: Row): void {
    const backups = row.nodes.filter((node) => node !== row.primary);
    const node = this.#least(backups, row, (one) => [-this.#count("replicas", one)]);
    this.#set(
      row,
      row.primary,
      row.nodes.filter((kept) => kept !== node),
    );
  }

  /** The node with the smallest counts, the first of which decides; of equal ones another for each shard. */
  #least(nodes: readonly string[], { shard }: Row, countsOf: (node: string) => readonly number[]): string {
    const turned = nodes.map((_, index) => nodes[(index + shard) % nodes.length] ?? outOfRange(index));
    const ranked = turned.map((node) => ({ node, counts: countsOf(node) }));
    ranked.sort((one, other) => compare(one.counts, other.counts));
    return ranked[0]?.node ?? outOfRange(0);
  }

  #byCount(of: "replicas" | "offices"): string[] {
    return [...this.#nodes].sort((one, other) => this.#count(of, one) - this.#count(of, other));
  }

  #inStore(node: string, { store }: Row): number {
    return this.#count("in-store", `${node} ${store}`);
  }

  #count(of: "replicas" | "offices" | "in-store" | "pair", name: string): number {
    return this.#counts.get(`${of} ${name}`) ?? 0;
  }

  #set(row: Row, primary: string, nodes: readonly string[]): void {
    this.#note(row, -1);
    row.primary = primary;
    row.nodes = nodes;
    this.#note(row, 1);
  }

  #note({ primary, nodes, store }: Row, by: 1 | -1): void {
    const names = nodes.map((node) => `replicas ${node}`);
    if (primary !== "") {
      names.push(`offices ${primary}`, `in-store ${primary} ${store}`);
      for (const node of nodes) names.push(`pair ${primary} ${node}`);
    }
    for (const name of names) this.#counts.set(name, (this.#counts.get(name) ?? 0) + by);
  }
}

/** Which of two lists is smaller, by the first number that differs. */
function compare(one: readonly number[], other: readonly number[]): number {
  const at = one.findIndex((count, index) => count !== other[index]);
  return at < 0 ? 0 : (one[at] ?? 0) - (other[at] ?? 0);
}
