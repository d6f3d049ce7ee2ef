/** Every answer and push that shards make, as the rows that they write and as the value that a client is to read. */
import type { ReplyContext } from "../../src/protocol/encode-replies.js";
import type { Holder, ServerMessage } from "../../src/protocol/server-messages.js";
import { DETAIL, type Replies } from "../../src/tables/replies.js";
import { faultNumber } from "../../src/words/faults.js";
import {
  CAUSE_FORCED,
  KIND_ABANDONED,
  KIND_ALREADY_GRANTED,
  KIND_BUSY,
  KIND_CANCELLED,
  KIND_CHECKED,
  KIND_CLAIM_ENDED,
  KIND_DONE,
  KIND_FAULT,
  KIND_GRANTED,
  KIND_KEPT,
  KIND_LISTED,
  KIND_NOT_HELD,
  KIND_NOT_WAITING,
  KIND_OPEN_SHARD,
  KIND_POSITION,
  KIND_RELEASED,
  KIND_RENEWED,
  KIND_REVOKED,
  KIND_SESSION_ENDED,
  KIND_TIMED_OUT,
} from "../../src/words/kinds.js";

/** Where the examples are said. */
export const EXAMPLE_CONTEXT: ReplyContext = { shard: 5, shards: 64 };
const BIG = 3 * 2 ** 40 + 9;

/** One answer: `fill` adds its rows, `value` is what they mean. */
export interface ReplyExample {
  readonly name: string;
  readonly fill: (replies: Replies) => void;
  readonly value: ServerMessage;
}

const HELD_BY_SESSION: Holder = {
  mode: "shared",
  token: BIG,
  heldMs: 100,
  leftMs: undefined,
  principal: "local",
  client: "0102030405060708",
  address: "127.0.0.1",
  metadata: "é",
  renewCount: 2,
  permits: 0,
};
const HELD_LOOSE: Holder = {
  ...HELD_BY_SESSION,
  mode: "exclusive",
  token: 0,
  leftMs: 4_900,
  client: "",
  metadata: "",
  permits: 7,
};

const encoder = new TextEncoder();

function addText(replies: Replies, row: number, text: string): void {
  const bytes = encoder.encode(text);
  replies.addText(row, bytes, 0, bytes.length);
}

function addHolder(replies: Replies, holder: Holder): void {
  const row = replies.add(DETAIL, 0, 0, 0);
  replies.setA(row, holder.mode === "shared" ? 1 : 0);
  replies.setB(row, holder.token);
  replies.setC(row, holder.heldMs);
  replies.setD(row, holder.leftMs ?? -1);
  replies.setE(row, holder.renewCount);
  replies.setF(row, holder.permits);
  replies.setSerial(row, holder.client === "" ? 0 : 1);
  replies.setPath(row, 0x01020304);
  replies.setId(row, 0x05060708);
  for (const text of [holder.principal, holder.address, holder.metadata]) {
    const size = encoder.encode(text).length;
    replies.addText(row, Uint8Array.of(size & 255, size >>> 8), 0, 2);
    if (size > 0) addText(replies, row, text);
  }
}

type Columns = readonly [a?: number, b?: number, c?: number, d?: number, e?: number, f?: number];

/** Adds one row with columns from a on. */
function add(replies: Replies, kind: number, id: number, columns: Columns = []): number {
  const row = replies.add(kind, 0, 0, id);
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = columns;
  replies.setA(row, a);
  replies.setB(row, b);
  replies.setC(row, c);
  replies.setD(row, d);
  replies.setE(row, e);
  replies.setF(row, f);
  return row;
}

function simple(
  name: string,
  kind: number,
  value: ServerMessage & { readonly id: number },
  columns: Columns = [],
): ReplyExample {
  return { name, value, fill: (replies) => void add(replies, kind, value.id, columns) };
}

/** Answers without rows behind them. */
const SHORT: readonly ReplyExample[] = [
  simple("granted at once, with a token above 2^32", KIND_GRANTED, granted(1, { waited: false, ttlMs: 30_000 }), [
    BIG,
    30_000,
  ]),
  simple("granted at once, bound to the session", KIND_GRANTED, granted(2, { waited: false, ttlMs: 0 }), [BIG, 0]),
  simple("granted after a wait", KIND_GRANTED, granted(3, { waited: true, ttlMs: 5_000 }), [
    BIG,
    5_000,
    1,
    4_999,
    12,
    34,
  ]),
  simple(
    "timed out, with nobody left",
    KIND_TIMED_OUT,
    { kind: "timed-out", id: 4, seen: { holders: [], waiters: 2, position: 2 } },
    [0, 2, 2],
  ),
  simple("cancelled", KIND_CANCELLED, { kind: "cancelled", id: 5 }),
  simple("abandoned", KIND_ABANDONED, { kind: "abandoned", id: 2 ** 53 - 1 }),
  simple("released", KIND_RELEASED, { kind: "released", id: 127 }),
  simple("not held", KIND_NOT_HELD, { kind: "not-held", id: 128 }),
  simple("renewed", KIND_RENEWED, { kind: "renewed", id: 9, ttlMs: 30_000, leftMs: 65_536 }, [30_000, 65_536]),
  simple("revoked", KIND_REVOKED, { kind: "revoked", id: 10, leftMs: 1_234 }, [1_234]),
  simple("already granted", KIND_ALREADY_GRANTED, { kind: "already-granted", id: 11, token: BIG }, [BIG]),
  simple("not waiting", KIND_NOT_WAITING, { kind: "not-waiting", id: 12 }),
  simple("done", KIND_DONE, { kind: "done", id: 13, count: 3 }, [3]),
  simple(
    "free, when checked",
    KIND_CHECKED,
    { kind: "checked", id: 14, holders: [], waiters: 0, delayMs: 250 },
    [0, 0, 250],
  ),
];

