/**
 * What the client's core believes, and when it stops believing.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  KIND_ACQUIRE,
  KIND_CANCEL,
  KIND_CLOSE,
  KIND_KEEPALIVE,
  KIND_OPEN,
  KIND_RELEASE,
  KIND_RENEW,
} from "../../src/words/kinds.js";
import { ANSWER_WITHIN_MS, BELIEF_MS, granted, holding, PlayedSession, TTL_MS } from "./played-session.js";

test("belief in a grant at once starts before the acquire was sent, and ends 2 rho before the TTL (R-3)", () => {
  const played = new PlayedSession();
  const call = played.acquire({ ttlMs: 10_000 });
  played.open();
  const sentMs = played.nowMs;
  const id = played.takeId(KIND_ACQUIRE);
  played.nowMs += 400;
  played.hear(granted(id, 7, 10_000));
  assert.equal(played.session.believedForMs(call, sentMs), 9990);
  assert.equal(played.session.believedForMs(call, sentMs + 9990), 0);
});

test("belief is computed at the question, not by a timer (R-3)", () => {
  const { played, call } = holding();
  assert.ok(played.session.believedForMs(call, played.nowMs + BELIEF_MS - 1) > 0);
  assert.equal(played.session.believedForMs(call, played.nowMs + BELIEF_MS), 0);
});

test("a release ends belief before anything is sent (R-3)", () => {
  const { played, call } = holding();
  const release = played.session.release(call, played.nowMs);
  assert.equal(played.session.believedForMs(call, played.nowMs), 0);
  assert.ok(!played.hasSent(KIND_RELEASE));
  played.turn();
  const id = played.takeId(KIND_RELEASE);
  played.hear({ kind: "released", id });
  assert.deepEqual(played.outcomes.get(release), { kind: "answered", answer: { kind: "released", id } });
  assert.equal(played.session.release(call, played.nowMs), 0);
  assert.equal(played.lost.size, 0);
});

test("a keep-alive that was answered extends belief from its first sending (R-19)", () => {
  const { played, call } = holding();
  played.pass(TTL_MS / 6);
  const sentMs = played.nowMs;
  assert.ok(played.hasSent(KIND_KEEPALIVE));
  played.nowMs += 300;
  played.keep();
  assert.equal(played.session.believedForMs(call, sentMs), BELIEF_MS);
});

test("a keep-alive says nothing of a claim whose token is above the LSN told (R-19)", () => {
  const { played, call } = holding();
  const grantedMs = played.nowMs;
  played.pass(TTL_MS / 6);
  played.keep({ lsn: 6 });
  assert.equal(played.session.believedForMs(call, grantedMs), BELIEF_MS);
});

test("a keep-alive with a mark that was never told extends nothing, and the path is opened anew (R-19)", () => {
  const { played, call } = holding();
  const grantedMs = played.nowMs;
  played.pass(TTL_MS / 6);
  played.keep({ mark: 9 });
  assert.equal(played.session.believedForMs(call, grantedMs), BELIEF_MS);
  assert.ok(played.hasSent(KIND_OPEN));
});

test("a mark told by a push is known to the next keep-alive (R-19)", () => {
  const { played, call } = holding();
  played.hear({
    kind: "claim-ended",
    shard: 0,
    mark: 9,
    token: 5,
    resource: "order:9",
    cause: "expired",
    reason: "",
  });
  played.pass(TTL_MS / 6);
  const sentMs = played.nowMs;
  played.keep({ mark: 9 });
  assert.equal(played.session.believedForMs(call, sentMs), BELIEF_MS);
});

test("a keep-alive that a shard with claims did not answer has the path opened anew (R-19)", () => {
  const { played } = holding();
  played.pass(TTL_MS / 6);
  played.hearPlain({ kind: "done", id: played.takeId(KIND_KEEPALIVE), count: 0 });
  assert.ok(played.hasSent(KIND_OPEN));
});

test("a claim without news is lost before its belief ends, and is released when the server is back (INV-4, INV-7)", () => {
  const { played, call } = holding();
  const grantedMs = played.nowMs;
  played.lose();
  while (!played.lost.has(call)) {
    assert.ok(played.nowMs < grantedMs + BELIEF_MS, "told too late");
    assert.ok(played.session.believedForMs(call, played.nowMs) > 0, "ended before it was told");
    played.pass(100);
  }
  assert.ok(played.nowMs < grantedMs + BELIEF_MS);
  const claims = [{ requestId: 2, token: 7, resource: "order:1", mode: "exclusive" as const, leftMs: undefined }];
  played.open([{ claims }]);
  assert.deepEqual(played.take(KIND_RELEASE).slice(2), ["order:1", 7]);
});

test("a grant from the queue is believed from the frame that the server heard last (R-3)", () => {
  const played = new PlayedSession();
  const call = played.acquire({ waitMs: 60_000, ttlMs: 10_000 });
  played.open();
  const id = played.takeId(KIND_ACQUIRE);
  const sentMs = played.nowMs;
  const heardCount = Number(played.groups.at(-1)?.[2]);
  played.nowMs += 1500;
  played.hear({ kind: "granted", id, token: 8, ttlMs: 10_000, waited: true, leftMs: 10_000, heardCount, ageMs: 1400 });
  assert.deepEqual(played.outcomes.get(call), { kind: "granted", claim: call, token: 8 });
  assert.ok(Math.abs(played.session.believedForMs(call, sentMs) - 11_400 * 0.999) < 1e-6);
});

test("a grant from the queue of a primary that heard nothing is given only after a renew was answered (R-3)", () => {
  const played = new PlayedSession();
  const call = played.acquire({ waitMs: 60_000, ttlMs: 10_000 });
  played.open();
  const id = played.takeId(KIND_ACQUIRE);
  played.hear({ kind: "granted", id, token: 8, ttlMs: 10_000, waited: true, leftMs: 10_000, heardCount: 0, ageMs: 0 });
  assert.equal(played.outcomes.get(call), undefined);
  const sentMs = played.nowMs;
  const renew = played.takeId(KIND_RENEW);
  played.nowMs += 200;
  played.hear({ kind: "renewed", id: renew, ttlMs: 10_000, leftMs: 10_000 });
  assert.deepEqual(played.outcomes.get(call), { kind: "granted", claim: call, token: 8 });
  assert.equal(played.session.believedForMs(call, sentMs), 9990);
});

test("a claim with a TTL is renewed at a third of it, and the caller hears nothing of that", () => {
  const played = new PlayedSession();
  const call = played.acquire({ ttlMs: 9000 });
  played.open();
  played.hear(granted(played.takeId(KIND_ACQUIRE), 7, 9000));
  const grantedMs = played.nowMs;
  played.pass(2900);
  assert.ok(!played.hasSent(KIND_RENEW));
  played.pass(500);
  const message = played.take(KIND_RENEW);
  assert.deepEqual(message.slice(2), ["order:1", 7, 9000]);
  played.hear({ kind: "renewed", id: Number(message[1]), ttlMs: 9000, leftMs: 9000 });
  assert.ok(played.session.believedForMs(call, grantedMs) >= 9000 * 0.999 + 2900);
  assert.equal(played.outcomes.size, 1);
});

test("an acquire that was given up is cancelled, and a grant that beats the cancel is released (R-18)", () => {
  const played = new PlayedSession();
  const call = played.acquire({ waitMs: 60_000 });
  played.open();
  const id = played.takeId(KIND_ACQUIRE);
  played.session.abandon(call);
  played.turn();
  const cancel = played.take(KIND_CANCEL);
  assert.deepEqual(cancel.slice(2), ["order:1", id]);
  played.hear(granted(id, 7), { kind: "already-granted", id: Number(cancel[1]), token: 7 });
  assert.deepEqual(played.take(KIND_RELEASE).slice(2), ["order:1", 7]);
  assert.equal(played.outcomes.size, 0);
});

test("an acquire that was given up before it was sent is never sent", () => {
  const played = new PlayedSession();
  const call = played.acquire({ waitMs: 60_000 });
  played.acquire({ resource: "order:2" });
  played.session.abandon(call);
  played.open();
  assert.equal(played.take(KIND_ACQUIRE)[2], "order:2");
  assert.ok(!played.hasSent(KIND_ACQUIRE) && !played.hasSent(KIND_CANCEL));
});

test("a call without an answer ends unavailable if it was not sent, in doubt if it was", () => {
  const played = new PlayedSession();
  const unsent = played.acquire();
  played.pass(ANSWER_WITHIN_MS + 500);
  assert.deepEqual(played.outcomes.get(unsent), { kind: "no-answer", inDoubt: false });
  const sent = played.acquire();
  played.open();
  played.pass(ANSWER_WITHIN_MS + 500);
  assert.deepEqual(played.outcomes.get(sent), { kind: "no-answer", inDoubt: true });
  played.hear(granted(played.takeId(KIND_ACQUIRE), 7));
  assert.deepEqual(played.take(KIND_RELEASE).slice(2), ["order:1", 7]);
});

test("a session that ended in a shard loses what is bound to it there, and keeps claims with a TTL (R-19)", () => {
  const { played, call } = holding();
  const leased = played.acquire({ resource: "order:2", ttlMs: 20_000 });
  played.hear(granted(played.takeId(KIND_ACQUIRE), 8, 20_000));
  played.hear({ kind: "session-ended", shard: 0, mark: 30 });
  assert.ok(played.lost.has(call));
  assert.ok(played.session.believedForMs(leased, played.nowMs) > 0);
});

test("a claim that was forced ends at once; one that was revoked is not extended any more", () => {
  const { played, call } = holding();
  const other = played.acquire({ resource: "order:2" });
  played.hear(granted(played.takeId(KIND_ACQUIRE), 8));
  const grantedMs = played.nowMs;
  const ended = { kind: "claim-ended" as const, shard: 0, resource: "order:1", reason: "because" };
  played.hear({ ...ended, mark: 20, token: 7, cause: "forced" }, { ...ended, mark: 21, token: 8, cause: "revoked" });
  assert.match(played.lost.get(call) ?? "", /because/);
  played.pass(TTL_MS / 6);
  played.keep({ mark: 21 });
  assert.equal(played.session.believedForMs(other, grantedMs), BELIEF_MS);
});

test("close ends belief, says CLOSE on the open path, and is done when that is answered", () => {
  const { played, call } = holding();
  played.session.close();
  assert.equal(played.session.believedForMs(call, played.nowMs), 0);
  played.turn();
  const id = played.takeId(KIND_CLOSE);
  assert.equal(played.session.isClosed(), false);
  played.hearPlain({ kind: "done", id, count: 1 });
  assert.equal(played.session.isClosed(), true);
});
