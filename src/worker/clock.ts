/**
 * The one clock of a worker's shards: monotonic, and it leaves out what one turn may not catch up: a thread that
 * was stopped for a minute has lost 59 seconds, and no lease ran out meanwhile that its holder could have renewed.
 */
const TURN_MAX_MS = 1_000;

export class OfficeClock {
  readonly #read: () => number;
  #last: number;
  #now = 0;

  /** @param read monotonic milliseconds; a test has a clock that it can move. */
  constructor(read: () => number = () => performance.now()) {
    this.#read = read;
    this.#last = read();
  }

  /** Milliseconds as of the last `advance`. */
  get now(): number {
    return this.#now;
  }
  /** Reads the clock: once a turn, after the turn's requests were read. */
  advance(): number {
    const reading = this.#read();
    this.#now += Math.min(reading - this.#last, TURN_MAX_MS);
    this.#last = reading;
    return this.#now;
  }
  /** Milliseconds from this moment to a time of this clock. */
  until(time: number): number {
    return time - this.#now - (this.#read() - this.#last);
  }
}
