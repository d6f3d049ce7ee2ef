/**
 * The faults that a request can meet: bad input, a limit, a state of the server. Each has a stable code, told to the
 * client with what was seen, the bound, and what to do. The list is the numbering of the tables, not of the wire.
 */
export const FAULT_CODES = [
  "internal",
  "malformed",
  "frame-too-large",
  "unknown-request",
  "resource-invalid",
  "resource-too-long",
  "ttl-out-of-range",
  "wait-out-of-range",
  "lock-delay-out-of-range",
  "permits-out-of-range",
  "metadata-too-long",
  "mode-invalid",
  "token-invalid",
  "id-invalid",
  "mode-in-use",
  "too-many-waiters",
  "too-many-unread-outcomes",
  "too-many-sessions",
  "too-many-watches",
  "table-full",
  "wait-needs-session",
  "session-needs-path",
  "path-void",
  "request-id-not-above",
  "request-id-reused",
  "not-permitted",
  "cursor-invalid",
  "disk-reserve-reached",
  "draining",
  "overloaded",
  "too-many-unanswered",
  "no-primary",
] as const;

/** A stable code of a fault. */
export type FaultCode = (typeof FAULT_CODES)[number];

const numbers = new Map<string, number>(FAULT_CODES.map((code, index) => [code, index]));

/** The number that the tables keep for a code. */
export function faultNumber(code: FaultCode): number {
  return numbers.get(code) ?? 0;
}
/** The code behind a number of the tables. */
export function faultCode(number: number): FaultCode {
  return FAULT_CODES[number] ?? "internal";
}
