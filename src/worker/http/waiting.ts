/**
 * An acquire on a session that the server keeps for an HTTP request: only a session waits. Without an idempotency key the
 * session ends with the request, and its claim goes on by itself. With one it is the record by which the same request is
 * known again, so it is left to run out.
 *
 *     open the path ─▶ ACQUIRE ─▶ kept alive until the answer ─▶ CLOSE
 *         ▲               ├─ shard elsewhere, or its worker silent: another path, the same ACQUIRE
 *         └───────────────┘
 *                         └─ client gone, or node going down ─▶ CANCEL ─▶ granted already? RELEASE (INV-7)
 */
import { createHash, randomBytes } from "node:crypto";
import { KIND_ACQUIRE, KIND_CANCEL, KIND_GRANTED, SESSION_KEY_SIZE } from "../../words/kinds.js";
import type { Answer, SessionOpened } from "../../protocol/server-messages.js";
import type { Call } from "./call.js";
import { ANSWER_WITHIN_MS, NOT_NOW } from "./line.js";
import { Refusal } from "./reply.js";
import { fieldsOf, giveBack, type Wanted } from "./wanted.js";

/** The acquire of a request; a cancel has the next id. */
const FIRST_ID = 1;
const KEEPALIVE_MIN_MS = 10;
/** A worker that has not answered so many keep-alives is taken to be gone. */
const KEPT_WITHIN = 3;
/** A worker that is busy for a moment is not gone. */
const SILENCE_MIN_MS = 2_000;
const LOOK_EVERY_MS = 100;
const ASK_AGAIN_MS = 60;

/** An acquire under way, over one path after the other. */
interface Asking {
  readonly call: Call;
  readonly wanted: Wanted;
  readonly session: { readonly key: Uint8Array; readonly ttlMs: number };
  /** Of the acquire, once it is known. */
  id: number | undefined;
}

/** The shard's answer; undefined if the client has gone. @throws Refusal `draining`, or a fault's code */
export async function acquireOnSession(call: Call, wanted: Wanted): Promise<Answer | undefined> {
  const asking: Asking = { call, wanted, session: sessionOf(call, wanted), id: undefined };
  const deadlineMs = performance.now() + wanted.waitMs + ANSWER_WITHIN_MS;
  for (;;) {
    const answer = await askOnPath(asking, deadlineMs);
    if (answer !== "moved") return answer;
    await pause(ASK_AGAIN_MS);
  }
}

/**
 * Asks over one path; `moved` if its shard is elsewhere before the answer has come. The same request under its id over the
 * next path is the same: it keeps its place in the queue, and what was answered is answered again.
 */
async function askOnPath(asking: Asking, deadlineMs: number): Promise<Answer | "moved" | undefined> {
  const { call, wanted, session } = asking;
  const { line, desk } = call;
  const place = call.placeOf(wanted.resource);
  const graceMs = Math.min(desk.limits.waitingGraceMs, session.ttlMs);
  const keepEveryMs = Math.max(KEEPALIVE_MIN_MS, graceMs / 4);
  const guard = new Guard(
    () => call.placeOf(wanted.resource).worker !== place.worker,
    Math.max(SILENCE_MIN_MS, keepEveryMs * KEPT_WITHIN),
  );
  let path = 0;
  const alive = setInterval(() => {
    if (path !== 0) line.keepAlive(path);
  }, keepEveryMs);
  line.onKept = (kept) => {
    if (kept === path) guard.heard();
  };
  try {
    const opening = line.open({ ...place, ...session });
    const opened = await Promise.race([opening, guard.lost, call.interrupted]);
    opening.catch(() => undefined);
    if (opened === "lost") return "moved";
    if (typeof opened === "string") return goneOr(opened);
    path = opened.path;
    guard.heard();
    asking.id ??= wanted.idempotencyKey === undefined ? FIRST_ID : idOfAcquire(opened.record);
    const { id } = asking;
    const fields = fieldsOf(wanted);
    const answer = line.askOn({ path, id, kind: KIND_ACQUIRE, fields, waitMs: wanted.waitMs });
    answer.catch(() => undefined); // Where nobody waits for it any more, the next path or the cancel says how it ended.
    const first = await Promise.race([answer, guard.lost, call.interrupted]);
    if (first === "lost") {
      path = 0; // Its session goes on.
      return "moved";
    }
    if (typeof first !== "string") return first;
    if (wanted.idempotencyKey === undefined) await giveUp(call, { resource: wanted.resource, path, id });
    return goneOr(first);
  } catch (error) {
    const isElsewhere = error instanceof Refusal && (error.code === NOT_NOW || error.code === "path-void");
    if (!isElsewhere || performance.now() > deadlineMs) throw error;
    path = 0;
    return "moved";
  } finally {
    clearInterval(alive);
    guard.end();
    if (wanted.idempotencyKey === undefined && path !== 0) line.closeSession(path);
  }
}

/** Nobody is there to be answered. @throws Refusal `draining` if it is the node that goes */
function goneOr(why: "gone" | "draining"): Answer | undefined {
  if (why === "gone") return undefined;
  throw new Refusal("draining", "this node is going down; try again in a moment");
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** Looks whether the worker of a path is still the right one, and there. */
class Guard {
  readonly lost: Promise<"lost">;
  readonly #timer: NodeJS.Timeout;
  #heardMs = performance.now();

  constructor(hasMoved: () => boolean, silenceMs: number) {
    let tell: (lost: "lost") => void = () => undefined;
    this.lost = new Promise((resolve) => {
      tell = resolve;
    });
    this.#timer = setInterval(() => {
      if (hasMoved() || performance.now() - this.#heardMs > silenceMs) tell("lost");
    }, LOOK_EVERY_MS);
  }

  heard(): void {
    this.#heardMs = performance.now();
  }
  end(): void {
    clearInterval(this.#timer);
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
