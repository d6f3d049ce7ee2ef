/** What callers do while operators work: they hold locks, take others and give them back, and must notice nothing. */
import assert from "node:assert/strict";
import { Holdfast, type Lock } from "../../src/client/index.js";

const LOOPS = 8;
/** Resources of each loop in turn; all loops together meet every shard. */
const NAMES = 16;

/** How it went. Milliseconds of one acquire and its release. */
export interface LoadSeen {
  readonly pairs: number;
  readonly slowestMs: number;
}

export class Load {
  readonly #client: Holdfast;
  readonly #held: readonly Lock[];
  readonly #errors: unknown[] = [];
  readonly #loops: readonly Promise<void>[];
  #isOver = false;
  #pairs = 0;
  #slowestMs = 0;

  private constructor(client: Holdfast, held: readonly Lock[]) {
    this.#client = client;
    this.#held = held;
    this.#loops = Array.from({ length: LOOPS }, (_, index) => this.#loop(index));
  }

  /** Takes locks that it keeps, and begins. */
  static async start(url: string): Promise<Load> {
    const client = await Holdfast.connect({ url, ttl: "2m" });
    const names = Array.from({ length: LOOPS * 4 }, (_, index) => `held:${index}`);
    return new Load(client, await Promise.all(names.map(async (name) => client.acquire(name))));
  }

  /** Looks how it went so far; the slowest is told since the last look. @throws AssertionError if a caller saw an error */
  async look(): Promise<LoadSeen> {
    assert.deepEqual(this.#errors, [], "no caller sees an error");
    assert.deepEqual(
      this.#held.filter(({ signal }) => signal.aborted).map(({ resource }) => resource),
      [],
      "INV-3: no lock is lost",
    );
    const seen = await Promise.all(this.#held.map(({ resource }) => this.#client.check(resource)));
    assert.deepEqual(
      seen.map(({ holders }) => holders.map(({ token }) => token)),
      this.#held.map(({ token }) => [token]),
      "INV-3: every lock has its one holder",
    );
    const told = { pairs: this.#pairs, slowestMs: this.#slowestMs };
    this.#slowestMs = 0;
    return told;
  }

  /** Ends it. @throws AssertionError as {@link look} */
  async stop(): Promise<LoadSeen> {
    this.#isOver = true;
    await Promise.all(this.#loops);
    const seen = await this.look();
    await this.#client.close();
    return seen;
  }

  async #loop(index: number): Promise<void> {
    for (let count = 0; !this.#isOver; count++) {
      const beganMs = performance.now();
      try {
        const lock = await this.#client.acquire(`load:${index}-${count % NAMES}`);
        await lock.release();
        this.#pairs++;
      } catch (error) {
        this.#errors.push(error);
      }
      this.#slowestMs = Math.max(this.#slowestMs, performance.now() - beganMs);
    }
  }
}
