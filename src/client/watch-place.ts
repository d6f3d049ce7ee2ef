/**
 * Where a watch stands, so that it goes on from there after a lost connection: the cursor that it began with, moved on by
 * those of its events, each of which names one shard (PROTOCOL §6).
 */

/** The place of one watch. */
export class WatchPlace {
  readonly #pieces: Map<string, string> = new Map();

  /** Begins anew at a whole cursor. */
  set(cursor: string): void {
    this.#pieces.clear();
    this.move(cursor);
  }

  /** Moves on to the cursor of an event. */
  move(cursor: string): void {
    if (cursor === "") return;
    for (const piece of cursor.split(",")) this.#pieces.set(piece.slice(0, piece.indexOf(".")), piece);
  }

  /** The whole of it. */
  get cursor(): string {
    return [...this.#pieces.values()].join(",");
  }
}
