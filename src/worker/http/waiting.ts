/**
 * An acquire on a session that the server keeps for an HTTP request: only a session waits. Without an idempotency key the
 * session ends with the request, and its claim goes on by itself. With one it is the record by which the same request is
 * known again, so it is left to run out.
 *
 *     open the path ─▶ ACQUIRE ─▶ kept alive until the answer ─▶ CLOSE
 *                         └─ client gone, or node going down ─▶ CANCEL ─▶ granted already? RELEASE (INV-7)
 */
import { createHash, randomBytes } from "node:crypto";
import { KIND_ACQUIRE, KIND_CANCEL, KIND_GRANTED, SESSION_KEY_SIZE } from "../../words/kinds.js";
import type { Answer, SessionOpened } from "../../protocol/server-messages.js";
import type { Call } from "./call.js";
import { Refusal } from "./reply.js";
import { fieldsOf, giveBack, type Wanted } from "./wanted.js";

/** The acquire of a request; a cancel has the next id. */
const FIRST_ID = 1;
const KEEPALIVE_MIN_MS = 10;

/** The shard's answer; undefined if the client has gone. @throws Refusal `draining`, or a fault's code */
export async function acquireOnSession(call: Call, wanted: Wanted): Promise<Answer | undefined> {
  const { idempotencyKey } = wanted;
  const { line, desk } = call;
  const { path, record } = await line.open({ ...call.placeOf(wanted.resource), ...sessionOf(call, wanted) });
  const graceMs = Math.min(desk.limits.waitingGraceMs, sessionTtlMs(call, wanted));
  const alive = setInterval(
    () => {
      line.keepAlive(path);
    },
    Math.max(KEEPALIVE_MIN_MS, graceMs / 4),
  );
  try {
    const id = idempotencyKey === undefined ? FIRST_ID : idOfAcquire(record);
    const fields = fieldsOf(wanted);
    const answer = line.askOn({ path, id, kind: KIND_ACQUIRE, fields, waitMs: wanted.waitMs });
    const first = await Promise.race([answer, call.interrupted]);
    if (typeof first !== "string") return first;
    answer.catch(() => undefined); // Nobody waits for it any more; the cancel says how it ended.
    if (idempotencyKey === undefined) await giveUp(call, { resource: wanted.resource, path, id });
    if (first === "gone") return undefined;
    throw new Refusal("draining", "this node is going down; try again in a moment");
  } finally {
    clearInterval(alive);
    if (idempotencyKey === undefined) line.closeSession(path);
  }
}

/** Ends a wait that nobody wants any more; a grant that was faster is released (INV-7). */
async function giveUp(call: Call, wait: { resource: string; path: number; id: number }): Promise<void> {
  const { resource, path, id } = wait;
  const cancelled = await call.line.askOn({ path, id: id + 1, kind: KIND_CANCEL, fields: [resource, id] });
  if (cancelled.kind === "already-granted") await giveBack(call, resource, cancelled.token);
}

function sessionOf(call: Call, wanted: Wanted): { readonly key: Uint8Array; readonly ttlMs: number } {
  const ttlMs = sessionTtlMs(call, wanted);
  if (wanted.idempotencyKey === undefined) return { key: randomBytes(SESSION_KEY_SIZE), ttlMs };
  const digest = createHash("sha256").update(`${call.principal}\0${wanted.idempotencyKey}`).digest();
  return { key: new Uint8Array(digest.subarray(0, SESSION_KEY_SIZE)), ttlMs };
}

/** Within the bounds of a session: a claim whose TTL is not is refused by its own bounds. */
function sessionTtlMs({ desk: { limits } }: Call, { ttlMs, idempotencyKey }: Wanted): number {
  const wantedMs = idempotencyKey === undefined ? ttlMs : ttlMs * 2;
  return Math.min(limits.ttlMaxMs, Math.max(limits.ttlMinMs, wantedMs));
}

/**
 * The id under which an acquire is asked again: the one that was granted or still waits, so that it is the same request;
 * a new one where all earlier ones ended without a grant.
 */
function idOfAcquire(record: SessionOpened | undefined): number {
  if (record === undefined) return FIRST_ID;
  const { claims, outcomes } = record;
  const granted = outcomes.find(({ answerKind }) => answerKind === KIND_GRANTED);
  const known = granted?.requestId ?? claims[0]?.requestId;
  if (known !== undefined) return known;
  return outcomes.reduce((largest, { requestId }) => Math.max(largest, requestId), 0) + 1;
}
