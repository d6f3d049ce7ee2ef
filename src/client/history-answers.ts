/**
 * What an answer of the protocol is in a history's words.
 */
import type { Answer, Holder } from "../protocol/server-messages.js";
import type { HistoryHolder, HistoryOutcome, HistoryResult } from "../words/history.js";
import {
  KIND_ABANDONED,
  KIND_CANCELLED,
  KIND_DONE,
  KIND_GRANTED,
  KIND_RELEASED,
  KIND_RENEWED,
  KIND_TIMED_OUT,
} from "../words/kinds.js";

/** How an operation ended. Without a token it is the one that was asked about. */
export interface Told {
  readonly outcome: HistoryOutcome;
  readonly token?: number;
  readonly result: HistoryResult;
}

/** Faults after which a request is sent again with its id: they end nothing. */
const PASSING_FAULTS: ReadonlySet<string> = new Set(["path-void", "session-needs-path"]);

/** What an answer tells; undefined if the operation goes on, or is none of a history. */
export function toldByAnswer(answer: Answer): Told | undefined {
  switch (answer.kind) {
    case "granted":
      return { outcome: "granted", token: answer.token, result: {} };
    case "busy":
      return { outcome: "busy", result: { holder: answer.holders[0]?.client ?? null, queue: answer.waiters } };
    case "timed-out":
      return { outcome: "timed_out", result: {} };
    case "cancelled":
      return { outcome: "cancelled", result: {} };
    case "abandoned":
      return { outcome: "refused", result: { code: "abandoned" } };
    case "released":
      return { outcome: "released", result: {} };
    case "not-held":
      return { outcome: "not_held", result: {} };
    case "renewed":
      return { outcome: "renewed", result: {} };
    case "revoked":
      return { outcome: "refused", result: { code: "revoked" } };
    case "checked":
      return toldByCheck(answer);
    case "already-granted":
      return { outcome: "already_granted", token: answer.token, result: {} };
    case "not-waiting":
      return { outcome: "not_waiting", result: {} };
    case "done":
      return { outcome: "ok", result: { count: answer.count } };
    case "fault":
      return PASSING_FAULTS.has(answer.code) ? undefined : { outcome: "refused", result: { code: answer.code } };
    case "position":
    case "listed":
    case "watching":
    case "status":
    case "moved":
      return undefined;
  }
}

function toldByCheck(answer: Extract<Answer, { readonly kind: "checked" }>): Told {
  const { holders, waiters, delayMs } = answer;
  const isFree = holders.length === 0 && delayMs === 0;
  return { outcome: isFree ? "free" : "held", result: { holders: holders.map(holderOf), waiters } };
}

function holderOf({ client, mode }: Holder): HistoryHolder {
  return { client, mode };
}

/** What a remembered outcome tells: the answer that was lost. */
export function toldByOutcome(answerKind: number, value: number): Told | undefined {
  switch (answerKind) {
    case KIND_GRANTED:
      return { outcome: "granted", token: value, result: {} };
    case KIND_RENEWED:
      return { outcome: "renewed", result: {} };
    case KIND_RELEASED:
      return { outcome: "released", result: {} };
    case KIND_TIMED_OUT:
      return { outcome: "timed_out", result: {} };
    case KIND_CANCELLED:
      return { outcome: "cancelled", result: {} };
    case KIND_ABANDONED:
      return { outcome: "refused", result: { code: "abandoned" } };
    case KIND_DONE:
      return { outcome: "ok", result: { count: value } };
    default:
      return undefined;
  }
}
