/**
 * Whether only the reserve of the disk is left. Acquires are refused then, while renewals and ends are still logged
 * (system.md §6), so it must be known before a write fails.
 */
import { statfsSync } from "node:fs";
import { dirname } from "node:path";

const LOOK_EVERY_MS = 1000;
const RELIEF = 1.25; // Low until a quarter more than the reserve is free: the answer must not flicker.

/** Watches the disk on which one store lies, by at most one look a second. */
export class DiskSpace {
  readonly #directory: string;
  readonly #reserveBytes: number;
  #isLow = false;
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  constructor(file: string, reserveBytes: number) {
    this.#directory = dirname(file);
    this.#reserveBytes = reserveBytes;
  }

  /** @param nowMs by a monotonic clock. @returns whether no more than the reserve is left; 0 as reserve: never */
  isLow(nowMs: number): boolean {
    if (nowMs - this.#lookedAtMs < LOOK_EVERY_MS) return this.#isLow;
    this.#lookedAtMs = nowMs;
    const disk = statfsSync(this.#directory);
    const freeBytes = disk.bavail * disk.bsize;
    this.#isLow = freeBytes < this.#reserveBytes * (this.#isLow ? RELIEF : 1);
    return this.#isLow;
  }
}
