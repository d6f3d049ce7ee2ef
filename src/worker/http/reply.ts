/**
 * What an HTTP request is answered with, and how a refusal looks: application/problem+json (RFC 9457), whose `type` is the
 * very code that the binary protocol has for it, so that a script handles one list of codes.
 */

/** An answer that is ready to be sent. */
export interface Reply {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The media type of every refusal. */
export const PROBLEM_TYPE = "application/problem+json";
const RETRY_AFTER_SECONDS = "1";

/** Statuses of codes; all others are bad input, 400. What may succeed later has `Retry-After`. */
const STATUS_OF: Readonly<Record<string, number>> = {
  "not-authenticated": 401,
  "not-permitted": 403,
  "not-found": 404,
  "method-not-allowed": 405,
  "timed-out": 408,
  busy: 409,
  "not-held": 409,
  revoked: 409,
  "mode-in-use": 409,
  abandoned: 409,
  cancelled: 409,
  "in-use-elsewhere": 409,
  "body-too-large": 413,
  "media-type-unsupported": 415,
  "request-id-reused": 422,
  "upgrade-required": 426,
  "too-many-waiters": 429,
  "too-many-unanswered": 429,
  "too-many-unread-outcomes": 429,
  "too-many-sessions": 429,
  "too-many-watches": 429,
  internal: 500,
  draining: 503,
  overloaded: 503,
  "no-primary": 503,
  "table-full": 503,
  "disk-reserve-reached": 503,
  "in-doubt": 504,
};

/** A no: an outcome such as busy, or a fault. Its message says what was seen, the bound, and what to do. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  /** Stable, in kebab-case. */
  readonly code: string;
  /** Members of the problem beside type, title, status and detail. */
  readonly details: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: string,
    message: string,
    more: { details?: Readonly<Record<string, unknown>>; headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(message);
    this.code = code;
    this.details = more.details ?? {};
    this.headers = more.headers ?? {};
  }
}

/** The HTTP status of a code. */
function statusOf(code: string): number {
  return STATUS_OF[code] ?? 400;
}

/** A value as JSON. */
export function json(value: unknown, status = 200): Reply {
  return { status, contentType: "application/json", body: `${JSON.stringify(value)}\n` };
}

/** Text for people and probes. */
export function plain(body: string, status = 200): Reply {
  return { status, contentType: "text/plain; charset=utf-8", body };
}

/** A refusal as a problem. */
export function problem(refusal: Refusal): Reply {
  const status = statusOf(refusal.code);
  const title = refusal.code.replaceAll("-", " ");
  const body = { type: refusal.code, title, status, detail: refusal.message, ...refusal.details };
  const later = status === 429 || status === 503 ? { "retry-after": RETRY_AFTER_SECONDS } : {};
  return { ...json(body, status), contentType: PROBLEM_TYPE, headers: { ...later, ...refusal.headers } };
}
