/**
 * Good histories from a real server: clients contend in all three modes, wait, give up, watch, check, and administrators
 * revoke and force, while the server is killed and started anew.
 */
import { setTimeout as delay } from "node:timers/promises";
import { History, Holdfast, HoldfastError, type Lock, type LockMode } from "../../src/client/index.js";
import { freshDirectory, type ServerProcess, startServer } from "../node/server-process.js";
import { Random } from "../tables/random.js";

/** What to record. */
export interface Recording {
  readonly seed: number;
  /** How many lives the server has; all but the last end by SIGKILL. */
  readonly lives: number;
  /** How many lines are recorded in each at least: a busy machine takes longer. */
  readonly linesPerLife: number;
}

const CLIENTS = 6;
const LANES = 3;
/** Few, so that they are contended. */
const RESOURCES = 12;
/** An administrator forces only the first: of these hardly anything can be said for sure. */
const FORCED_RESOURCES = 3;
/** These are asked for now and then, and nobody waits for them. */
const CALM_RESOURCES = 8;
const PERMITS = 3;
const TTL_MS = 5_000;
const LOCK_DELAY_MS = 30;
const WAIT_MS_MAX = 300;
const HOLD_MS_MAX = 6;

/** Records one history, as lines. */
export async function recordHistory({ seed, lives, linesPerLife }: Recording): Promise<readonly string[]> {
  const lines: string[] = [];
  let wanted = Number.POSITIVE_INFINITY;
  let enough = (): void => undefined;
  const sink = (line: string): void => {
    lines.push(line);
    if (lines.length >= wanted) enough();
  };
  const history = new History(sink, { seed: String(seed) });
  const random = new Random(seed);
  const dataDir = freshDirectory();
  let server = await startServer({ dataDir });
  const port = String(server.ports[0] ?? 0);
  const connecting = { url: server.url, recordHistory: history, ttl: TTL_MS };
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => Holdfast.connect(connecting)));
  const stop = new AbortController();
  const watching = clients.slice(0, 2).map((client) => watchAll(client, stop.signal));
  const lanes = clients.flatMap((client) =>
    Array.from({ length: LANES }, () => work(client, new Random(random.bits()), stop.signal)),
  );
  for (let life = 1; life <= lives; life++) {
    await new Promise<void>((resolve) => {
      enough = resolve;
      wanted = lines.length + linesPerLife;
    });
    if (life < lives) server = await killAndRestart(server, history, port);
  }
  const [one, other] = clients;
  if (one !== undefined && other !== undefined) await giveUp(one, other);
  stop.abort();
  await Promise.all(lanes);
  await Promise.all(watching);
  await Promise.all(clients.map((client) => client.close()));
  await server.stop();
  return lines;
}

async function killAndRestart(server: ServerProcess, history: History, port: string): Promise<ServerProcess> {
  const from = history.now();
  await server.kill();
  const next = await startServer({ dataDir: server.dataDir, flags: ["--listen-main", port] });
  history.fault("kill", "node-1", from, history.now());
  return next;
}

async function watchAll(client: Holdfast, signal: AbortSignal): Promise<void> {
  const events = client.watch("history:*", { signal });
  try {
    while ((await events.next()).done !== true); // The recorder sees what comes.
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
  }
}

async function work(client: Holdfast, random: Random, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    const index = random.below(RESOURCES);
    const resource = `history:${index}`;
    try {
      const choice = random.below(20);
      if (choice === 0) await client.check(resource);
      else if (choice === 1 && index < FORCED_RESOURCES) await client.forceRelease(resource, { reason: "test" });
      else if (choice === 2 && random.below(4) === 0) await client.revoke(resource, { reason: "test" });
      else if (choice === 3) await detached(client, resource, modeOf(index, random));
      else if (choice < 6) await calm(client, `history:calm-${random.below(CALM_RESOURCES)}`);
      else await hold(client, { resource, mode: modeOf(index, random) }, random);
    } catch (error) {
      if (!(error instanceof HoldfastError) && !isAbort(error)) throw error;
    }
  }
}

async function hold(
  client: Holdfast,
  what: { readonly resource: string; readonly mode: LockMode },
  random: Random,
): Promise<void> {
  const wait = random.below(3) === 0 ? 0 : 1 + random.below(WAIT_MS_MAX);
  const ownTtl = random.below(3) === 0 ? { ttl: TTL_MS } : {};
  const lockDelay = random.below(8) === 0 ? { lockDelay: LOCK_DELAY_MS } : {};
  const patience = random.below(6) === 0 ? { signal: AbortSignal.timeout(1 + random.below(20)) } : {};
  const lock: Lock = await client.acquire(what.resource, {
    mode: what.mode,
    wait,
    ...ownTtl,
    ...lockDelay,
    ...patience,
  });
  await delay(random.below(HOLD_MS_MAX));
  if (random.below(5) === 0) await lock.renew();
  if (random.below(6) === 0) await client.check(what.resource);
  await lock.release();
}

/** A wait that is surely cancelled: nobody else asks for this resource. */
async function giveUp(holder: Holdfast, waiter: Holdfast): Promise<void> {
  const resource = "history:given-up";
  const lock = await holder.acquire(resource);
  const patience = new AbortController();
  const given = waiter.acquire(resource, { wait: 60_000, signal: patience.signal }).then(
    () => "granted",
    (error: unknown) => error,
  );
  while ((await holder.check(resource)).waiters === 0) await delay(1);
  patience.abort();
  if (!isAbort(await given)) throw new Error("a wait that was given up did not end so");
  while ((await holder.check(resource)).waiters > 0) await delay(1);
  await lock.release();
}

async function calm(client: Holdfast, resource: string): Promise<void> {
  const lock = await client.acquire(resource);
  await delay(1);
  await lock.release();
}

async function detached(client: Holdfast, resource: string, mode: LockMode): Promise<void> {
  const claim = await client.acquireDetached(resource, { ttl: TTL_MS, mode });
  await client.renewDetached(resource, claim.token);
  await client.releaseDetached(resource, claim.token);
}

function modeOf(index: number, random: Random): LockMode {
  if (index % 3 === 1) return random.below(4) === 0 ? "exclusive" : "shared";
  return index % 3 === 2 ? { permits: PERMITS } : "exclusive";
}

function isAbort(error: unknown): boolean {
  return error instanceof DOMException;
}
