// The record of limits agrees with itself: faults, handshake and settings all quote it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS, LIMITS_DEFAULT } from "../../src/words/limits.js";

test("each limit has a default within its range, a name of its own and a sentence", () => {
  const limits = Object.values(LIMITS);
  assert.ok(limits.length >= 19);
  for (const limit of limits) {
    assert.ok(limit.min <= limit.default && limit.default <= limit.max, limit.name);
    assert.match(limit.name, /^[a-z]+(?:-[a-z]+)*$/);
    assert.ok(limit.why.endsWith("."), limit.name);
    assert.equal(limit.setting === null, limit.min === limit.max, `${limit.name}: fixed if and only if no setting`);
  }
  assert.equal(new Set(limits.map(({ name }) => name)).size, limits.length);
});

test("the defaults in force are the defaults of the limits, one for each", () => {
  assert.deepEqual(Object.keys(LIMITS_DEFAULT), Object.keys(LIMITS));
  assert.deepEqual(
    Object.values(LIMITS_DEFAULT),
    Object.values(LIMITS).map((limit) => limit.default),
  );
});

test("the bounds of a TTL can be set down to 50 ms", () => {
  for (const limit of [LIMITS.ttlMinMs, LIMITS.ttlMaxMs, LIMITS.ttlDefaultMs]) assert.equal(limit.min, 50);
});
