/** The codes of faults: the tables keep numbers, the wire says words. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { FAULT_CODES, faultCode, faultNumber } from "../../src/words/faults.js";

test("each code has a number of its own, and comes back from it", () => {
  assert.deepEqual(
    FAULT_CODES.map((code) => faultCode(faultNumber(code))),
    [...FAULT_CODES],
  );
  assert.equal(new Set(FAULT_CODES.map(faultNumber)).size, FAULT_CODES.length);
});

test("a number that no code has is told as internal: a fault is never without a code", () => {
  for (const number of [FAULT_CODES.length, -1, 1_000]) assert.equal(faultCode(number), "internal");
});
