/**
 * The library behind the commands of the conformance run. It uses nothing but what the package exports, so it also runs
 * wherever the library does.
 */
import {
  AbandonedError,
  BusyError,
  CancelledError,
  Holdfast,
  HoldfastError,
  type Holder,
  InDoubtError,
  type Lock,
  LockLostError,
  type LockMode,
  NotHeldError,
  type PendingLock,
  RefusedError,
  RevokedError,
  TimedOutError,
  type WatchEvent,
} from "../../src/client/index.js";
import type { ConformanceDriver, Words } from "./conformance-driver.js";

/** Why the run itself ends a wait. */
const CANCELLED = "cancelled by the run";

interface Client {
  readonly holdfast: Holdfast;
  readonly locks: Map<string, Lock>;
  readonly waits: Map<string, { readonly pending: PendingLock; readonly abort: AbortController }>;
  readonly watches: Map<string, { readonly events: AsyncGenerator<WatchEvent>; readonly abort: AbortController }>;
}

/** Clients of the library, by the names that commands give them. */
export class SdkDriver implements ConformanceDriver {
  readonly #clients: Map<string, Client> = new Map();

  async carryOut(command: Words): Promise<Words> {
    try {
      if (command["verb"] === "connect") return await this.#connect(command);
      const client = this.#clients.get(text(command, "client"));
      if (client === undefined) throw new Error(`there is no client ${text(command, "client")}`);
      return await carryOut(client, command);
    } catch (error) {
      const outcome = error === CANCELLED ? { outcome: "cancelled" } : outcomeOf(error);
      if (outcome === undefined) throw error;
      return outcome;
    }
  }

