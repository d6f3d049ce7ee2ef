/**
 * Times as callers give them: a bare number is milliseconds, as everywhere in JavaScript; a text needs its unit.
 */
import { parseDuration } from "../words/duration.js";
import { InvalidOptionError } from "./errors.js";
import type { Duration } from "./options.js";

/**
 * Milliseconds, as a whole number from 0 up.
 * @throws InvalidOptionError that names `option` if the value is none.
 */
export function durationMs(value: Duration, option: string): number {
  if (typeof value === "number") {
    if (Number.isSafeInteger(value) && value >= 0) return value;
    throw new InvalidOptionError(`${option} is ${value}; give whole milliseconds from 0, or a text as "30s"`);
  }
  const parsed = parseDuration(value);
  if (parsed.kind === "quantity") return Math.round(parsed.value);
  throw new InvalidOptionError(`${option} is ${JSON.stringify(value)}, which is refused: ${parsed.reason}`);
}