function granted(
  id: number,
  how: { readonly waited: boolean; readonly ttlMs: number },
): ServerMessage & { readonly id: number } {
  const waited = how.waited
    ? { leftMs: 4_999, heardCount: 12, ageMs: 34 }
    : { leftMs: undefined, heardCount: 0, ageMs: 0 };
  return { kind: "granted", id, token: BIG, ...how, ...waited };
}

/** Answers that name holders. */
const WITH_HOLDERS: readonly ReplyExample[] = [
  {
    name: "timed out, far back in the queue, held by a session",
    fill: (replies) => {
      add(replies, KIND_TIMED_OUT, 19, [1, 0, 5_000]);
      addHolder(replies, HELD_BY_SESSION);
    },
    value: {
      kind: "timed-out",
      id: 19,
      seen: { holders: [HELD_BY_SESSION], waiters: 5_000, position: undefined },
    },
  },
  {
    name: "busy, held by a session and by somebody without one",
    fill: (replies) => {
      add(replies, KIND_BUSY, 20, [2, 3, 1, 40]);
      addHolder(replies, HELD_BY_SESSION);
      addHolder(replies, HELD_LOOSE);
    },
    value: { kind: "busy", id: 20, holders: [HELD_BY_SESSION, HELD_LOOSE], waiters: 3, yours: true, delayMs: 40 },
  },
  {
    name: "checked",
    fill: (replies) => {
      add(replies, KIND_CHECKED, 21, [1, 2, 0]);
      addHolder(replies, HELD_BY_SESSION);
    },
    value: { kind: "checked", id: 21, holders: [HELD_BY_SESSION], waiters: 2, delayMs: 0 },
  },
  {
    name: "position",
    fill: (replies) => {
      add(replies, KIND_POSITION, 22, [1, 2, 777]);
      addHolder(replies, HELD_LOOSE);
    },
    value: { kind: "position", id: 22, position: 2, waitedMs: 777, holders: [HELD_LOOSE] },
  },
  {
    name: "listed, with a cursor to the next shard",
    fill: (replies) => {
      add(replies, KIND_LISTED, 23, [1, 0]);
      addText(replies, add(replies, DETAIL, 0, [1]), "order:é");
      addHolder(replies, HELD_LOOSE);
    },
    value: {
      kind: "listed",
      id: 23,
      claims: [{ resource: "order:é", holds: true, holder: HELD_LOOSE }],
      cursor: "l6.1",
    },
  },
];

/** What opening a path, keep-alives, limits and pushes say. */
const OTHERS: readonly ReplyExample[] = [
  {
    name: "fault",
    fill: (replies) => addText(replies, add(replies, KIND_FAULT, 30, [faultNumber("ttl-out-of-range")]), "ttl is 1 ms"),
    value: { kind: "fault", id: 30, code: "ttl-out-of-range", message: "ttl is 1 ms" },
  },
  {
    name: "what a session has in a shard, when its path is opened",
    fill: (replies) => {
      add(replies, KIND_OPEN_SHARD, 31, [5, BIG, 1]);
      replies.setId(add(replies, DETAIL, 0, [BIG + 2, 30_000, BIG - 1, 6, 70, 1]), 1);
      addText(replies, add(replies, DETAIL, 0, [8, 0, 0, 9_000, 1]), "order:1");
      add(replies, DETAIL, 0, [9, KIND_RELEASED, 0]);
    },
    value: {
      kind: "open-shard",
      id: 31,
      shard: 5,
      lsn: BIG,
      sessions: [
        {
          path: BIG + 2,
          ttlMs: 30_000,
          mark: BIG - 1,
          heardCount: 6,
          ageMs: 70,
          claims: [{ requestId: 8, token: 0, resource: "order:1", mode: "exclusive", leftMs: 9_000 }],
          outcomes: [{ requestId: 9, answerKind: KIND_RELEASED, value: 0 }],
        },
      ],
    },
  },
  {
    name: "a shard's part of the answer to a keep-alive",
    fill: (replies) => {
      add(replies, KIND_KEPT, 32, [4, 5, BIG, 2]);
      add(replies, DETAIL, 0, [BIG, 1]);
      add(replies, DETAIL, 0, [BIG + 1, 0]);
    },
    value: {
      kind: "kept",
      id: 32,
      count: 4,
      shard: 5,
      lsn: BIG,
      marks: [
        { path: BIG, mark: 1 },
        { path: BIG + 1, mark: 0 },
      ],
    },
  },
  {
    name: "a claim ended unasked",
    fill: (replies) => addText(replies, add(replies, KIND_CLAIM_ENDED, 0, [BIG, 77, CAUSE_FORCED, 7]), "order:1by ops"),
    value: {
      kind: "claim-ended",
      shard: 5,
      mark: BIG,
      token: 77,
      resource: "order:1",
      cause: "forced",
      reason: "by ops",
    },
  },
  {
    name: "a session ended in a shard",
    fill: (replies) => void add(replies, KIND_SESSION_ENDED, 0, [BIG]),
    value: { kind: "session-ended", shard: 5, mark: BIG },
  },
];

/** All of them; names are unique. */
export const REPLY_EXAMPLES: readonly ReplyExample[] = [...SHORT, ...WITH_HOLDERS, ...OTHERS];
