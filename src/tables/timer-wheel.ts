/**
 * Deadlines of rows: a hierarchical timer wheel (Varghese and Lauck, 1987, scheme 7), so that arming, moving and
 * cancelling are O(1) however many are armed. Hot path (native-bench/micro-tables.ts).
 *
 *     now        deadlines of this tick and before, in two lists: `due` (to be looked at), `waiting` (not due when
 *                they were last looked at; looked at again from the earliest of them on)
 *     near       16,384 slots of 1 tick (4 ms): deadlines of the next 65 s. A list each, and a bit if it has rows
 *     far        64 slots of a page (8,192 ticks): the 35 min after that; what is later waits in the last slot
 *
 *     page:      |   current    |     next     |  far: current + 2  |  current + 3  | ...
 *                |    near, in ticks           |  ^ this slot is spread over `near` while the page before it is current
 *
 * Near reaches over two pages, so a far slot can be spread over a whole page of time (33 s) before it is needed: each
 * call of takeDue moves a few of its rows. With levels that just meet, as in the textbook, all rows of a slot move in
 * the very tick that enters it, and a million of them stop the worker for many milliseconds. Most leases never get
 * there; a TTL of 30 s is near from the start and moves nowhere.
 *
 *     nodes      16 bytes each, one cache line for all that a cancel needs: u32 next | u32 previous | f64 deadline.
 *                1 to capacity are the rows, then come the heads of the lists. next = 0: not armed, or an empty list
 */
import { assert, outOfRange } from "../words/assert.js";
import { Bitmap } from "./bitmap.js";
import { doublesOf, reserveWords } from "./memory.js";

/** A power of two. Slots of 1 ms would be four times the memory, and nearly each arming would touch another. */
const TICK_MS = 4;
const PAGE_TICKS = 8_192;
const PAGE_MS = PAGE_TICKS * TICK_MS;
const NEAR_SLOTS = PAGE_TICKS * 2;
const FAR_SLOTS = 64;
const HEADS = NEAR_SLOTS + FAR_SLOTS + 2;
const NEVER = Number.POSITIVE_INFINITY;
const UNKNOWN = Number.NEGATIVE_INFINITY;

/** A call of takeDue that finds nothing moves this many rows of the next far slot, and 1 of 1,024 of all armed ones. */
const SPREAD_MIN = 64;
/** While a far slot is being spread, takeDue wants to be called this often, in ms. */
const SPREAD_PACE_MS = 16;

/** Which rows are due when. A row has at most one deadline. */
export class TimerWheel {
  readonly #capacity: number;
  readonly #links: Uint32Array;
  readonly #deadlines: Float64Array;
  readonly #nearHeads: number; // The node of near slot 0.
  readonly #farHeads: number;
  readonly #due: number;
  readonly #waiting: number;
  readonly #nearOccupied: Bitmap = new Bitmap(NEAR_SLOTS); // A bit may outlive its last row; who meets it clears it.
  readonly #farOccupied: Bitmap = new Bitmap(FAR_SLOTS); // So here.
  #tick: number; // All of near up to this tick has gone into `due`.
  #page: number; // The page of `#tick`.
  #dueBound: number = NEVER; // No deadline in `due` is earlier.
  #waitingBound: number = NEVER; // No deadline in `waiting` is earlier.
  #size = 0;
  #bound: number = UNKNOWN; // What nextDueBound answered last, kept true by each arm; UNKNOWN: to be worked out.

  /**
   * @param capacity rows are 1 to this, at most 2^29; memory is used as they are armed.
   * @param start the time to begin at, in ms; deadlines and `now` are counted from the same zero.
   */
  constructor(capacity: number, start: number) {
    assert(capacity >= 0 && capacity <= 2 ** 29, "a wheel has at most 2^29 rows");
    this.#capacity = capacity;
    this.#links = reserveWords((capacity + 1 + HEADS) * 4);
    this.#deadlines = doublesOf(this.#links);
    this.#nearHeads = capacity + 1;
    this.#farHeads = this.#nearHeads + NEAR_SLOTS;
    this.#due = this.#farHeads + FAR_SLOTS;
    this.#waiting = this.#due + 1;
    this.#tick = tickOf(start);
    this.#page = pageOf(this.#tick);
  }

  /** How many rows are armed. */
  get size(): number {
    return this.#size;
  }

