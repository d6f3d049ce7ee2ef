/**
 * One line of a history from text to value, strictly: a checker that guesses what a bad line meant would pass what it
 * should refuse. The quick way for the lines that the library itself writes is scan-line.ts; this one has the last word.
 */
import { z } from "zod";
import {
  HISTORY_OPERATIONS,
  HISTORY_OUTCOMES,
  HISTORY_VERSION,
  HISTORY_WATCH_KINDS,
  type HistoryLine,
  type HistoryOp,
  type HistoryOperation,
  type HistoryOutcome,
} from "../../src/words/history.js";

/** A line that is none. */
export class BadLine extends Error {
  override readonly name = "BadLine";
  /** From 1. */
  readonly line: number;

  constructor(line: number, why: string, options?: ErrorOptions) {
    super(`line ${line}: ${why}`, options);
    this.line = line;
  }
}

const count = z.int().min(0);
const mode = z.enum(["exclusive", "shared", "permit"]);
const resource = z.string().min(1);
const token = z.int().min(1);

const header = z.strictObject({
  t: z.literal("history"),
  version: z.literal(HISTORY_VERSION),
  commit: z.string(),
  seed: z.string(),
  drift_ppm: count,
  clock_error_ns: count,
});
const op = z.strictObject({
  t: z.literal("op"),
  process: count,
  session: z.string(),
  id: z.int().min(1),
  op: z.enum(HISTORY_OPERATIONS),
  resource: resource.nullable(),
  call: count,
  return: count.nullable(),
  args: z.strictObject({
    mode: mode.exactOptional(),
    ttl_ms: count.exactOptional(),
    wait_ms: count.exactOptional(),
    permits: count.exactOptional(),
    lock_delay_ms: count.exactOptional(),
    id: count.exactOptional(),
  }),
  outcome: z.enum(HISTORY_OUTCOMES),
  token: token.nullable(),
  result: z.strictObject({
    holders: z.array(z.strictObject({ client: z.string(), mode })).exactOptional(),
    waiters: count.exactOptional(),
    holder: z.string().nullable().exactOptional(),
    queue: count.exactOptional(),
    count: count.exactOptional(),
    code: z.string().exactOptional(),
  }),
});
const span = { from: count, to: count };
const believe = z.strictObject({ t: z.literal("believe"), process: count, resource, mode, token, ...span });
const watch = z.strictObject({
  t: z.literal("watch"),
  process: count,
  resource,
  kind: z.enum(HISTORY_WATCH_KINDS),
  token: token.nullable(),
  at: count,
});
const fault = z.strictObject({ t: z.literal("fault"), kind: z.string(), target: z.string(), ...span });
const anyLine = z.discriminatedUnion("t", [header, op, believe, watch, fault]);

const ANY_END: readonly HistoryOutcome[] = ["refused", "unknown"];
const ENDS: Readonly<Record<HistoryOperation, readonly HistoryOutcome[]>> = {
  acquire: ["granted", "busy", "timed_out", "cancelled"],
  release: ["released", "not_held"],
  renew: ["renewed", "not_held"],
  check: ["free", "held"],
  cancel: ["cancelled", "already_granted", "not_waiting"],
  revoke: ["ok", "not_held"],
  "force-release": ["ok", "not_held"],
  keepalive: ["ok"],
  close: ["ok"],
};
/** Outcomes that mean nothing without a token. */
const ABOUT_A_TOKEN: ReadonlySet<HistoryOutcome> = new Set(["granted", "released", "renewed", "already_granted"]);

/** Reads one line. @throws BadLine with its number and what is wrong */
export function parseLine(text: string, line: number): HistoryLine {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new BadLine(line, `not JSON: ${text.slice(0, 80)}`, { cause });
  }
  const parsed = anyLine.safeParse(value);
  if (!parsed.success) throw new BadLine(line, z.prettifyError(parsed.error));
  const { data } = parsed;
  const why = data.t === "op" ? whyBadOp(data) : "from" in data && data.to < data.from ? "`to` is before `from`" : "";
  if (why !== "") throw new BadLine(line, why);
  if (data.t === "watch" && (data.token === null) !== (data.kind === "resync")) {
    throw new BadLine(line, "only a resync is without a token");
  }
  return data;
}

function whyBadOp(data: HistoryOp): string {
  const { op: asked, outcome } = data;
  if (!ENDS[asked].includes(outcome) && !ANY_END.includes(outcome)) return `${asked} can't end as ${outcome}`;
  if ((data.return === null) !== (outcome === "unknown")) return "`return` is null if and only if it is unknown";
  if (data.return !== null && data.return < data.call) return "`return` is before `call`";
  if ((data.resource === null) !== (asked === "keepalive" || asked === "close")) return `${asked} and its resource`;
  if (ABOUT_A_TOKEN.has(outcome) && data.token === null) return `${outcome} without a token`;
  if (asked === "acquire" && data.args.mode === undefined) return "an acquire without a mode";
  if (data.args.mode === "permit" && (data.args.permits ?? 0) < 1) return "a permit without `permits`";
  if (asked === "cancel" && data.args.id === undefined) return "a cancel without the id of its wait";
  return "";
}
