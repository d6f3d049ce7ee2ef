/** What a keep-alive of another thread extends: younger claims than the mark, and never one that the mark may have ended. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Clock } from "../../src/client/clock.js";
import { sentAtMs } from "../../src/client/keep-alive-words.js";
import type { Readings } from "../../src/client/machine.js";
import { KIND_ACQUIRE, KIND_OPEN } from "../../src/words/kinds.js";
import { BELIEF_MS, granted, holding, type PlayedSession } from "./played-session.js";

function kept(played: PlayedSession, mark: number, sentMs: number): void {
  const marks = [{ path: played.path, mark }];
  played.session.keptElsewhere({ kind: "kept", id: 1, count: 0, shard: 0, lsn: 1000, marks }, sentMs, played.nowMs);
  played.turn();
}

test("a claim is believed on from the other thread's sending, if the mark is not above its token", () => {
  const { played, call } = holding();
  played.nowMs += 20_000;
  kept(played, 7, played.nowMs - 1000);
  assert.equal(played.session.believedForMs(call, played.nowMs), BELIEF_MS - 1000);
  assert.equal(played.hasSent(KIND_OPEN), false);
});

test("a mark above a token that was not told extends only younger claims, and has the path opened anew", () => {
  const { played, call } = holding();
  const younger = played.acquire({ resource: "order:2" });
  played.hear(granted(played.takeId(KIND_ACQUIRE), 9));
  played.nowMs += 20_000;
  kept(played, 8, played.nowMs);
  assert.equal(played.session.believedForMs(call, played.nowMs), BELIEF_MS - 20_000);
  assert.equal(played.session.believedForMs(younger, played.nowMs), BELIEF_MS);
  assert.equal(played.hasSent(KIND_OPEN), true);
});

test("a keep-alive on a path that was replaced extends nothing", () => {
  const { played, call } = holding();
  played.nowMs += 20_000;
  const older = played.path;
  played.path += 7;
  kept(played, 7, played.nowMs);
  played.path = older;
  assert.equal(played.session.believedForMs(call, played.nowMs), BELIEF_MS - 20_000);
});

test("a process that is stopped while it reckons when the other thread sent takes the sending for older (R-3)", () => {
  const STOPPED_MS = 600;
  let bootMs = 1_000;
  const reads: number[] = [];
  const read = (): Readings => {
    reads.push(bootMs);
    const now = { monotonicMs: bootMs, bootMs, wallMs: bootMs };
    if (reads.length === 2) bootMs += STOPPED_MS; // Behind the first reading that sentAtMs makes of either clock.
    return now;
  };
  const clock = new Clock(read);
  const sent = { monotonicMs: bootMs, bootMs, wallMs: bootMs };
  bootMs += 50; // Its answer is here.
  const sentMs = sentAtMs(sent, clock, read);
  assert.equal(reads.length, 3);
  assert.ok(sentMs <= 0, `sent when the clock was made, and taken for ${sentMs} ms younger`);
});
