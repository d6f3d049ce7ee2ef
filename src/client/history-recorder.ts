/**
 * What one client adds to a history: it looks at each frame on its way out and each message on its way in, so that the
 * library's own requests (renewals, cancels, the release of what nobody wants) stand in the history like its caller's.
 *
 *     sending ──first time──▶ open operation ──answer, or OPEN_SHARD tells of it──▶ line
 *                                   └──────────────── the client ends ────────────▶ line with outcome unknown
 *     Lock ──▶ belief ──released, lost, lapsed──▶ line
 */
import type { Message } from "../protocol/client-codec.js";
import type { ServerMessage } from "../protocol/server-messages.js";
import type { HistoryArgs, HistoryOperation } from "../words/history.js";
import {
  KIND_ACQUIRE,
  KIND_CANCEL,
  KIND_CHECK,
  KIND_CLOSE,
  KIND_FORCE_RELEASE,
  KIND_GROUP,
  KIND_KEEPALIVE,
  KIND_RELEASE,
  KIND_RENEW,
  KIND_REVOKE,
} from "../words/kinds.js";
import { type Mode, modeOf } from "../words/mode.js";
import type { History } from "./history.js";
import { type Told, toldByAnswer, toldByOutcome } from "./history-answers.js";
import type { LockMode } from "./options.js";
import type { LostClaim, OutgoingFrame } from "./session-words.js";

const NANOS_OF_MS = 1_000_000;

const OPERATIONS: ReadonlyMap<number, HistoryOperation> = new Map([
  [KIND_ACQUIRE, "acquire"],
  [KIND_RELEASE, "release"],
  [KIND_RENEW, "renew"],
  [KIND_CHECK, "check"],
  [KIND_CANCEL, "cancel"],
  [KIND_REVOKE, "revoke"],
  [KIND_FORCE_RELEASE, "force-release"],
  [KIND_KEEPALIVE, "keepalive"],
  [KIND_CLOSE, "close"],
]);

interface OpenOperation {
  readonly process: number;
  readonly session: string;
  readonly id: number;
  readonly op: HistoryOperation;
  readonly resource: string | null;
  readonly call: number;
  readonly args: HistoryArgs;
  readonly token: number | null;
}

interface Belief {
  readonly resource: string;
  readonly mode: Mode;
  readonly token: number;
  from: number;
  /** As far as it could be believed when it was last looked at. */
  until: number;
}

/** The claim of a lock, as its belief is recorded. */
export interface BelievedClaim {
  /** The call of its acquire. */
  readonly claim: number;
  readonly resource: string;
  readonly token: number;
  readonly mode: LockMode;
}

/** One client's part of a history. */
export class HistoryRecorder {
  readonly #history: History;
  readonly #session: string;
  /** By request id. */
  readonly #open: Map<number, OpenOperation> = new Map();
  /** By claim. */
  readonly #beliefs: Map<number, Belief> = new Map();
  /**
   * When the client's clock was last about to be read. Belief is counted from here, not from when it is written down: a
   * program may be stopped in between, and would seem to have believed for longer than it could say.
   */
  #readAt = 0;
  /** The process of each watch. */
  readonly #watches: Map<number, number> = new Map();

  /** @param session the public id of the client's session. */
  constructor(history: History, session: string) {
    this.#history = history;
    this.#session = session;
  }

  /** What is about to be sent, and claims whose belief ended before it. */
  leaving(frames: readonly OutgoingFrame[], lost: readonly LostClaim[]): void {
    for (const { claim } of lost) this.beliefEnded(claim);
    for (const frame of frames) this.sending(frame.messages);
  }

