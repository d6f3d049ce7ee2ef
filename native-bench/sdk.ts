/**
 * The library from one process, as users have it: pairs of acquire and release, a crowd that waits on one connection, and
 * what ten thousand held locks cost in keep-alives. Server and client share the machine's cores.
 */
import { setTimeout as delay } from "node:timers/promises";
import { History, Holdfast, type Lock } from "../src/client/index.js";
import { below, type Figure, isQuick, told, writeFigures } from "./results.js";
import { makeDataDir, removeDataDir, startHoldfast, stop } from "./server.js";

const PAIRS: number = isQuick ? 50_000 : 1_000_000;
const AT_ONCE = 256;
const OPS_WANTED = 100_000;
const WAITERS: number = isQuick ? 10_000 : 100_000;
/** Each of these is handed from waiter to waiter. */
const WAITED_FOR = 1_000;
const LOCKS = 10_000;
const PERIODS = 6;
const TTL_MS = 6_000;
/** Keep-alives in a TTL. */
const PERIODS_PER_TTL = 6;
const MEBI = 2 ** 20;

/** Runs all three, one after the other, against one server. */
export async function runSdk(): Promise<void> {
  const dataDir = makeDataDir();
  const server = await startHoldfast(dataDir);
  const url = `holdfast://${server.address}`;
  try {
    const figures = [...(await runPairs(url)), ...(await runWaiters(url)), ...(await runKeepAlives(url))];
    writeFigures("sdk", ["make bench-sdk"], figures);
  } finally {
    await stop(server);
    removeDataDir(dataDir);
  }
}

async function runPairs(url: string): Promise<readonly Figure[]> {
  const client = await Holdfast.connect({ url });
  let left = PAIRS;
  const work = async (loop: number): Promise<void> => {
    for (; left > 0; left--) {
      const lock = await client.acquire(`pair:${loop}`);
      await lock.release();
    }
  };
  const begin = performance.now();
  const cpuBegin = process.cpuUsage();
  const memory: number[] = [];
  const watching = setInterval(() => memory.push(process.memoryUsage.rss()), 250);
  await Promise.all(Array.from({ length: AT_ONCE }, (_, loop) => work(loop)));
  clearInterval(watching);
  const seconds = (performance.now() - begin) / 1_000;
  const { user, system } = process.cpuUsage(cpuBegin);
  await client.close();
  const opsPerSecond = (PAIRS * 2) / seconds;
  const settled = memory[Math.floor(memory.length / 4)] ?? 0; // By then all that is reused has been made.
  return [
    { name: "acquire and release, 256 at a time", ...wanted(opsPerSecond, OPS_WANTED, "operations/s") },
    told("processor of the client", ((user + system) / 1e6 / seconds) * 100, "% of one core"),
    below("memory gained in the last three quarters", ((memory.at(-1) ?? settled) - settled) / MEBI, "MiB", 64),
  ];
}

function wanted(value: number, least: number, unit: string): Omit<Figure, "name"> {
  return { value, unit, target: `≥ ${least} ${unit}`, met: value >= least };
}

async function runWaiters(url: string): Promise<readonly Figure[]> {
  const [holder, crowd] = await Promise.all([Holdfast.connect({ url }), Holdfast.connect({ url })]);
  const held = await Promise.all(Array.from({ length: WAITED_FOR }, (_, index) => holder.acquire(`queue:${index}`)));
  const before = process.memoryUsage.rss();
  const begin = performance.now();
  const waits = Array.from({ length: WAITERS }, (_, index) =>
    crowd.acquire(`queue:${index % WAITED_FOR}`, { wait: "10m" }),
  );
  const last = waits.at(-1);
  while (last !== undefined && (await last.position()) === undefined) await delay(10);
  const queuedMs = performance.now() - begin;
  const bytes = process.memoryUsage.rss() - before;
  const passed = waits.map((wait) => wait.then((lock) => lock.release()));
  const handingMs = performance.now();
  await Promise.all(held.map((lock) => lock.release()));
  const ends = await Promise.all(passed);
  const seconds = (performance.now() - handingMs) / 1_000;
  await Promise.all([holder.close(), crowd.close()]);
  const released = ends.filter((end) => end === "released").length;
  return [
    told("waiters on one connection", WAITERS, ""),
    told("until the last of them was told its place", queuedMs, "ms"),
    told("memory of a waiter in the client", bytes / WAITERS, "bytes"),
    told("grants from the queue, each released", WAITERS / seconds, "grants/s"),
    { name: "waiters that were granted", value: released, unit: "", target: `${WAITERS}`, met: released === WAITERS },
  ];
}

async function runKeepAlives(url: string): Promise<readonly Figure[]> {
  let keepAlives = 0;
  const recordHistory = new History((line) => {
    if (line.includes('"op":"keepalive"')) keepAlives++;
  });
  const client = await Holdfast.connect({ url, ttl: TTL_MS, recordHistory });
  const locks: Lock[] = await Promise.all(Array.from({ length: LOCKS }, (_, index) => client.acquire(`held:${index}`)));
  await delay(TTL_MS / PERIODS_PER_TTL);
  keepAlives = 0;
  await delay((PERIODS * TTL_MS) / PERIODS_PER_TTL);
  const seen = keepAlives / PERIODS;
  const lost = locks.filter((lock) => !lock.isHeld()).length;
  await client.close();
  return [
    told("keep-alives a period for 10,000 locks, all workers together", seen, ""),
    { name: "of these locks lost", value: lost, unit: "", target: "0", met: lost === 0 },
  ];
}
