/** The three ways to ask for a lock: a session of the library, the library without its session, and HTTP. */
import { z } from "zod";
import {
  type AcquireOptions,
  BusyError,
  Holdfast,
  type Lock,
  type LockMode,
  NotHeldError,
  TimedOutError,
} from "../../src/client/index.js";
import type { ServerProcess } from "../node/server-process.js";
import { ask, type Heard } from "../worker/http-client.js";
import { type Claim, type Mode, type Owner, PERMITS } from "./claim-book.js";

/** TTL of every session, in milliseconds: none ends while a run waits for its machine. */
const SESSION_TTL_MS = 300_000;

/** How a request ended. `doubt`: it may have happened. */
export type Reply =
  | { readonly kind: "granted"; readonly token: number }
  | { readonly kind: "done" }
  /** It was not granted, by an answer. */
  | { readonly kind: "no"; readonly why: string }
  | { readonly kind: "not-held" }
  | { readonly kind: "doubt"; readonly why: string };

/** One client. None of its methods throws. */
export interface Caller {
  /** Whose its claims are. */
  readonly owner: Owner;
  /** Whether it can stand in a queue. */
  readonly canWait: boolean;
  acquire(claim: Claim): Promise<Reply>;
  renew(claim: Claim, ttlMs: number): Promise<Reply>;
  release(claim: Claim): Promise<Reply>;
  /** Leaves without a word: only for a server that is dead. */
  abandon(): Promise<void>;
}

/** A client with a session, connected. */
export async function sessionCaller(server: ServerProcess): Promise<Caller> {
  const holdfast = await Holdfast.connect({ url: server.url, ttl: SESSION_TTL_MS });
  const locks = new Map<Claim, Lock>();
  return {
    owner: "session",
    canWait: true,
    acquire: async (claim) =>
      replyOf(async () => {
        const options: AcquireOptions = { mode: lockMode(claim.mode), metadata: claim.id, wait: claim.waitMs };
        const ttl = claim.ttlMs === 0 ? {} : { ttl: claim.ttlMs, autoRenew: false };
        const lock = await holdfast.acquire(claim.resource, { ...options, ...ttl });
        locks.set(claim, lock);
        return { kind: "granted", token: lock.token };
      }),
    renew: async (claim, ttlMs) =>
      replyOf(async () => {
        await locks.get(claim)?.renew(claim.ttlMs === 0 ? undefined : ttlMs);
        return { kind: "done" };
      }),
    release: async (claim) =>
      replyOf(async () => {
        const result = await locks.get(claim)?.release();
        return result === "released" ? { kind: "done" } : { kind: "not-held" };
      }),
    abandon: () => holdfast.close(),
  };
}

/** A client of the library that takes claims without its session. */
export async function detachedCaller(server: ServerProcess): Promise<Caller> {
  const holdfast = await Holdfast.connect({ url: server.url, ttl: SESSION_TTL_MS });
  return {
    owner: "token",
    canWait: false,
    acquire: async ({ resource, mode, ttlMs, id }) =>
      replyOf(async () => {
        const options = { ttl: ttlMs, mode: lockMode(mode), metadata: id };
        const { token } = await holdfast.acquireDetached(resource, options);
        return { kind: "granted", token };
      }),
    renew: async ({ resource, token }, ttlMs) =>
      replyOf(async () => {
        await holdfast.renewDetached(resource, token, ttlMs);
        return { kind: "done" };
      }),
    release: async ({ resource, token }) =>
      replyOf(async () => {
        await holdfast.releaseDetached(resource, token);
        return { kind: "done" };
      }),
    abandon: () => holdfast.close(),
  };
}

/** A client that speaks HTTP. */
export function httpCaller(server: ServerProcess): Caller {
  return {
    owner: "token",
    canWait: true,
    acquire: async ({ resource, mode, ttlMs, waitMs, id }) =>
      replyOf(async () => {
        const permits = mode === "permit" ? { permits: PERMITS } : {};
        const body = { resource, mode, ttl: ttlMs, wait: waitMs, metadata: id, ...permits };
        const heard = await ask(server, "POST /v1/acquire", body);
        if (heard.status === 200) return { kind: "granted", token: z.number().parse(heard.body["token"]) };
        return refusalOf(heard);
      }),
    renew: async ({ resource, token }, ttlMs) =>
      replyOf(async () => {
        const heard = await ask(server, "POST /v1/renew", { resource, token, ttl: ttlMs });
        return heard.status === 200 ? { kind: "done" } : refusalOf(heard);
      }),
    release: async ({ resource, token }) =>
      replyOf(async () => {
        const heard = await ask(server, "POST /v1/release", { resource, token });
        return heard.status === 200 ? { kind: "done" } : refusalOf(heard);
      }),
    abandon: () => Promise.resolve(), // Its connections ended with the server.
  };
}

function refusalOf({ status, body, text }: Heard): Reply {
  const type = body["type"];
  if (type === "not-held") return { kind: "not-held" };
  if (type === "busy" || type === "timed-out") return { kind: "no", why: type };
  return { kind: "doubt", why: `${status} ${text}` };
}

/** An error that is no answer leaves the request in doubt. */
async function replyOf(ask: () => Promise<Reply>): Promise<Reply> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof BusyError || error instanceof TimedOutError) return { kind: "no", why: error.code };
    if (error instanceof NotHeldError) return { kind: "not-held" };
    return { kind: "doubt", why: error instanceof Error ? error.message : String(error) };
  }
}

function lockMode(mode: Mode): LockMode {
  return mode === "permit" ? { permits: PERMITS } : mode;
}
