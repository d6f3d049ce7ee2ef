/** Small histories whose judgement is known: what a checker must let pass is as easily got wrong as what it must not. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { HistoryLine, HistoryOp } from "../../src/words/history.js";
import { checkHistory } from "./check.js";
import { readHistoryLines } from "./read-history.js";

let process = 0;

function op(call: number, returned: number | null, rest: Partial<HistoryOp>): HistoryOp {
  process += 1;
  return {
    t: "op",
    process,
    session: "a",
    id: process,
    op: "acquire",
    resource: "order:7",
    call,
    return: returned,
    args: {},
    outcome: "granted",
    token: null,
    result: {},
    ...rest,
  };
}

function grant(call: number, returned: number, token: number, rest: Partial<HistoryOp> = {}): HistoryOp {
  return op(call, returned, { args: { mode: "exclusive" }, token, ...rest });
}

function rulesOf(lines: readonly HistoryLine[], clockErrorNs = 0): readonly string[] {
  const header = { t: "history", version: 1, commit: "", seed: "", drift_ppm: 500, clock_error_ns: clockErrorNs };
  return checkHistory(readHistoryLines([header, ...lines].map((line) => JSON.stringify(line)))).map(({ rule }) => rule);
}

const exclusive = { mode: "exclusive" } as const;
const permits = { args: { mode: "permit", permits: 3 } } as const;

test("a lease may end at any moment, and [call, return] is closed", () => {
  assert.deepEqual(rulesOf([grant(0, 10, 1), grant(10, 20, 2, { session: "b" })]), []);
  const release = op(10, 30, { op: "release", outcome: "released", token: 1 });
  assert.deepEqual(rulesOf([grant(0, 10, 1), release, grant(5, 10, 2, { session: "b" })]), []);
  assert.deepEqual(rulesOf([grant(0, 10, 1), release, grant(5, 9, 2, { session: "b" })]), ["two-holders"]);
});

test("a grant that returned before another was called has the smaller token (INV-2)", () => {
  assert.deepEqual(rulesOf([grant(0, 10, 2), grant(11, 20, 1)]), ["order"]);
  assert.deepEqual(rulesOf([grant(0, 11, 2), grant(11, 20, 1)]), []);
});

test("clocks that may disagree widen each interval at both ends", () => {
  const lines = [grant(0, 10, 2), grant(14, 20, 1)];
  assert.deepEqual(rulesOf(lines, 1), ["order"]);
  assert.deepEqual(rulesOf(lines, 2), []);
});

test("a free resource seen while several permits are taken was free before any of them", () => {
  const free = op(0, 100, { op: "check", outcome: "free", result: { holders: [], waiters: 0 } });
  const believed = {
    t: "believe",
    process: 0,
    resource: "order:7",
    mode: "permit",
    token: 2,
    from: 60,
    to: 80,
  } as const;
  const release = op(110, 120, { op: "release", outcome: "released", token: 3 });
  assert.deepEqual(rulesOf([grant(10, 55, 2, permits), grant(10, 55, 3, permits), free, believed, release]), []);
  const late = { ...free, call: 56 };
  assert.deepEqual(rulesOf([grant(10, 55, 2, permits), grant(10, 55, 3, permits), late, believed, release]), ["order"]);
});

test("belief holds up the next grant, unless an administrator forced it (INV-4)", () => {
  const believed = {
    t: "believe",
    process: 0,
    resource: "order:7",
    mode: "exclusive",
    token: 1,
    from: 10,
    to: 50,
  } as const;
  const second = grant(20, 49, 2, { session: "b" });
  assert.deepEqual(rulesOf([grant(0, 10, 1), believed, second]), ["two-holders"]);
  assert.deepEqual(rulesOf([grant(0, 10, 1), believed, { ...second, return: 50 }]), []);
  const forced = op(15, 18, { op: "force-release", outcome: "ok", result: { count: 1 } });
  assert.deepEqual(rulesOf([grant(0, 10, 1), believed, second, forced]), []);
});

test("an acquire without an answer may hold from its call on, until its cancel is answered", () => {
  const unknown = op(10, null, { args: exclusive, outcome: "unknown", id: 77 });
  const busy = (call: number): HistoryOp =>
    op(call, call + 5, { args: exclusive, outcome: "busy", session: "b", result: { holder: "a", queue: 0 } });
  assert.deepEqual(rulesOf([unknown, busy(20)]), []);
  assert.deepEqual(rulesOf([unknown, busy(4)]), ["nobody-there"]);
  const cancel = op(30, 40, { op: "cancel", outcome: "cancelled", args: { id: 77 } });
  assert.deepEqual(rulesOf([unknown, cancel, busy(35)]), []);
  assert.deepEqual(rulesOf([unknown, cancel, busy(41)]), ["nobody-there"]);
});

test("a busy answer without a holder needs a waiter or a lock-delay", () => {
  const busy = op(100, 110, { args: exclusive, outcome: "busy", session: "b", result: { holder: null, queue: 0 } });
  const released = op(20, 30, { op: "release", outcome: "released", token: 1 });
  const delayed = { args: { mode: "exclusive", lock_delay_ms: 30 } } as const;
  assert.deepEqual(rulesOf([grant(0, 10, 1, delayed), busy]), []);
  assert.deepEqual(rulesOf([grant(0, 10, 1), busy]), ["nobody-there"]);
  assert.deepEqual(rulesOf([grant(0, 10, 1, delayed), released, busy]), ["nobody-there"]);
});

test("a lock-delay goes on after an exclusive grant within it to its own session, and ends with one to another", () => {
  const shared = (delay: number) => ({ args: { mode: "shared", lock_delay_ms: delay } }) as const;
  const release = (at: number, token: number, session: string): HistoryOp =>
    op(at, at + 5, { op: "release", outcome: "released", token, session });
  const before = [
    grant(0, 10, 1, shared(1_000)),
    grant(20, 25, 2, { ...shared(0), session: "b" }),
    release(30, 2, "b"),
  ];
  const busy = op(100, 110, { args: exclusive, outcome: "busy", session: "c", result: { holder: null, queue: 0 } });
  assert.deepEqual(rulesOf([...before, grant(40, 45, 3), release(50, 3, "a"), busy]), []);
  const others = [grant(60, 65, 4, { session: "b" }), release(70, 4, "b")];
  assert.deepEqual(rulesOf([...before, grant(40, 45, 3), release(50, 3, "a"), ...others, busy]), ["nobody-there"]);
});

test("N permits are held by N at once, and the next has to wait for an end", () => {
  const taken = [1, 2, 3].map((token) => grant(0, 10, token, permits));
  const ends = [1, 2, 3].map((token) => op(50, 60, { op: "release", outcome: "released", token }));
  assert.deepEqual(rulesOf([...taken, ...ends, grant(20, 50, 4, permits)]), []);
  assert.deepEqual(rulesOf([...taken, ...ends, grant(20, 49, 4, permits)]), ["two-holders"]);
});
