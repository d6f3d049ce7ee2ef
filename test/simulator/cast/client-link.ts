/** One connection of a simulated client to a worker, and how long it rests after a failure, as src/client/socket.ts has it. */
import { hexOf } from "../log-reader.js";
import type { End } from "../world/connection.js";

const BACKOFF_MIN_US = 50_000;
const BACKOFF_MAX_US = 2_000_000;

/** A connection to one worker's address. */
export interface Link {
  readonly worker: number;
  end: End | undefined;
  isUp: boolean;
  failures: number;
  /** It was lost, and is tried again after a while. */
  isResting: boolean;
}

/** One that was never tried. */
export function newLink(worker: number): Link {
  return { worker, end: undefined, isUp: false, failures: 0, isResting: false };
}

/** How long to wait after so many failures in a row; `unit` is drawn from 0 to 1. */
export function backOffUs(failures: number, unit: number): number {
  const longestUs = Math.min(BACKOFF_MAX_US, BACKOFF_MIN_US * 2 ** Math.min(failures - 1, 10));
  return Math.ceil(longestUs * (0.5 + unit / 2));
}

/** Keys and bytes would fill the story. */
export function shortBytes(_name: string, value: unknown): unknown {
  return value instanceof Uint8Array ? `${hexOf(value, 0, Math.min(4, value.length))}…` : value;
}
