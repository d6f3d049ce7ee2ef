/**
 * A thousand `withLock` at once while the server is killed and comes back at its address, again and again: each call ends
 * with its one true outcome. Its work runs once, alone, under a larger token than the last, and nothing is left behind.
 */
import { setTimeout as delay } from "node:timers/promises";
import { Holdfast, type Lock } from "../../src/client/index.js";
import { freshDirectory, type ServerProcess, startServer, until } from "../node/server-process.js";
import { Random } from "../tables/random.js";

/** What to run. */
export interface WithLockPlan {
  readonly kills: number;
  readonly calls: number;
  readonly seed: number;
  /** Told a line for each kill. */
  readonly tell: (line: string) => void;
}

/** What came of it. */
export interface WithLockResult {
  readonly kills: number;
  /** Calls that ended with their work done. */
  readonly done: number;
  /** What was not so, one sentence each. */
  readonly wrong: readonly string[];
}

/** So many calls want one resource. */
const CALLS_EACH = 4;
const CLIENTS = 4;
/** Nobody gives up while a busy machine starts its server. */
const WAIT = "10m";
const ANSWER_WITHIN = "3m";
const TTL = "5m";
const UP_MS_MAX = 500;
const WORK_MS_MAX = 20;
const WRONG_MAX = 20;

class Guarded {
  inside = 0;
  lastToken = 0;
  /** Written as a program without locks would: read, wait, write. */
  value = 0;
}

class Calls {
  readonly #random: Random;
  readonly #resources = new Map<string, Guarded>();
  readonly wrong: string[] = [];
  isOver = false;
  done = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Calls again and again, each time some resource of `count`. */
  async run(client: Holdfast, count: number): Promise<void> {
    while (!this.isOver) {
      const resource = `call:${this.#random.below(count)}`;
      let runs = 0;
      try {
        const told = await client.withLock(resource, { wait: WAIT }, async (lock) => {
          runs++;
          await this.#work(lock);
          return lock.token;
        });
        if (told > 0) this.done++;
      } catch (error) {
        this.#note(`${resource}: a call ended with ${String(error)} after its work had run ${runs} times`);
      }
      if (runs !== 1) this.#note(`${resource}: a call ran its work ${runs} times`);
    }
  }

  /** All values together: as many as calls were done, if none was lost. */
  get sum(): number {
    return [...this.#resources.values()].reduce((sum, { value }) => sum + value, 0);
  }

  async #work({ resource, token, signal }: Lock): Promise<void> {
    const guarded = this.#resources.get(resource) ?? new Guarded();
    this.#resources.set(resource, guarded);
    guarded.inside++;
    if (guarded.inside > 1) this.#note(`INV-1: ${guarded.inside} are inside ${resource}`);
    if (token <= guarded.lastToken) this.#note(`INV-2: ${resource} has token ${token} after ${guarded.lastToken}`);
    guarded.lastToken = token;
    const { value } = guarded;
    await delay(this.#random.below(WORK_MS_MAX));
    guarded.value = value + 1;
    guarded.inside--;
    if (signal.aborted) this.#note(`${resource}: lost, though no lease had run out`);
  }

  #note(sentence: string): void {
    if (this.wrong.length < WRONG_MAX) this.wrong.push(sentence);
  }
}

/** Runs it. */
export async function runWithLock({ kills, calls: callCount, seed, tell }: WithLockPlan): Promise<WithLockResult> {
  const random = new Random(seed);
  const dataDir = freshDirectory();
  let server = await startServer({ dataDir });
  const flags = ["--listen-main", String(server.ports[0])];
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => connect(server)));
  const calls = new Calls(random);
  const resources = Math.ceil(callCount / CALLS_EACH);
  const running = clients.flatMap((client) =>
    Array.from({ length: callCount / CLIENTS }, () => calls.run(client, resources)),
  );
  for (let kill = 1; kill <= kills; kill++) {
    const before = calls.done;
    await until("calls to be done", () => calls.done > before); // A server that is killed as it starts shows nothing.
    await delay(random.below(UP_MS_MAX));
    await server.kill();
    server = await startServer({ dataDir, flags });
    tell(`kill ${kill}: ${calls.done} calls are done`);
  }
  calls.isOver = true;
  await Promise.all(running);
  const left = await leftBehind(clients);
  const lost = calls.sum === calls.done ? [] : [`${calls.done} calls were done, and their work counts ${calls.sum}`];
  await Promise.all(clients.map((client) => client.close()));
  await server.stop();
  return { kills, done: calls.done, wrong: [...calls.wrong, ...left, ...lost] };
}

async function connect(server: ServerProcess): Promise<Holdfast> {
  return Holdfast.connect({ url: server.url, ttl: TTL, answerWithin: ANSWER_WITHIN });
}

async function leftBehind([client]: readonly Holdfast[]): Promise<readonly string[]> {
  const left: string[] = [];
  for await (const claim of client?.list("call:") ?? []) left.push(`${claim.resource} is left behind`);
  return left;
}