  async end(): Promise<void> {
    await Promise.all([...this.#clients.values()].map(async ({ holdfast }) => holdfast.close()));
  }

  async #connect(command: Words): Promise<Words> {
    const url = `holdfast://${text(command, "address")}`;
    const holdfast = await Holdfast.connect({ url, ttl: Number(command["ttl"]), clientName: "conformance/1" });
    this.#clients.set(text(command, "client"), { holdfast, locks: new Map(), waits: new Map(), watches: new Map() });
    return { outcome: "connected" };
  }
}

async function carryOut(client: Client, command: Words): Promise<Words> {
  const { holdfast } = client;
  const about = text(command, "about");
  switch (text(command, "verb")) {
    case "acquire":
      return acquire(client, command);
    case "release":
      return release(client, command);
    case "renew":
      return renew(client, command);
    case "believes":
      return { outcome: "believes", left: Math.floor(lockOf(client, command)?.remainingMs() ?? 0) };
    case "lost":
      return untilLost(lockOf(client, command));
    case "check":
      return check(client, about);
    case "cancel":
      client.waits.get(text(command, "of"))?.abort.abort(CANCELLED);
      return { outcome: "done" };
    case "position":
      return position(client, command);
    case "list":
      return list(client, command);
    case "watch":
      return watch(client, command);
    case "event":
      return nextEvent(client, text(command, "of"));
    case "unwatch":
      client.watches.get(text(command, "of"))?.abort.abort();
      return { outcome: "done" };
    case "revoke":
      return { outcome: "done", count: await holdfast.revoke(about, endOptions(command)) };
    case "force-release":
      return { outcome: "done", count: await holdfast.forceRelease(about, endOptions(command)) };
    case "close":
      for (const { abort } of client.watches.values()) abort.abort();
      await holdfast.close();
      return { outcome: "closed" };
    default:
      throw new Error(`no such command: ${text(command, "verb")}`);
  }
}

async function acquire(client: Client, command: Words): Promise<Words> {
  const resource = text(command, "about");
  const options = {
    mode: modeOf(command),
    wait: Number(command["wait"] ?? 0),
    lockDelay: Number(command["delay"] ?? 0),
    metadata: text(command, "metadata"),
  };
  const ttl = command["ttl"] === undefined ? undefined : Number(command["ttl"]);
  if (command["session"] === "none") {
    const { token } = await client.holdfast.acquireDetached(resource, { ...options, ttl: ttl ?? 0 });
    return { outcome: "granted", token };
  }
  const abort = new AbortController();
  const own = { ...options, ...(ttl === undefined ? {} : { ttl }), autoRenew: command["renew"] !== "none" };
  const pending = client.holdfast.acquire(resource, { ...own, signal: abort.signal });
  const label = text(command, "as");
  if (label !== "") client.waits.set(label, { pending, abort });
  const lock = await pending;
  client.locks.set(`${resource} ${lock.token}`, lock);
  return { outcome: "granted", token: lock.token };
}

function modeOf(command: Words): LockMode {
  const mode = text(command, "mode");
  if (mode === "permit") return { permits: Number(command["permits"]) };
  return mode === "shared" ? "shared" : "exclusive";
}

function lockOf(client: Client, command: Words): Lock | undefined {
  return client.locks.get(`${text(command, "about")} ${text(command, "token")}`);
}

async function release(client: Client, command: Words): Promise<Words> {
  const lock = lockOf(client, command);
  if (lock !== undefined) return { outcome: await lock.release() };
  await client.holdfast.releaseDetached(text(command, "about"), Number(command["token"]));
  return { outcome: "released" };
}

async function renew(client: Client, command: Words): Promise<Words> {
  const ttl = command["ttl"] === undefined ? undefined : Number(command["ttl"]);
  const lock = lockOf(client, command);
  if (lock === undefined) await client.holdfast.renewDetached(text(command, "about"), Number(command["token"]), ttl);
  else await lock.renew(ttl);
  return { outcome: "renewed" };
}

async function untilLost(lock: Lock | undefined): Promise<Words> {
  if (lock?.signal.aborted === false) {
    await new Promise((resolve) => {
      lock.signal.addEventListener("abort", resolve);
    });
  }
  return { outcome: "lost", left: Math.floor(lock?.remainingMs() ?? 0) };
}

async function check({ holdfast }: Client, resource: string): Promise<Words> {
  const { holders, waiters, lockDelayMs, free } = await holdfast.check(resource);
  return { outcome: "checked", free, waiters, delay: lockDelayMs, ...toldOf(holders) };
}

async function position(client: Client, command: Words): Promise<Words> {
  const told = await client.waits.get(text(command, "of"))?.pending.position();
  if (told === undefined) return { outcome: "not-waiting" };
  return { outcome: "position", position: told.position, ...toldOf(told.holders) };
}

async function list({ holdfast }: Client, command: Words): Promise<Words> {
  let holding = 0;
  let waiting = 0;
  for await (const { holds } of holdfast.list(text(command, "about"), { pageSize: Number(command["limit"] ?? 100) })) {
    if (holds) holding += 1;
    else waiting += 1;
  }
  return { outcome: "listed", holding, waiting };
}

function watch(client: Client, command: Words): Words {
  const abort = new AbortController();
  const cursor = command["cursor"];
  const options = { signal: abort.signal, ...(cursor === undefined ? {} : { cursor: String(cursor) }) };
  const events = client.holdfast.watch(text(command, "about"), options);
  client.watches.set(text(command, "as"), { events, abort });
  return { outcome: "watching" };
}

async function nextEvent(client: Client, of: string): Promise<Words> {
  const next = await client.watches.get(of)?.events.next();
  if (next === undefined || next.done === true) return { outcome: "ended" };
  const { value: event } = next;
  if (event.kind === "resync") return { outcome: "resync", cursor: event.cursor };
  const { kind, resource, token, mode, cursor } = event;
  return { outcome: "event", event: kind, resource, token, mode, cursor };
}

function endOptions(command: Words): { readonly token?: number; readonly reason: string } {
  const reason = text(command, "reason");
  return command["token"] === undefined ? { reason } : { token: Number(command["token"]), reason };
}

function toldOf(holders: readonly Holder[]): Words {
  const [first] = holders;
  const own = Math.max(0, ...holders.map(({ token }) => token));
  if (first === undefined) return { holders: 0, token: 0 };
  return { holders: holders.length, token: own, mode: first.mode, metadata: first.metadata };
}

/** How a command ended that the library tells by an error; undefined: it has no word for that. */
function outcomeOf(error: unknown): Words | undefined {
  if (error instanceof BusyError) {
    const { waiters, yours, lockDelayMs, holders } = error;
    return { outcome: "busy", waiters, yours, delay: lockDelayMs, ...toldOf(holders) };
  }
  if (error instanceof TimedOutError) return { outcome: "timed-out" };
  if (error instanceof CancelledError) return { outcome: "cancelled" };
  if (error instanceof AbandonedError) return { outcome: "abandoned" };
  if (error instanceof LockLostError) return { outcome: "lost" };
  if (error instanceof NotHeldError) return { outcome: "not-held" };
  if (error instanceof RevokedError) return { outcome: "revoked", left: error.leftMs };
  if (error instanceof RefusedError) return { outcome: "fault", code: error.fault };
  if (error instanceof InDoubtError) return { outcome: "in-doubt" };
  return error instanceof HoldfastError ? { outcome: error.code } : undefined;
}

function text(command: Words, key: string): string {
  return String(command[key] ?? "");
}
