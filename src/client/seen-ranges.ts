/**
 * Which request ids' answers the client has seen, as ranges, because the server keeps every outcome that it is not told
 * was seen (R-18), and a client with 100,000 waits must not list them one by one.
 *
 *     ids      1 2 3 4 5 6 7 8 9
 *     seen     x x x . . x x . x        seenThrough 3, ranges [6,7] [9,9]
 */

interface Range {
  from: number;
  to: number;
}

/** A set of positive ids that grows mostly at its end. */
export class SeenRanges {
  /** Sorted, apart from each other by at least one id. */
  #ranges: Range[] = [];
  #next = 0;

  /** All ids up to the last that was used, but for those without an answer (`unanswered` grows). */
  rebuild(unanswered: Iterable<number>, lastId: number): void {
    this.#ranges = [];
    let from = 1;
    for (const id of unanswered) {
      if (id > from) this.#ranges.push({ from, to: id - 1 });
      from = id + 1;
    }
    if (lastId >= from) this.#ranges.push({ from, to: lastId });
  }

  /** All of [from, to] are seen; nothing if `to` is below `from`. Ranges may touch what is there, not overlap it. */
  add(from: number, to: number): void {
    if (to < from) return;
    const at = this.#indexAfter(from);
    const before = this.#ranges[at - 1];
    const after = this.#ranges[at];
    const joinsBefore = before !== undefined && before.to >= from - 1;
    const joinsAfter = after !== undefined && after.from <= to + 1;
    if (joinsBefore && joinsAfter) {
      before.to = after.to;
      this.#ranges.splice(at, 1);
    } else if (joinsBefore) {
      before.to = Math.max(before.to, to);
    } else if (joinsAfter) {
      after.from = from;
    } else {
      this.#ranges.splice(at, 0, { from, to });
    }
  }

  /** All ids up to this one are seen. */
  through(): number {
    const first = this.#ranges[0];
    return first?.from === 1 ? first.to : 0;
  }

  /**
   * At most `limit` ranges above `through`, as from, to, from, to: the highest, where the news is, and others in turn, so
   * that each is told in the end.
   */
  told(limit: number): readonly number[] {
    const first = this.through() > 0 ? 1 : 0;
    const count = this.#ranges.length - first;
    if (count <= limit) return this.#ranges.slice(first).flatMap((range) => [range.from, range.to]);
    const half = Math.floor(limit / 2);
    const old = count - half;
    const start = this.#next % old;
    this.#next = start + (limit - half);
    const turn = this.#ranges.slice(first + start, first + Math.min(start + limit - half, old));
    return [...turn, ...this.#ranges.slice(first + old)].flatMap((range) => [range.from, range.to]);
  }

  /** How many ranges there are. */
  get size(): number {
    return this.#ranges.length;
  }

  /** The index of the first range that begins above `id`. */
  #indexAfter(id: number): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const range = this.#ranges[middle];
      if (range !== undefined && range.from <= id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
