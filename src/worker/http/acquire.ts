/**
 * POST /v1/acquire. What must be free at once is taken without a session; who would wait, or may come again with an
 * idempotency key, gets a session of its own inside the server (waiting.ts): it is known again at the next primary. Either
 * way the claim belongs to the principal and its token.
 */
import { KIND_ACQUIRE, KIND_RENEW } from "../../words/kinds.js";
import type { Answer } from "../../protocol/server-messages.js";
import { holderJson, remainingMs } from "./answers.js";
import type { Call } from "./call.js";
import { unexpected } from "./line.js";
import { json, Refusal, type Reply } from "./reply.js";
import type { AcquireBody } from "./requests.js";
import { acquireOnSession } from "./waiting.js";
import { fieldsOf, giveBack, type Wanted } from "./wanted.js";

/** Answers a grant; undefined if the client has gone. @throws Refusal `busy`, `timed-out`, or a fault's code */
export async function acquire(call: Call, body: AcquireBody): Promise<Reply | undefined> {
  const wanted = wantedOf(call, body);
  const needsSession = wanted.idempotencyKey !== undefined || wanted.waitMs > 0;
  if (needsSession) return granted(call, wanted, await acquireOnSession(call, wanted));
  return granted(call, wanted, await call.line.ask(KIND_ACQUIRE, ...fieldsOf(wanted)));
}

function wantedOf({ desk: { limits } }: Call, body: AcquireBody): Wanted {
  const waitMs = body.wait ?? 0;
  if (waitMs < 0 || waitMs > limits.waitMaxMs) {
    throw new Refusal("wait-out-of-range", `wait is ${waitMs} ms; ask for 0 to ${limits.waitMaxMs}`);
  }
  return {
    resource: body.resource,
    mode: body.mode ?? "exclusive",
    ttlMs: body.ttl ?? limits.ttlDefaultMs,
    waitMs,
    permits: body.permits ?? 0,
    lockDelayMs: body.lockDelay ?? 0,
    metadata: body.metadata ?? "",
    idempotencyKey: body.idempotencyKey,
  };
}

async function granted(call: Call, wanted: Wanted, answer: Answer | undefined): Promise<Reply | undefined> {
  if (answer === undefined) return undefined;
  if (answer.kind !== "granted") throw refusalOf(wanted, answer);
  const { resource, mode } = wanted;
  const { token, waited } = answer;
  const ttlMs = wanted.ttlMs;
  const expiresInMs = waited ? await renewed(call, wanted, token) : ttlMs;
  if (call.exchange.isGone && wanted.idempotencyKey === undefined) {
    await giveBack(call, resource, token);
    return undefined;
  }
  return json({ resource, token, mode, ttlMs, expiresInMs, waited });
}

/** How old a grant from the queue is nobody knows: after a renew that was answered it may be believed. */
async function renewed(call: Call, { resource }: Wanted, token: number): Promise<number> {
  const answer = await call.line.ask(KIND_RENEW, resource, token);
  if (answer.kind === "renewed" || answer.kind === "revoked") return answer.leftMs;
  if (answer.kind !== "not-held") throw unexpected(answer.kind);
  const why = `this acquire was granted token ${token}, and that claim has ended since; acquire anew`;
  throw new Refusal("not-held", why, { details: { resource, token } });
}

function refusalOf({ resource, waitMs }: Wanted, answer: Answer): Refusal {
  if (answer.kind === "busy") return busy(resource, answer);
  const details = { resource };
  if (answer.kind === "timed-out") return timedOut(resource, waitMs, answer);
  if (answer.kind === "cancelled" || answer.kind === "abandoned") {
    return new Refusal(answer.kind, `the wait for ${resource} has ended; acquire anew`, { details });
  }
  return unexpected(answer.kind);
}

function timedOut(resource: string, waitMs: number, { seen }: Answer & { readonly kind: "timed-out" }): Refusal {
  const { holders = [], waiters, position } = seen ?? {};
  const told = { holders: holders.map(holderJson), waiters, position, remainingMs: remainingMs(holders) };
  const details = seen === undefined ? { resource } : { resource, ...told };
  return new Refusal("timed-out", `${resource} did not become free within ${waitMs} ms`, { details });
}

function busy(resource: string, { holders, waiters, delayMs }: Answer & { readonly kind: "busy" }): Refusal {
  const why = holders.length > 0 ? "is held" : delayMs > 0 ? "is closed by a lock-delay" : "has others waiting";
  const details = {
    resource,
    holders: holders.map(holderJson),
    waiters,
    remainingMs: remainingMs(holders),
    lockDelayMs: delayMs,
  };
  return new Refusal("busy", `${resource} ${why}; ask with a "wait" to stand in the queue`, { details });
}
