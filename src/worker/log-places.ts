/**
 * Where in a store's log the events behind given LSNs begin: every so many bytes of log it is noted where each shard
 * stood. What was logged before this start is read from the oldest batch on.
 */
import type { Shard } from "../shard/shard.js";
import type { LogStore } from "../log/log-store.js";

interface Place {
  /** The first batch behind the LSNs. */
  readonly seq: number;
  readonly lsns: Float64Array;
}

const PLACES_MAX = 512;
/** Between two places at first, in bytes; doubled whenever there are too many. */
const SPACING_BYTES = 256 * 1_024;

export class LogPlaces {
  readonly #store: LogStore;
  readonly #shards: readonly Shard[];
  #places: Place[];
  #spacing = SPACING_BYTES;
  #bytes = 0;

  constructor(store: LogStore, shards: readonly Shard[]) {
    this.#store = store;
    this.#shards = shards;
    this.#places = [];
    this.note();
  }

  /** So many bytes more are logged. Answers whether it is time for another place. */
  isDue(bytes: number): boolean {
    this.#bytes += bytes;
    return this.#bytes >= this.#spacing;
  }

  /** Notes where all shards stand. To be called between turns. */
  note(): void {
    this.#bytes = 0;
    this.#places.push({
      seq: this.#store.nextSeq,
      lsns: Float64Array.from(this.#shards, ({ state }) => state.head),
    });
    if (this.#places.length <= PLACES_MAX) return;
    this.#spacing *= 2;
    this.#places = this.#places.filter((_, index) => index % 2 === 0);
  }

  /** A batch from which on the log has all that is behind these LSNs, by shard; shards that are left out don't matter. */
  seqBehind(lsns: ReadonlyMap<number, number>): number {
    const indices = [...this.#shards.keys()].filter((at) => lsns.has(this.#shards[at]?.index ?? -1));
    const isEarlyEnough = ({ lsns: at }: Place): boolean =>
      indices.every((index) => {
        const shard = this.#shards[index];
        return shard !== undefined && (at[index] ?? 0) <= (lsns.get(shard.index) ?? 0);
      });
    return this.#places.findLast(isEarlyEnough)?.seq ?? 0;
  }
}
