/**
 * Times of counts: never later than the truth, and forgotten rather than guessed.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Sendings } from "../../src/client/sendings.js";

test("a count is never said to have been sent later than it was (R-3)", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 200 }), (gapsMs) => {
      const sendings = new Sendings();
      let nowMs = 5;
      const times = gapsMs.map((gapMs, index) => {
        nowMs += gapMs;
        sendings.sent(index + 1, nowMs);
        return nowMs;
      });
      times.forEach((timeMs, index) => {
        const saidMs = sendings.firstSentMs(index + 1);
        assert.ok(saidMs !== undefined && saidMs <= timeMs && saidMs > timeMs - 10);
      });
    }),
  );
});

test("a count that the ring has lost is not known, and neither is one of an older path", () => {
  const sendings = new Sendings();
  for (let count = 1; count <= 10_000; count += 1) sendings.sent(count, count * 10);
  assert.equal(sendings.firstSentMs(1), undefined);
  assert.equal(sendings.firstSentMs(9000), 90_000);
  sendings.clear();
  assert.equal(sendings.firstSentMs(9000), undefined);
});
