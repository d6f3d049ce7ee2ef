/**
 * Lost connections and answers, by scenario: nothing is done twice, and nothing is left behind.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  KIND_ACQUIRE,
  KIND_CANCEL,
  KIND_GRANTED,
  KIND_OPEN,
  KIND_RELEASE,
  KIND_RELEASED,
} from "../../src/words/kinds.js";
import { granted, holding, PlayedSession, TTL_MS } from "./played-session.js";

test("requests wait for the OPEN_SHARD of their shard, and not for those of others", () => {
  const played = new PlayedSession();
  played.acquire({ shard: 1 });
  played.session.connected(0);
  played.turn();
  const id = played.takeId(KIND_OPEN);
  played.hearPlain({ kind: "opened", id, paths: [played.path] }, played.openShard(id, 0, undefined));
  assert.ok(!played.hasSent(KIND_ACQUIRE));
  played.hearPlain(played.openShard(id, 1, undefined));
  assert.ok(played.hasSent(KIND_ACQUIRE));
});

test("a lost answer is given again by the outcomes, and the request is not sent twice (R-18, INV-7)", () => {
  const { played, call } = holding();
  const release = played.session.release(call, played.nowMs);
  played.turn();
  const id = played.takeId(KIND_RELEASE);
  played.lose();
  played.open([{ outcomes: [{ requestId: id, answerKind: KIND_RELEASED, value: 0 }] }]);
  assert.deepEqual(played.outcomes.get(release), { kind: "answered", answer: { kind: "released", id } });
  assert.ok(!played.hasSent(KIND_RELEASE));
});

test("a claim that was revoked while the server could not be heard is extended by no keep-alive (R-3, INV-4)", () => {
  const { played, call } = holding();
  const believedUntilMs = played.nowMs + played.session.believedForMs(call, played.nowMs);
  played.pass(1_000); // What is sent from now on would prolong it.
  played.lose();
  const claims = [{ requestId: 2, token: 7, resource: "order:1", mode: "exclusive" as const, leftMs: 4_000 }];
  played.open([{ mark: 21, claims }]);
  played.pass(TTL_MS / 6);
  played.keep({ mark: 21 });
  assert.ok(played.session.believedForMs(call, played.nowMs) > 0, "what it believed before, it may");
  assert.ok(played.nowMs + played.session.believedForMs(call, played.nowMs) <= believedUntilMs);
});

test("a request that a shard knows nothing of goes again with its old id where the session is known (R-18)", () => {
  const { played } = holding();
  const call = played.acquire({ resource: "order:2" });
  const id = played.takeId(KIND_ACQUIRE);
  played.lose();
  const claims = [{ requestId: 2, token: 7, resource: "order:1", mode: "exclusive" as const, leftMs: undefined }];
  played.open([{ claims }]);
  assert.equal(played.takeId(KIND_ACQUIRE), id);
  played.hear(granted(id, 11));
  assert.equal(played.outcomes.get(call)?.kind, "granted");
});

test("a request goes with a new id where the session is new, and its claims there are lost (R-18)", () => {
  const { played, call } = holding();
  played.acquire({ resource: "order:2" });
  const id = played.takeId(KIND_ACQUIRE);
  played.lose();
  played.open();
  assert.ok(played.takeId(KIND_ACQUIRE) > id);
  assert.ok(played.lost.has(call));
  assert.equal(played.session.believedForMs(call, played.nowMs), 0);
});

test("old ids go before new ones, and not before every shard in doubt has told (R-18)", () => {
  const played = new PlayedSession();
  played.acquire({ shard: 0, resource: "order:1" });
  played.acquire({ shard: 1, resource: "order:2" });
  played.open();
  const first = played.takeId(KIND_ACQUIRE);
  const second = played.takeId(KIND_ACQUIRE);
  played.lose();
  played.session.connected(0);
  played.acquire({ shard: 1, resource: "order:3" });
  const open = played.takeId(KIND_OPEN);
  played.path += 1;
  played.hearPlain({ kind: "opened", id: open, paths: [played.path] }, played.openShard(open, 1, {}));
  assert.ok(!played.hasSent(KIND_ACQUIRE));
  played.hearPlain(played.openShard(open, 0, {}));
  const ids = [played.takeId(KIND_ACQUIRE), played.takeId(KIND_ACQUIRE), played.takeId(KIND_ACQUIRE)];
  assert.deepEqual(ids.slice(0, 2), [first, second]);
  assert.ok((ids[2] ?? 0) > second);
});

test("a wait that is listed goes on in its place and is not sent again (R-18)", () => {
  const played = new PlayedSession();
  const call = played.acquire({ waitMs: 60_000 });
  played.open();
  const requestId = played.takeId(KIND_ACQUIRE);
  played.lose();
  const claims = [{ requestId, token: 0, resource: "order:1", mode: "exclusive" as const, leftMs: 50_000 }];
  played.open([{ claims }]);
  assert.ok(!played.hasSent(KIND_ACQUIRE));
  played.hear({ kind: "timed-out", id: requestId, seen: undefined });
  assert.equal(played.outcomes.get(call)?.kind, "answered");
});

test("a grant whose answer was lost is given after a keep-alive that was sent later (R-3, R-18)", () => {
  const played = new PlayedSession();
  const call = played.acquire();
  played.open();
  const requestId = played.takeId(KIND_ACQUIRE);
  played.lose();
  const claims = [{ requestId, token: 7, resource: "order:1", mode: "exclusive" as const, leftMs: undefined }];
  const outcomes = [{ requestId, answerKind: KIND_GRANTED, value: 7 }];
  played.open([{ claims, outcomes, mark: 3 }]);
  assert.equal(played.outcomes.get(call), undefined);
  played.keep({ mark: 3 });
  assert.deepEqual(played.outcomes.get(call), { kind: "granted", claim: call, token: 7 });
});

test("a grant that ended before its answer was heard is lost, not held", () => {
  const played = new PlayedSession();
  const call = played.acquire();
  played.open();
  const requestId = played.takeId(KIND_ACQUIRE);
  played.lose();
  played.open([{ outcomes: [{ requestId, answerKind: KIND_GRANTED, value: 7 }] }]);
  assert.equal(played.outcomes.get(call)?.kind, "lost");
  assert.equal(played.session.believedForMs(call, played.nowMs), 0);
});

test("claims and waits that nobody wants are released and cancelled (INV-7)", () => {
  const played = new PlayedSession();
  played.acquire({ resource: "order:5" });
  played.open([
    {
      claims: [
        { requestId: 900, token: 70, resource: "order:8", mode: "shared", leftMs: 100 },
        { requestId: 901, token: 0, resource: "order:9", mode: "exclusive", leftMs: 100 },
      ],
    },
  ]);
  assert.deepEqual(played.take(KIND_RELEASE).slice(2), ["order:8", 70]);
  assert.deepEqual(played.take(KIND_CANCEL).slice(2), ["order:9", 901]);
});

test("a void path is opened anew, and what it refused is sent again (R-18)", () => {
  const played = new PlayedSession();
  const call = played.acquire();
  played.open();
  const id = played.takeId(KIND_ACQUIRE);
  played.hear({ kind: "fault", id, code: "path-void", message: "" });
  played.open([{}]);
  assert.equal(played.takeId(KIND_ACQUIRE), id);
  played.hear(granted(id, 7));
  assert.equal(played.outcomes.get(call)?.kind, "granted");
});

test("what comes from a path that was replaced is passed over (R-18)", () => {
  const played = new PlayedSession();
  const call = played.acquire();
  played.open();
  const id = played.takeId(KIND_ACQUIRE);
  played.lose();
  const oldPath = played.path;
  played.open([{}]);
  played.hearPlain({ kind: "group", path: oldPath }, granted(id, 7));
  assert.equal(played.outcomes.get(call), undefined);
});

test("a shard that moved takes its requests to the new worker, over a path opened there", () => {
  const played = new PlayedSession();
  played.acquire();
  played.open();
  const id = played.takeId(KIND_ACQUIRE);
  const map = { version: 2, shards: 3, ringId: 1, workers: ["a:1", "b:1"], owners: [1, 0, 1] };
  played.hear({ kind: "moved", id, map });
  assert.deepEqual(played.session.wantedWorkers(), [1]);
  played.session.connected(1);
  played.turn();
  const open = played.take(KIND_OPEN);
  assert.equal(open[2], 1);
  played.path += 1;
  played.hearPlain(
    { kind: "opened", id: Number(open[1]), paths: [played.path] },
    played.openShard(Number(open[1]), 0, undefined),
  );
  assert.ok(played.takeId(KIND_ACQUIRE) > id);
});

test("groups tell which answers were seen, and count ids of other workers as seen (R-18)", () => {
  const played = new PlayedSession();
  const first = played.acquire({ waitMs: 60_000 });
  played.open();
  const waitId = played.takeId(KIND_ACQUIRE);
  assert.deepEqual(played.seen(), [waitId - 1]);
  played.acquire({ resource: "order:2" });
  const second = played.takeId(KIND_ACQUIRE);
  played.hear({ kind: "busy", id: second, holders: [], waiters: 0, yours: false, delayMs: 0 });
  played.acquire({ resource: "order:3" });
  assert.deepEqual(played.seen(), [waitId - 1, waitId + 1, second]);
  assert.equal(played.outcomes.get(first), undefined);
});

test("a key that is used elsewhere ends everything, and the path is not fought for (R-18)", () => {
  const { played, call } = holding();
  played.hearPlain({ kind: "in-use-elsewhere", path: played.path });
  assert.ok(played.lost.has(call));
  played.pass(1000);
  assert.ok(!played.hasSent(KIND_OPEN));
});

test("a release, a renewal and a position in doubt have no effect where the session is new (R-18)", () => {
  const { played, call } = holding();
  const wait = played.acquire({ resource: "order:2", waitMs: 60_000 });
  const renew = played.session.renew(call, undefined, played.nowMs);
  const position = played.session.position(wait, played.nowMs);
  const release = played.session.release(call, played.nowMs);
  played.turn();
  played.lose();
  played.open();
  const kindOf = (asked: number): string | undefined => {
    const outcome = played.outcomes.get(asked);
    return outcome?.kind === "answered" ? outcome.answer.kind : outcome?.kind;
  };
  assert.deepEqual([kindOf(renew), kindOf(position), kindOf(release)], ["not-held", "not-waiting", "not-held"]);
  assert.equal(played.take(KIND_ACQUIRE)[2], "order:2");
  assert.ok(!played.hasSent(KIND_RELEASE));
});

test("a refused OPEN ends what waits for it with the server's fault; one that passes is tried again", () => {
  const played = new PlayedSession();
  const call = played.acquire();
  played.session.connected(0);
  played.turn();
  played.hearPlain({ kind: "fault", id: played.takeId(KIND_OPEN), code: "draining", message: "" });
  assert.equal(played.outcomes.get(call), undefined);
  played.pass(500);
  const id = played.takeId(KIND_OPEN);
  played.hearPlain({ kind: "fault", id, code: "ttl-out-of-range", message: "" });
  const answer = { kind: "fault" as const, id, code: "ttl-out-of-range", message: "" };
  assert.deepEqual(played.outcomes.get(call), { kind: "answered", answer });
});

test("R-18: what is refused for the moment goes again with a new id while its caller waits, and not before its time", () => {
  const played = new PlayedSession();
  const call = played.acquire();
  played.open();
  const refused = played.takeId(KIND_ACQUIRE);
  played.hear({ kind: "fault", id: refused, code: "draining", message: "the node stops" });
  assert.ok(!played.hasSent(KIND_ACQUIRE) && !played.outcomes.has(call));
  played.pass(1_000);
  const again = played.takeId(KIND_ACQUIRE);
  assert.ok(again > refused, "what was refused had no effect, and its id is done with");
  played.hear({ kind: "fault", id: again, code: "too-many-unread-outcomes", message: "1000 are unread" });
  played.hear(granted(played.takeId(KIND_ACQUIRE), 7));
  assert.deepEqual(played.outcomes.get(call), { kind: "granted", claim: call, token: 7 });
});

test("who waits no longer is told why it was refused; what its caller gave up meanwhile is not sent again", () => {
  const played = new PlayedSession();
  const [call, other] = [played.acquire(), played.acquire({ resource: "order:2" })];
  played.open();
  const fault = { kind: "fault", code: "overloaded", message: "the log is behind" } as const;
  for (let tries = 0; !played.outcomes.has(call); tries++) {
    assert.ok(tries < 1_000, "it ends with the caller's time-out");
    while (played.hasSent(KIND_ACQUIRE)) played.hear({ ...fault, id: played.takeId(KIND_ACQUIRE) });
    if (tries === 0) played.session.abandon(other);
    assert.equal(played.sent.filter((message) => message[2] === "order:2").length, 0);
    played.pass(50);
  }
  const outcome = played.outcomes.get(call);
  assert.ok(outcome?.kind === "answered" && outcome.answer.kind === "fault" && outcome.answer.code === "overloaded");
});
