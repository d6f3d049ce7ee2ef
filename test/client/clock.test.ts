/**
 * The client's clock under machines that suspend and clocks that step.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Clock, CLOCK_SPREAD_MS } from "../../src/client/clock.js";

const MINUTE_MS = 60_000;

test("a monotonic clock that stood still while the machine slept is not believed (R-3)", () => {
  const readings = { monotonicMs: 500, bootMs: 9000, wallMs: 1e12 };
  const clock = new Clock(() => ({ ...readings }));
  readings.bootMs += MINUTE_MS;
  readings.wallMs += MINUTE_MS;
  readings.monotonicMs += 1;
  assert.equal(clock.now(), MINUTE_MS);
});

test("a wall clock that steps ahead ends belief; stepping back does not make time stand still (R-3)", () => {
  const readings = { monotonicMs: 0, bootMs: 0, wallMs: 1e12 };
  const clock = new Clock(() => ({ ...readings }));
  readings.wallMs += 60 * MINUTE_MS;
  const ahead = clock.now();
  assert.equal(ahead, 60 * MINUTE_MS);
  readings.wallMs -= 60 * MINUTE_MS;
  assert.equal(clock.now(), ahead);
  readings.monotonicMs += 1000;
  readings.bootMs += 1000;
  readings.wallMs += 1000;
  assert.ok(clock.now() - ahead >= 1000 - CLOCK_SPREAD_MS);
});

test("between any two readings no clock has gone further than was said, but for the spread (R-3)", () => {
  const readings = { monotonicMs: 0, bootMs: 0, wallMs: 0 };
  const clock = new Clock(() => ({ ...readings }));
  const steps = [3, 50, -400, 7, 0, 900, 12, -3, 25, 60_000, -60_000, 1];
  const said: number[] = [clock.now()];
  const walls: number[] = [0];
  for (const step of steps) {
    readings.monotonicMs += 5;
    readings.bootMs += 5;
    readings.wallMs += step;
    said.push(clock.now());
    walls.push(readings.wallMs);
  }
  for (let from = 0; from < said.length; from += 1) {
    for (let to = from; to < said.length; to += 1) {
      const saidMs = (said[to] ?? 0) - (said[from] ?? 0);
      assert.ok(saidMs >= (to - from) * 5 - CLOCK_SPREAD_MS);
    }
  }
});

test("the machine's own clocks agree, so that time goes as fast as they do", async () => {
  const clock = new Clock();
  const fromMs = clock.now();
  const from = performance.now();
  while (performance.now() < from + 200) await new Promise((resolve) => setImmediate(resolve));
  const errorMs = clock.now() - fromMs - (performance.now() - from);
  assert.ok(Math.abs(errorMs) <= 2 * CLOCK_SPREAD_MS, `off by ${errorMs} ms`);
});
