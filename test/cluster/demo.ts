/** What clients see when a node of three is killed under load: told in a minute, by numbers. */
import { setTimeout as delay } from "node:timers/promises";
import { Holdfast } from "../../src/client/index.js";

const HELD = 200;
const LOOPS = 64;
const BEFORE_MS = 8_000;
const AFTER_MS = 20_000;

/** What the demonstration is given. */
export interface DemoParts {
  readonly url: string;
  /** Ends a node as `kill -9` does. */
  readonly kill: () => void;
  readonly say: (text: string) => void;
  readonly signal: AbortSignal;
}

/** Holds locks, makes load, kills a node, and says what became of both. */
export async function showFailOver({ url, kill, say, signal }: DemoParts): Promise<void> {
  const [holder, worker] = await Promise.all([connect(url), connect(url)]);
  const held = await Promise.all(Array.from({ length: HELD }, (_, index) => holder.acquire(`demo:held-${index}`)));
  say(`${held.length} locks are held; ${LOOPS} loops take and give others`);
  const pairsMs: { readonly endMs: number; readonly tookMs: number }[] = [];
  let errors = 0;
  let isOver = false;
  const loop = async (index: number): Promise<void> => {
    for (let count = 0; !isOver; count++) {
      const beganMs = performance.now();
      try {
        const lock = await worker.acquire(`demo:${index}-${count % 16}`);
        await lock.release();
      } catch {
        errors++;
      }
      const endMs = performance.now();
      pairsMs.push({ endMs, tookMs: endMs - beganMs });
    }
  };
  const loops = Array.from({ length: LOOPS }, (_, index) => loop(index));
  await delay(BEFORE_MS, null, { signal });
  const killedMs = performance.now();
  kill();
  say("node-2 is killed (kill -9)");
  await delay(AFTER_MS, null, { signal });
  isOver = true;
  await Promise.all(loops);
  const before = pairsMs.filter(({ endMs }) => endMs < killedMs);
  const after = pairsMs.filter(({ endMs }) => endMs >= killedMs);
  const longest = (pairs: typeof pairsMs): number => Math.round(Math.max(0, ...pairs.map(({ tookMs }) => tookMs)));
  say(`before: ${Math.round((before.length * 1_000) / BEFORE_MS)} pairs a second, the slowest ${longest(before)} ms`);
  say(`after:  ${Math.round((after.length * 1_000) / AFTER_MS)} pairs a second, the slowest ${longest(after)} ms`);
  say(`errors that the clients saw: ${errors}`);
  const lost = held.filter((lock) => lock.signal.aborted).length;
  const taken = await Promise.all(held.map(async (_, index) => worker.tryAcquire(`demo:held-${index}`)));
  const given = taken.filter((lock) => lock !== undefined).length;
  say(`of ${held.length} locks that were held, ${lost} were lost and ${given} given to somebody else`);
  await Promise.all([holder.close(), worker.close()]);
}

async function connect(url: string): Promise<Holdfast> {
  return Holdfast.connect({ url, answerWithin: "60s" });
}
