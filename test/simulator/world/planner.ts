/**
 * Knows which copies of each shard's log are whole and spares the last one, so that a failure is always a bug: the design
 * bears the loss of every copy but one, and no more (verification.md §2). A copy is named by its store. Faults that lose
 * nothing that was synced (crashes, pauses, partitions) need not ask.
 */
import type { World } from "./world.js";

/** Which copies there are, and what may be done to them. */
export class Planner {
  readonly #world: World;
  readonly #whole = new Map<number, Set<string>>(); // Shard -> stores.
  readonly #spared: number;

  /** @param spared whole copies of each shard that no fault touches; 1, or 0 in profiles that lose everything */
  constructor(world: World, spared: number) {
    this.#world = world;
    this.#spared = spared;
  }

  /** A store has all of a shard that is committed: it is in sync, or has just caught up. */
  noteWhole(shard: number, store: string): void {
    this.#storesOf(shard).add(store);
  }

  /** A store has not, or no longer: it left the in-sync set, or was thrown away. */
  noteNotWhole(shard: number, store: string): void {
    this.#storesOf(shard).delete(store);
  }

  /** Whether a store's copy of a shard is whole. */
  isWhole(shard: number, store: string): boolean {
    return this.#storesOf(shard).has(store);
  }

  /** The stores that have a shard whole, by name. */
  wholeStoresOf(shard: number): readonly string[] {
    return [...this.#storesOf(shard)].sort();
  }

  /** Whether every shard that a store has whole would be left with enough whole copies elsewhere. */
  mayDestroy(store: string): boolean {
    for (const stores of this.#whole.values()) if (stores.has(store) && stores.size <= this.#spared) return false;
    return true;
  }

  /**
   * Asks before a fault that loses what was synced in `store`. If it may be, all its copies count as not whole from now
   * on, until `noteWhole` says otherwise.
   */
  ask(store: string): boolean {
    const may = this.mayDestroy(store);
    this.#world.sometimes("the last whole copy was spared", !may);
    if (!may) return false;
    for (const stores of this.#whole.values()) stores.delete(store);
    return true;
  }

  /** Stores that suffice for every shard to have a whole copy; the liveness phase heals them and no more. */
  sufficientStores(): readonly string[] {
    const chosen = new Set<string>();
    const shards = [...this.#whole.keys()].sort((one, other) => one - other);
    for (const shard of shards) {
      const stores = this.wholeStoresOf(shard);
      if (stores.some((store) => chosen.has(store))) continue;
      const [first] = stores;
      if (first !== undefined) chosen.add(first);
    }
    return [...chosen].sort();
  }

  #storesOf(shard: number): Set<string> {
    let stores = this.#whole.get(shard);
    if (stores === undefined) {
      stores = new Set();
      this.#whole.set(shard, stores);
    }
    return stores;
  }
}