  /** One frame, before its first byte is sent. */
  sending(messages: readonly Message[]): void {
    const call = this.#history.now();
    let session = this.#session;
    for (const message of messages) {
      const [kind, id] = message;
      if (kind === KIND_GROUP) session = id === 0 ? "" : this.#session;
      const op = typeof kind === "number" ? OPERATIONS.get(kind) : undefined;
      if (op === undefined || typeof id !== "number" || this.#open.has(id)) continue; // Sent again: it is open already.
      this.#open.set(id, { process: this.#history.takeProcess(), session, id, op, call, ...askedBy(op, message) });
    }
  }

  /** Messages of one frame, after they were decoded. */
  received(messages: readonly ServerMessage[]): void {
    const now = this.#history.now();
    this.#readAt = now;
    for (const message of messages) {
      if (message.kind === "event" || message.kind === "resync") this.#watched(message, now);
      else if (message.kind === "open-shard") this.#opened(message, now);
      else if ("id" in message && message.kind !== "opened" && message.kind !== "kept") {
        const operation = this.#open.get(message.id);
        const told = operation === undefined ? undefined : toldByAnswer(message);
        if (operation !== undefined && told !== undefined) this.#ended(operation, told, now);
      }
    }
  }

  /** The caller has a lock, which it may believe in for so long. */
  believed(claim: BelievedClaim, forMs: number): void {
    if (forMs <= 0) return;
    const from = this.#history.now();
    const until = this.#readAt + Math.floor(forMs * NANOS_OF_MS);
    if (until <= from) return;
    const { resource, token } = claim;
    const mode = typeof claim.mode === "string" ? claim.mode : "permit";
    this.#beliefs.set(claim.claim, { resource, mode, token, from, until });
  }

  /** The client's clock is about to be read, to look how far claims may be believed. */
  looking(): void {
    this.#readAt = this.#history.now();
  }

  /**
   * Looks how far each claim may be believed now, in milliseconds. A belief that had lapsed when it was prolonged is two
   * spans: between them nobody could say "held".
   */
  looked(believedForMs: (claim: number) => number): void {
    const now = this.#history.now();
    for (const [claim, belief] of [...this.#beliefs]) {
      const forMs = believedForMs(claim);
      const until = this.#readAt + Math.floor(forMs * NANOS_OF_MS);
      if (belief.until >= now) {
        if (forMs > 0) belief.until = until;
        continue;
      }
      this.beliefEnded(claim);
      if (until > now) this.#beliefs.set(claim, { ...belief, from: now, until });
    }
  }

  /** It was given up, or lost. Nothing if nobody believed in it. */
  beliefEnded(claim: number): void {
    const belief = this.#beliefs.get(claim);
    if (belief === undefined) return;
    this.#beliefs.delete(claim);
    const { resource, mode, token, from } = belief;
    const to = Math.max(from, Math.min(belief.until, this.#history.now()));
    const process = this.#history.takeProcess();
    this.#history.write({ t: "believe", process, resource, mode, token, from, to });
    this.#history.giveBackProcess(process);
  }

  /** The client has ended: what has no answer never will. */
  clientEnded(): void {
    for (const claim of [...this.#beliefs.keys()]) this.beliefEnded(claim);
    for (const operation of this.#open.values()) {
      this.#history.write({ t: "op", ...operation, return: null, outcome: "unknown", result: {} });
    }
    this.#open.clear();
  }

  #ended(operation: OpenOperation, told: Told, now: number): void {
    this.#open.delete(operation.id);
    const token = told.token ?? operation.token;
    this.#history.write({ t: "op", ...operation, return: now, outcome: told.outcome, token, result: told.result });
    this.#history.giveBackProcess(operation.process);
  }

  /** After a lost connection a shard tells what became of requests whose answers were lost. */
  #opened(message: Extract<ServerMessage, { readonly kind: "open-shard" }>, now: number): void {
    for (const { claims, outcomes } of message.sessions) {
      for (const { requestId, token } of claims) {
        const operation = this.#open.get(requestId);
        if (operation === undefined || operation.op !== "acquire" || token === 0) continue;
        this.#ended(operation, { outcome: "granted", token, result: {} }, now);
      }
      for (const { requestId, answerKind, value } of outcomes) {
        const operation = this.#open.get(requestId);
        const told = operation === undefined ? undefined : toldByOutcome(answerKind, value);
        if (operation !== undefined && told !== undefined) this.#ended(operation, told, now);
      }
    }
  }

  #watched(push: Extract<ServerMessage, { readonly kind: "event" | "resync" }>, at: number): void {
    let process = this.#watches.get(push.watchId);
    if (process === undefined) {
      process = this.#history.takeProcess();
      this.#watches.set(push.watchId, process);
    }
    if (push.kind === "resync") {
      this.#history.write({ t: "watch", process, resource: "*", kind: "resync", token: null, at });
    } else {
      const { resource, event, token } = push;
      this.#history.write({ t: "watch", process, resource, kind: event, token, at });
    }
  }
}

function askedBy(op: HistoryOperation, message: Message): Pick<OpenOperation, "resource" | "args" | "token"> {
  const [, , resource, third] = message;
  if (typeof resource !== "string") return { resource: null, args: {}, token: null };
  if (op === "acquire") return { resource, args: argsOfAcquire(message), token: null };
  if (op === "cancel") return { resource, args: typeof third === "number" ? { id: third } : {}, token: null };
  const ttlMs = message[4];
  const args = op === "renew" && typeof ttlMs === "number" ? { ttl_ms: ttlMs } : {};
  return { resource, args, token: typeof third === "number" && third > 0 ? third : null };
}

function argsOfAcquire(message: Message): HistoryArgs {
  const at = (index: number): number => {
    const field = message[index];
    return typeof field === "number" ? field : 0;
  };
  const mode = modeOf(at(5)) ?? "exclusive";
  const permits = mode === "permit" ? { permits: at(6) } : {};
  const delay = at(7) > 0 ? { lock_delay_ms: at(7) } : {};
  return { mode, ttl_ms: at(3), wait_ms: at(4), ...permits, ...delay };
}
