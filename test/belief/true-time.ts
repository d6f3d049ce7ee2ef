/**
 * The clock that all histories of a run share. A process whose clocks are moved by libfaketime still reads its machine's
 * uptime from /proc, in steps of 10 ms; the others read the monotonic clock.
 */
import { uptime } from "node:os";
import { hrtime } from "node:process";
import type { TrueClock } from "./words.js";

/** How far a reading may be from true time, in nanoseconds. */
export const ERROR_NS: Readonly<Record<TrueClock, number>> = { monotonic: 0, uptime: 10_500_000 };

/** Milliseconds of that clock. */
export function readTrueMs(clock: TrueClock): number {
  return clock === "uptime" ? uptime() * 1_000 : Number(hrtime.bigint()) / 1e6;
}
