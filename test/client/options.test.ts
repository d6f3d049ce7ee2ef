/**
 * What callers write: durations and URLs, good and bad.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { durationMs } from "../../src/client/duration.js";
import { InvalidOptionError } from "../../src/client/errors.js";
import { parseServerUrl } from "../../src/client/url.js";

test("durations are milliseconds, or texts with a unit", () => {
  assert.equal(durationMs(250, "ttl"), 250);
  assert.equal(durationMs("30s", "ttl"), 30_000);
  assert.equal(durationMs("1.5m", "ttl"), 90_000);
});

test("a duration that is none is refused by the name of its option", () => {
  for (const bad of ["30", "", "s", "-1s", -1, Number.NaN, 1.5, Number.POSITIVE_INFINITY]) {
    assert.throws(
      () => durationMs(bad, "wait"),
      (error) => error instanceof InvalidOptionError && /wait/.test(error.message),
    );
  }
});

test("a URL names one server or several, with a key or without", () => {
  assert.deepEqual(parseServerUrl("holdfast://127.0.0.1"), { addresses: ["127.0.0.1:7400"], key: "" });
  assert.deepEqual(parseServerUrl("holdfast://hf%5Fkey@a:1,[::1]:2,b/"), {
    addresses: ["a:1", "[::1]:2", "b:7400"],
    key: "hf_key",
  });
});

test("a URL that is none is refused, and its key is not repeated", () => {
  for (const bad of [
    "http://secret@a",
    "holdfast://",
    "holdfast://secret@",
    "holdfast://secret@a b",
    "holdfast://secret@a:x",
  ]) {
    assert.throws(
      () => parseServerUrl(bad),
      (error) => error instanceof InvalidOptionError && !/secret/.test(error.message),
    );
  }
});
