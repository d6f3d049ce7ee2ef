/**
 * What a link of the network does to the bytes of one direction, and the links by name. Faults change it while connections
 * stand; nothing that was taken from a sender is ever lost or changed but by ending its connection, as TCP has it.
 */

/** One direction of one link. */
export interface Weather {
  /** Bytes stay where they are, and so does the end of a connection: the other side hears nothing. */
  isHeld: boolean;
  /** Connections are reset, and new ones refused. */
  isCut: boolean;
  /** Milliseconds that each piece waits. */
  delayMs: number;
  /** Bytes a second. */
  throttle: number;
  /** Pieces of one byte. */
  isSplit: boolean;
}

/** Weather without faults. */
function calm(): Weather {
  return { isHeld: false, isCut: false, delayMs: 0, throttle: Number.POSITIVE_INFINITY, isSplit: false };
}

/** All links, each direction by itself: `node-0>node-1`. */
export class Sky {
  readonly #links = new Map<string, Weather>();
  readonly #watchers = new Set<() => void>();

  /** The weather from one to another. */
  between(from: string, to: string): Weather {
    const name = `${from}>${to}`;
    let weather = this.#links.get(name);
    if (weather === undefined) {
      weather = calm();
      this.#links.set(name, weather);
    }
    return weather;
  }

  /** Changes it, and tells every connection. */
  change(from: string, to: string, change: Partial<Weather>): void {
    Object.assign(this.between(from, to), change);
    for (const tell of this.#watchers) tell();
  }

  /** All is well again. */
  clear(): void {
    for (const weather of this.#links.values()) Object.assign(weather, calm());
    for (const tell of this.#watchers) tell();
  }

  /** Calls `tell` at each change, until the answer is called. */
  watch(tell: () => void): () => void {
    this.#watchers.add(tell);
    return () => this.#watchers.delete(tell);
  }
}
