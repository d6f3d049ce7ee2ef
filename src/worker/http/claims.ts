/** What a holder does with its claim, and an admin with anybody's: release, renew, revoke, force-release. */
import { KIND_FORCE_RELEASE, KIND_RELEASE, KIND_RENEW, KIND_REVOKE } from "../../words/kinds.js";
import type { Call } from "./call.js";
import { unexpected } from "./line.js";
import { json, Refusal, type Reply } from "./reply.js";
import type { OrderBody, ReleaseBody, RenewBody } from "./requests.js";

/** POST /v1/release. @throws Refusal `not-held` */
export async function release(call: Call, { resource, token }: ReleaseBody): Promise<Reply> {
  const answer = await call.line.ask(KIND_RELEASE, resource, token);
  if (answer.kind === "released") return json({ resource, token, released: true });
  throw answer.kind === "not-held" ? notHeld({ resource, token }) : unexpected(answer.kind);
}

/** POST /v1/renew. @throws Refusal `not-held`, `revoked` */
export async function renew(call: Call, { resource, token, ttl }: RenewBody): Promise<Reply> {
  if (ttl === 0) throw new Refusal("ttl-out-of-range", "ttl is 0 ms; leave it out to renew by the ttl of the acquire");
  const answer = await call.line.ask(KIND_RENEW, resource, token, ttl ?? null);
  if (answer.kind === "renewed") {
    return json({ resource, token, ttlMs: answer.ttlMs, expiresInMs: answer.leftMs });
  }
  if (answer.kind !== "revoked")
    throw answer.kind === "not-held" ? notHeld({ resource, token }) : unexpected(answer.kind);
  const details = { resource, token, expiresInMs: answer.leftMs };
  throw new Refusal("revoked", `${resource} is revoked: held for ${answer.leftMs} ms more, and no longer`, { details });
}

/** POST /v1/revoke. */
export function revoke(call: Call, body: OrderBody): Promise<Reply> {
  return end(call, KIND_REVOKE, body);
}

/** POST /v1/force-release. */
export function forceRelease(call: Call, body: OrderBody): Promise<Reply> {
  return end(call, KIND_FORCE_RELEASE, body);
}

async function end(call: Call, kind: number, { resource, token, reason }: OrderBody): Promise<Reply> {
  const answer = await call.line.ask(kind, resource, token ?? 0, reason ?? null);
  if (answer.kind === "done") return json({ resource, count: answer.count });
  throw unexpected(answer.kind);
}

function notHeld({ resource, token }: ReleaseBody): Refusal {
  const why = `${resource} is not held under token ${token}: it was released, or has run out`;
  return new Refusal("not-held", why, { details: { resource, token } });
}