  /** Gives `row`, which has none, a deadline in ms: finite, with a fraction, in the past if you like. */
  arm(row: number, deadlineMs: number): void {
    assert(row >= 1 && row <= this.#capacity, "a row that is armed is one of the wheel's");
    assert(!this.isArmed(row), "a row has one deadline");
    this.#size += 1;
    this.#setDeadline(row, deadlineMs);
    this.#place(row, deadlineMs);
  }

  /** Gives an armed row another deadline, earlier or later. */
  move(row: number, deadlineMs: number): void {
    assert(this.isArmed(row), "a row whose deadline moves has one");
    this.#unlink(row);
    this.#setDeadline(row, deadlineMs);
    this.#place(row, deadlineMs);
  }

  /** Takes the deadline of an armed row away. */
  cancel(row: number): void {
    assert(this.isArmed(row), "a row whose deadline is cancelled has one");
    this.#unlink(row);
    this.#size -= 1;
  }

  isArmed(row: number): boolean {
    return row <= this.#capacity && this.#next(row) !== 0;
  }

  /** The deadline of an armed row, in ms, exactly as it was given. */
  deadline(row: number): number {
    assert(this.isArmed(row), "a row whose deadline is read has one");
    return this.#deadlines[row * 2 + 1] ?? outOfRange(row);
  }

  /**
   * Takes one row whose deadline is at or before `nowMs` out of the wheel and answers it; 0 if there is none. Call it
   * again for the next: a storm of expiries is worked off in as many slices as the caller likes. Rows come in an
   * order that depends on nothing but the calls before, but not strictly by deadline.
   *
   * Cost: O(1) for each row armed, over its life. One call is longer if many rows of the same tick are not yet due, if
   * `nowMs` jumps over 65 s at once (R-1 lets it advance by 1 s a turn), or if nobody calls for most of a page
   * (`nextDueBound` asks to be called), since a far slot must then be spread at once.
   */
  takeDue(nowMs: number): number {
    const tick = tickOf(nowMs);
    if (nowMs >= this.#bound) this.#bound = UNKNOWN;
    if (nowMs >= this.#waitingBound) this.#lookAgain();
    for (;;) {
      const row = this.#takeListed(nowMs);
      if (row !== 0) return row;
      if (!this.#advance(tick)) break;
    }
    this.#spread(SPREAD_MIN + (this.#size >>> 10));
    return 0;
  }

  /**
   * A time, in ms, before which no row is due; Infinity if none is armed. It is at most 4 ms before the earliest
   * deadline, but for: deadlines over 33 s away (it is when their slot wants to be spread, or sooner while that goes
   * on), and a row that was cancelled or moved: its time stays until it has passed, so that this costs nothing while
   * locks come and go long before they run out. Call takeDue at that time and ask again.
   */
  nextDueBound(): number {
    if (this.#size === 0) return NEVER;
    if (this.#bound === UNKNOWN) this.#bound = this.#workOutBound();
    return this.#bound;
  }

  #workOutBound(): number {
    let bound = Math.min(this.#waitingBound, this.#dueBound);
    if (this.#isEmpty(this.#waiting)) bound = this.#dueBound;
    if (bound <= this.#tick * TICK_MS) return bound;

    bound = Math.min(bound, this.#firstNear(this.#tick + 1, this.#tick + NEAR_SLOTS) * TICK_MS);
    const page = this.#firstOccupied(this.#farOccupied, this.#farHeads, this.#page + 1, this.#page + FAR_SLOTS);
    const spreadFrom = page === this.#page + 1 ? this.#tick * TICK_MS + SPREAD_PACE_MS : (page - 1) * PAGE_MS;
    return Math.min(bound, spreadFrom);
  }

  /** Puts a row that is in no list into the list for its deadline. */
  #place(row: number, deadlineMs: number): void {
    const tick = tickOf(deadlineMs);
    const ahead = tick - this.#tick;
    if (ahead >= NEAR_SLOTS) this.#bound = UNKNOWN;
    else if (deadlineMs < this.#bound) this.#bound = deadlineMs;
    if (ahead <= 0) {
      this.#link(this.#waiting, row);
      if (deadlineMs < this.#waitingBound) this.#waitingBound = deadlineMs;
    } else if (ahead < NEAR_SLOTS) {
      const slot = tick & (NEAR_SLOTS - 1);
      this.#link(this.#nearHeads + slot, row);
      this.#nearOccupied.set(slot);
    } else {
      const page = Math.min(pageOf(tick), this.#page + FAR_SLOTS - 1); // Later ones are placed anew from there.
      this.#link(this.#farHead(page), row);
      this.#farOccupied.set(page & (FAR_SLOTS - 1));
    }
  }

  /** Takes a due row out of `due` and answers it; the others go where they belong. 0: `due` is empty now. */
  #takeListed(nowMs: number): number {
    const due = this.#due;
    for (let row = this.#next(due); row !== 0 && row !== due; row = this.#next(due)) {
      const deadlineMs = this.#deadlines[row * 2 + 1] ?? outOfRange(row);
      this.#unlink(row);
      if (deadlineMs <= nowMs) {
        this.#size -= 1;
        return row;
      }
      this.#place(row, deadlineMs);
    }
    this.#dueBound = NEVER;
    return 0;
  }

  /** All that waits is to be looked at: the earliest of it may be due. */
  #lookAgain(): void {
    this.#dueBound = Math.min(this.#dueBound, this.#waitingBound);
    this.#waitingBound = NEVER;
    this.#append(this.#waiting);
  }

  /** Goes on to the next tick that has rows, at most to `tick`. Answers whether there is something in `due` now. */
  #advance(tick: number): boolean {
    if (tick - this.#tick > NEAR_SLOTS) this.#jump(tick);
    while (this.#tick < tick) {
      const pageEnd = (this.#page + 1) * PAGE_TICKS;
      if (this.#tick === pageEnd - 1) {
        this.#spread(this.#size);
        this.#page += 1;
      }
      const end = Math.min(tick, (this.#page + 1) * PAGE_TICKS - 1) + 1;
      const found = this.#firstNear(this.#tick + 1, end);
      if (found < end) {
        this.#tick = found;
        this.#dueBound = found * TICK_MS;
        this.#append(this.#nearHeads + (found & (NEAR_SLOTS - 1)));
        this.#nearOccupied.clear(found & (NEAR_SLOTS - 1));
        this.#spread(SPREAD_MIN);
        return true;
      }
      this.#tick = end - 1;
    }
    return !this.#isEmpty(this.#due);
  }

  /** Over more time than near has: everything that may be due goes into `due`, and from there to where it belongs. */
  #jump(tick: number): void {
    this.#dueBound = this.#tick * TICK_MS;
    for (
      let slot = this.#nearOccupied.next(0, NEAR_SLOTS);
      slot >= 0;
      slot = this.#nearOccupied.next(slot, NEAR_SLOTS)
    ) {
      this.#append(this.#nearHeads + slot);
      this.#nearOccupied.clear(slot);
    }
    const last = Math.min(pageOf(tick), this.#page + FAR_SLOTS - 1);
    for (let page = this.#page + 1; page <= last; page += 1) this.#append(this.#farHead(page));
    this.#tick = tick;
    this.#page = pageOf(tick);
  }

  /** Moves up to `countMax` rows of the next page to where they belong now: near, or far again. */
  #spread(countMax: number): void {
    const head = this.#farHead(this.#page + 1);
    let row = this.#next(head);
    for (let count = 0; row !== 0 && row !== head && count < countMax; count += 1) {
      this.#unlink(row);
      this.#place(row, this.#deadlines[row * 2 + 1] ?? outOfRange(row));
      row = this.#next(head);
    }
  }

  #firstNear(from: number, end: number): number {
    return this.#firstOccupied(this.#nearOccupied, this.#nearHeads, from, end);
  }

  /** The first tick or page in `[from, end)`, at most once around, whose slot has rows; Infinity if none has. */
  #firstOccupied(occupied: Bitmap, heads: number, from: number, end: number): number {
    let index = from;
    while (index < end) {
      const slot = index & (occupied.size - 1);
      const lap = index - slot;
      const found = occupied.next(slot, Math.min(occupied.size, end - lap));
      if (found < 0) {
        index = lap + occupied.size; // What is left lies at the beginning of the slots.
      } else if (this.#isEmpty(heads + found)) {
        occupied.clear(found); // Its rows were cancelled or moved.
      } else {
        return lap + found;
      }
    }
    return NEVER;
  }

  #farHead(page: number): number {
    return this.#farHeads + (page & (FAR_SLOTS - 1));
  }

  #next(node: number): number {
    return this.#links[node * 4] ?? outOfRange(node);
  }

  #isEmpty(head: number): boolean {
    const next = this.#next(head);
    return next === 0 || next === head;
  }

  #setDeadline(row: number, deadlineMs: number): void {
    assert(Math.abs(deadlineMs) < 2 ** 52, "a deadline is a time in ms"); // False for NaN and infinities, too.
    this.#deadlines[row * 2 + 1] = deadlineMs;
  }

  /** Puts `node` first into the list of `head`. */
  #link(head: number, node: number): void {
    const first = this.#next(head);
    if (first === 0) {
      this.#links[head * 4 + 1] = node; // The list is used for the first time: its head is its end.
      this.#links[node * 4] = head;
    } else {
      this.#links[first * 4 + 1] = node;
      this.#links[node * 4] = first;
    }
    this.#links[node * 4 + 1] = head;
    this.#links[head * 4] = node;
  }

  #unlink(row: number): void {
    const next = this.#next(row);
    const previous = this.#links[row * 4 + 1] ?? outOfRange(row);
    this.#links[previous * 4] = next;
    this.#links[next * 4 + 1] = previous;
    this.#links[row * 4] = 0;
  }

  /** Hangs all rows of the list of `head` before those of `due`. */
  #append(head: number): void {
    if (this.#isEmpty(head)) return;
    const first = this.#next(head);
    const last = this.#links[head * 4 + 1] ?? outOfRange(head);
    const due = this.#due;
    const old = this.#isEmpty(due) ? due : this.#next(due);
    this.#links[head * 4] = 0;
    this.#links[due * 4] = first;
    this.#links[first * 4 + 1] = due;
    this.#links[last * 4] = old;
    this.#links[old * 4 + 1] = last;
  }
}

function tickOf(ms: number): number {
  return Math.floor(ms / TICK_MS);
}

function pageOf(tick: number): number {
  return Math.floor(tick / PAGE_TICKS);
}
