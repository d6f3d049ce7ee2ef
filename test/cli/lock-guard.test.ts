// A command never works on when somebody else may be granted its lock: the guard's times, with a real clock.
import assert from "node:assert/strict";
import { test } from "node:test";
import { LockGuard } from "../../src/cli/lock-guard.js";
import { until } from "../node/server-process.js";

const TTL_MS = 400;

/** A belief that ends by itself unless it is prolonged. */
class Belief {
  readonly controller: AbortController = new AbortController();
  deadlineMs: number = performance.now() + TTL_MS;

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  remainingMs(): number {
    return Math.max(0, this.deadlineMs - performance.now());
  }
}

interface Watched {
  readonly guard: LockGuard;
  /** What was left when it happened, in milliseconds. */
  readonly soon: number[];
  readonly now: number[];
}

function watched(belief: Belief): Watched {
  const soon: number[] = [];
  const now: number[] = [];
  const endSoon = (): void => void soon.push(belief.remainingMs());
  const endNow = (): void => void now.push(belief.remainingMs());
  return { guard: new LockGuard(belief, TTL_MS, { endSoon, endNow }), soon, now };
}

test("without news the command is asked to end first, and ended when nothing is left (R-3)", async () => {
  const belief = new Belief();
  const { guard, soon, now } = watched(belief);
  await until("the end", () => now.length > 0);
  assert.equal(soon.length, 1);
  assert.ok((soon[0] ?? 0) > (now[0] ?? 0));
  assert.ok((soon[0] ?? TTL_MS) <= TTL_MS / 4 + 1);
  assert.equal(now.length, 1);
  assert.ok(guard.hasLost);
});

test("with news in time nothing happens, however long it lasts", async () => {
  const belief = new Belief();
  const { guard, soon, now } = watched(belief);
  const endMs = performance.now() + 2 * TTL_MS;
  await until("two TTLs to go by", () => {
    belief.deadlineMs = performance.now() + TTL_MS;
    return performance.now() > endMs;
  });
  guard.stop();
  assert.deepEqual([soon, now, guard.hasLost], [[], [], false]);
});

test("a lock that is forced ends the command at once, and once only", () => {
  const belief = new Belief();
  const { guard, soon, now } = watched(belief);
  belief.deadlineMs = 0;
  belief.controller.abort();
  guard.stop();
  assert.deepEqual([soon.length, now.length, guard.hasLost], [0, 1, true]);
});

test("a lock that was lost before the command ran ends it at once", () => {
  const belief = new Belief();
  belief.controller.abort();
  assert.equal(watched(belief).now.length, 1);
});

test("a lock whose belief ran out unnoticed, as in a suspended machine, counts as lost at the end", () => {
  const belief = new Belief();
  const { guard, now } = watched(belief);
  belief.deadlineMs = 0;
  guard.stop();
  assert.ok(guard.hasLost);
  assert.equal(now.length, 0);
});
