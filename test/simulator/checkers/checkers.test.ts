/** That the checkers of answers, of histories and of dead waiters bite: each is told a little that is right, then wrong. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ServerMessage } from "../../../src/protocol/server-messages.js";
import {
  CLIENT_SESSION,
  EVENT_BEGAN,
  EVENT_ENQUEUED,
  EVENT_GRANTED,
  EVENT_GRANTED_WAITER,
  EVENT_RELEASED,
} from "../../../src/words/event-kinds.js";
import { KIND_ACQUIRE, KIND_CHECK, KIND_GROUP } from "../../../src/words/kinds.js";
import type { LoggedEvent } from "../log-reader.js";
import type { HeardAnswer, Place } from "./checker.js";
import { HistoryIsLinear } from "./inv-10.js";
import { AnswersAreTrue } from "./inv-5.js";
import { NoDeadWaiters } from "./r-17.js";

const PLACE: Place = { number: 0, node: "node-0", shard: 0 };
const NAME = "node-0:r1";
const KEY = "00".repeat(16);

function event(kind: number, lsn: number, parts: Partial<LoggedEvent> = {}): LoggedEvent {
  const nothing = { flags: 0, row: 1, client: 1, requestId: 0, token: 0, key: "", ttlMs: 0, lockDelayMs: 0 };
  return { kind, lsn, stamp: lsn, name: NAME, permits: 0, asker: 0, deadline: 0, ...nothing, ...parts };
}

function heard(message: ServerMessage, sentUs: number, atUs: number): HeardAnswer {
  const { kind } = message;
  return { client: "client-0", key: KEY, kind, requestId: 1, resource: NAME, token: 0, sentUs, atUs, message };
}

const CHECKED_FREE: ServerMessage = { kind: "checked", id: 1, holders: [], waiters: 0, delayMs: 0 };

describe("the checkers", () => {
  test("take an answer that was true at some moment between request and answer, and no other (INV-5)", () => {
    const checker = new AnswersAreTrue();
    checker.applied(PLACE, event(EVENT_GRANTED, 5), 1_000);
    checker.answered(heard(CHECKED_FREE, 900, 2_000)); // Asked before the grant.
    assert.throws(() => checker.answered(heard(CHECKED_FREE, 1_001, 2_000)), /INV-5/);
    checker.applied(PLACE, event(EVENT_RELEASED, 6, { token: 5 }), 3_000);
    checker.answered(heard(CHECKED_FREE, 2_000, 3_000)); // Released as it was answered.
    assert.throws(() => checker.answered(heard(CHECKED_FREE, 2_000, 2_999)), /INV-5/);
  });

  test("take no busy for a resource that nobody holds or waits for (INV-5)", () => {
    const busy: ServerMessage = { kind: "busy", id: 1, holders: [], waiters: 0, yours: false, delayMs: 0 };
    assert.throws(() => new AnswersAreTrue().answered(heard(busy, 1_000, 2_000)), /INV-5/);
  });

  test("take no grant to a waiter whose client the node has not heard for its grace (R-17)", () => {
    const grace = 100;
    const dead = (heardAgain: boolean): void => {
      const checker = new NoDeadWaiters(grace);
      checker.began("client-0", KEY);
      const log = (logged: LoggedEvent): void => {
        checker.applied(PLACE, logged, 0, false);
        const { lsn, stamp } = logged;
        const chain = { shard: 0, epoch: 1, checksum: 0, previousLsn: 0, previousChecksum: 0 };
        checker.appliedEntry(PLACE, { ...chain, firstLsn: lsn, lastLsn: lsn, stamp, events: [logged] }, 0, false);
      };
      checker.reached("node-0", "client-0");
      log(event(EVENT_BEGAN, 1, { flags: CLIENT_SESSION, key: KEY, ttlMs: 1_000 }));
      log(event(EVENT_ENQUEUED, 2));
      if (heardAgain) checker.reached("node-0", "client-0");
      log(event(EVENT_GRANTED_WAITER, 3, { stamp: 1 + grace }));
    };
    dead(true);
    assert.throws(() => dead(false), /R-17/);
  });

  test("take no history that no order of events explains (INV-10)", () => {
    const history = (laterToken: number): void => {
      let nowUs = 0;
      const checker = new HistoryIsLinear(() => nowUs);
      const [one, other] = [checker.recorder("a".repeat(16)), checker.recorder("b".repeat(16))];
      one.sending([
        [KIND_GROUP, 1, 1, 0],
        [KIND_ACQUIRE, 1, NAME, 0, 0, 0, 0, 0, null],
      ]);
      nowUs = 1_000;
      one.received([{ kind: "granted", id: 1, token: 7, ttlMs: 0, waited: false, leftMs: 0, heardCount: 0, ageMs: 0 }]);
      nowUs = 2_000;
      other.sending([
        [KIND_GROUP, 2, 1, 0],
        [KIND_CHECK, 1, NAME],
      ]);
      nowUs += 10;
      other.received([CHECKED_FREE]);
      nowUs += 10;
      one.sending([
        [KIND_GROUP, 1, 2, 0],
        [KIND_ACQUIRE, 2, NAME, 0, 0, 0, 0, 0, null],
      ]);
      nowUs += 10;
      one.received([
        {
          kind: "granted",
          id: 2,
          token: laterToken,
          ttlMs: 0,
          waited: false,
          leftMs: 0,
          heardCount: 0,
          ageMs: 0,
        },
      ]);
      checker.ended({ wanted: [], strangers: new Set(), atUs: nowUs, isLast: true });
    };
    history(8); // The lease had ended.
    assert.throws(() => history(6), /INV-10/); // A later grant with a smaller token.
  });
});
