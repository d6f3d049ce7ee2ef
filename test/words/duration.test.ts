// What people write as a time or size is read exactly, and whatever we print can be read again.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatDuration, formatSize, parseDuration, parseSize } from "../../src/words/duration.js";

const DURATIONS: readonly (readonly [string, number])[] = [
  ["0ms", 0],
  ["50ms", 50],
  ["0.5ms", 0.5],
  ["1500ms", 1_500],
  ["30s", 30_000],
  ["30.02s", 30_020],
  ["1.005s", 1_005],
  ["5m", 300_000],
  ["1h", 3_600_000],
  ["1h30m", 5_400_000],
  ["1h2m3s4ms", 3_723_004],
  ["7d", 604_800_000],
];

for (const [text, ms] of DURATIONS) {
  test(`the duration ${text} is ${ms} ms`, () => {
    assert.deepEqual(parseDuration(text), { kind: "quantity", value: ms });
  });
}

const SIZES: readonly (readonly [string, number])[] = [
  ["0B", 0],
  ["256B", 256],
  ["64KiB", 65_536],
  ["64MiB", 67_108_864],
  ["1.5GiB", 1_610_612_736],
  ["1TiB", 1_099_511_627_776],
];

for (const [text, bytes] of SIZES) {
  test(`the size ${text} is ${bytes} bytes`, () => {
    assert.deepEqual(parseSize(text), { kind: "quantity", value: bytes });
  });
}

for (const text of ["30", "0", "1.5"]) {
  test(`a number without a unit (${text}) is refused with what is missing`, () => {
    for (const parsed of [parseDuration(text), parseSize(text)]) {
      assert.ok(parsed.kind === "refused" && parsed.reason.startsWith("the unit is missing: "), JSON.stringify(parsed));
    }
  });
}

const NO_DURATIONS: readonly string[] = [
  ...["", " ", "s", "-1s", "+1s", "1 s", " 1s", "1s ", "1S", "1e3s", "NaNs", "Infinitys", ".5s", "1.s", "1,5s", "0x1s"],
  ...["1s1s", "1m1h", "1h-1m", "1w", "1s\n", "１s", "30MiB", `${"1".repeat(40)}s`, "99999999999999999d"],
];

for (const text of NO_DURATIONS) {
  test(`${JSON.stringify(text)} is no duration`, () => {
    assert.equal(parseDuration(text).kind, "refused");
  });
}

for (const text of [
  "",
  "1MB",
  "1M",
  "1mib",
  "1 MiB",
  "-1MiB",
  "1MiB1MiB",
  "1KiB1MiB",
  "0.3B",
  "1.00001KiB",
  "99999999TiB",
]) {
  test(`${JSON.stringify(text)} is no size`, () => {
    assert.equal(parseSize(text).kind, "refused");
  });
}

test("any text is a quantity or is refused with a reason, and never throws", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9.]{0,6}[a-zA-Z]{0,3}$/)), (text) => {
      for (const parsed of [parseDuration(text), parseSize(text)]) {
        if (parsed.kind === "refused") assert.notEqual(parsed.reason, "");
        else assert.ok(Number.isFinite(parsed.value) && parsed.value >= 0);
      }
    }),
  );
});

test("times are printed as people say them", () => {
  const printed = [0, 0.25, 999.5, 1_000, 1_500, 30_000, 30_020, 90_000, 3_600_000, 3_723_000, 86_400_000].map((ms) =>
    formatDuration(ms),
  );
  assert.deepEqual(printed, [
    ...["0ms", "0.25ms", "999.5ms", "1s", "1.5s", "30s", "30.02s", "1m30s", "1h", "1h2m3s", "24h"],
  ]);
});

test("sizes are printed in the largest unit that loses nothing", () => {
  const printed = [0, 1_020, 1_024, 1_536, 67_108_864, 2 ** 40].map((bytes) => formatSize(bytes));
  assert.deepEqual(printed, ["0B", "1020B", "1KiB", "1536B", "64MiB", "1TiB"]);
});

test("what is printed is read as the same number", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 10 ** 12 }), (number) => {
      assert.deepEqual(parseDuration(formatDuration(number)), { kind: "quantity", value: number });
      assert.deepEqual(parseSize(formatSize(number)), { kind: "quantity", value: number });
    }),
  );
});
