/**
 * The words of the client's pure core: what it is asked, what it keeps of a request and of a claim, and what it gives
 * out. Times are milliseconds of the client's clock (clock.ts).
 */
import type { Message } from "../protocol/client-codec.js";
import type { Answer } from "../protocol/server-messages.js";

/** How a call ended. `granted` names the claim by the number of its call. */
export type Outcome =
  | { readonly kind: "granted"; readonly claim: number; readonly token: number }
  | { readonly kind: "answered"; readonly answer: Answer }
  /** Granted, or held, and then gone before it could be believed. */
  | { readonly kind: "lost"; readonly why: string }
  /** No answer in time. In doubt: it was sent, and may have happened. */
  | { readonly kind: "no-answer"; readonly inDoubt: boolean };

/** A call that has ended. */
export interface Settled {
  readonly call: number;
  readonly outcome: Outcome;
}

/** Messages of one frame for one worker. */
export interface OutgoingFrame {
  readonly worker: number;
  readonly messages: readonly Message[];
}

/** A claim that its caller had, and that may not be believed any more. */
export interface LostClaim {
  readonly claim: number;
  readonly why: string;
}

/** What the core wants done since it was last asked: in the order of the arrays. */
export interface Outputs {
  frames: OutgoingFrame[];
  settled: Settled[];
  lost: LostClaim[];
}

/** What an acquire asks. Times in milliseconds. */
export interface AcquireCall {
  readonly resource: string;
  readonly shard: number;
  /** 0: bound to the session. */
  readonly ttlMs: number;
  readonly waitMs: number;
  /** The protocol's mode number. */
  readonly mode: number;
  readonly permits: number;
  readonly lockDelayMs: number;
  readonly metadata: string;
  readonly autoRenew: boolean;
}

/**
 * One request of the session, from call to answer.
 *
 *     queued ──sent──▶ sent ──answer──▶ (gone)
 *                       │  ▲
 *              path gone│  │sent again (resend)
 *     queued ◀──refused─┤  │
 *     for the moment    ▼  │
 *                     in-doubt ──OPEN_SHARD tells──▶ resend, or sent (it waits), or (gone)
 */
export interface Request {
  /** Who asked; 0: the library itself. */
  call: number;
  readonly kind: number;
  readonly shard: number;
  readonly resource: string;
  /** The fields behind the resource. */
  tail: Message;
  state: "queued" | "sent" | "in-doubt" | "resend";
  /** 0 until it is first sent. */
  id: number;
  firstSentMs: number;
  /** When its caller is told that there is no answer. */
  readonly deadlineMs: number;
  /** Not sent before: it was refused for the moment. */
  notBeforeMs: number;
  /** Why it was refused when it was last sent, without an effect. */
  refusal: Answer | undefined;
  /** The caller gave up: what it is granted is released. */
  unwanted: boolean;
  readonly acquire: AcquireCall | undefined;
  /** The claim that a release or renew is about. */
  readonly claim: Claim | undefined;
  /** The wait that a cancel or position is about: its id is the last field. */
  readonly wait: Request | undefined;
}

/** A claim that this client holds, as far as it knows. */
export interface Claim {
  /** The call of its acquire. */
  readonly call: number;
  readonly shard: number;
  readonly resource: string;
  readonly token: number;
  readonly requestId: number;
  /** 0: bound to the session. */
  readonly ttlMs: number;
  readonly autoRenew: boolean;
  /** Its deadline by R-3, before the clock's spread is taken off. */
  believedUntilMs: number;
  /** When the last renew that was answered, or is under way, was asked. */
  renewAskedMs: number;
  state: "held" | "revoked" | "leaving" | "ended";
  /** The caller has it: its acquire was settled. */
  given: boolean;
  /** When the caller stops waiting for belief. */
  readonly deadlineMs: number;
}

/** One shard, as the session knows it. */
export interface ShardView {
  readonly shard: number;
  /** What happened to the session unasked, as last told. */
  mark: number;
  /** OPEN_SHARD has come on the path that is open now. */
  opened: boolean;
  /** By token. */
  readonly claims: Map<number, Claim>;
}
