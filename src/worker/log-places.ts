/**
 * Where in a store's log the events behind given LSNs begin: every so many bytes of log it is noted where each shard
 * stood. What was logged before this start is read from the oldest batch on.
 */
import type { WatchedStore } from "./watched-store.js";

interface Place {
  /** The first batch behind the LSNs. */
  readonly seq: number;
  readonly lsns: Float64Array;
}

const PLACES_MAX = 512;
/** Between two places at first, in bytes; doubled whenever there are too many. */
const SPACING_BYTES = 256 * 1_024;

export class LogPlaces {
  readonly #of: WatchedStore;
  #places: Place[];
  #spacing = SPACING_BYTES;
  #noted = 0;

  constructor(of: WatchedStore) {
    this.#of = of;
    this.#places = [];
    this.#note();
  }

  /** Notes where all shards stand, if it is time for another place. To be called between turns. */
  look(): void {
    if (this.#of.bytesLogged - this.#noted >= this.#spacing) this.#note();
  }

  #note(): void {
    const of = this.#of;
    this.#noted = of.bytesLogged;
    this.#places.push({ seq: of.store.nextSeq, lsns: Float64Array.from(of.indices, (index) => of.lastLsn(index)) });
    if (this.#places.length <= PLACES_MAX) return;
    this.#spacing *= 2;
    this.#places = this.#places.filter((_, index) => index % 2 === 0);
  }

  /** A batch from which on the log has all that is behind these LSNs, by shard; shards that are left out don't matter. */
  seqBehind(lsns: ReadonlyMap<number, number>): number {
    const wanted = [...this.#of.indices.entries()].filter(([, index]) => lsns.has(index));
    const isEarlyEnough = ({ lsns: at }: Place): boolean =>
      wanted.every(([column, index]) => (at[column] ?? 0) <= (lsns.get(index) ?? 0));
    return this.#places.findLast(isEarlyEnough)?.seq ?? 0;
  }
}
