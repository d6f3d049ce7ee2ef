/**
 * How people write times and sizes: "30s", "1h30m", "64MiB". A number without a unit is refused, because somebody
 * always takes 30 for minutes. Read and printed in one place, so that what a page shows can be pasted into a setting.
 */

/** A number that was read, or why the text is none. The reason is a phrase that can follow "is refused: ". */
export type Quantity =
  | { readonly kind: "quantity"; readonly value: number }
  | { readonly kind: "refused"; readonly reason: string };

interface Unit {
  readonly name: string;
  readonly factor: number;
}

/** From the largest down: a compound such as "1h30m" has to keep this order. */
const DURATION_UNITS: readonly Unit[] = [
  { name: "d", factor: 86_400_000 },
  { name: "h", factor: 3_600_000 },
  { name: "m", factor: 60_000 },
  { name: "s", factor: 1_000 },
  { name: "ms", factor: 1 },
];

const SIZE_UNITS: readonly Unit[] = [
  { name: "TiB", factor: 2 ** 40 },
  { name: "GiB", factor: 2 ** 30 },
  { name: "MiB", factor: 2 ** 20 },
  { name: "KiB", factor: 2 ** 10 },
  { name: "B", factor: 1 },
];

/** Nobody writes a longer one, and a text from outside must not cost more than this to refuse. */
const TEXT_LENGTH_MAX = 32;

/** Digits of JavaScript's own, no exponent, no sign; at most three digits stand after the point of a millisecond. */
const PART = /([0-9]+(?:\.[0-9]+)?)([A-Za-z]+)/y;
const BARE_NUMBER = /^[0-9]+(?:\.[0-9]+)?$/;

const DURATION_FORM = 'a duration is a number with its unit, such as "30s"; units are ms, s, m, h and d';
const SIZE_FORM = 'a size is a number with its unit, such as "64MiB"; units are B, KiB, MiB, GiB and TiB';

/**
 * Reads a duration such as "30s", "1500ms", "1.5h" or "1h30m" (larger units first, each at most once).
 * @returns milliseconds, from 0, rounded to the microsecond; or why not.
 */
export function parseDuration(text: string): Quantity {
  const parsed = parse(text, DURATION_UNITS, DURATION_FORM);
  if (parsed.kind === "refused") return parsed;
  return { kind: "quantity", value: Math.round(parsed.value * 1_000) / 1_000 };
}

/**
 * Reads a size such as "64MiB", "1.5GiB" or "256B". Only powers of 1,024 have names here: MB means both to people.
 * @returns whole bytes, from 0; or why not.
 */
export function parseSize(text: string): Quantity {
  const parsed = parse(text, SIZE_UNITS, SIZE_FORM);
  if (parsed.kind === "refused" || Number.isInteger(parsed.value)) return parsed;
  return { kind: "refused", reason: "it is not a whole number of bytes" };
}

/**
 * Prints milliseconds as {@link parseDuration} reads them: "30s", "1m30s", "30.02s", "250ms".
 * @param ms from 0, finite; rounded to a millisecond from a second up, else to a microsecond.
 */
export function formatDuration(ms: number): string {
  const rounded = ms >= 1_000 ? Math.round(ms) : Math.round(ms * 1_000) / 1_000;
  if (rounded < 1_000) return `${rounded}ms`;
  const hours = Math.floor(rounded / 3_600_000);
  const minutes = Math.floor((rounded % 3_600_000) / 60_000);
  const seconds = (rounded % 60_000) / 1_000;
  let text = "";
  if (hours > 0) text += `${hours}h`;
  if (minutes > 0) text += `${minutes}m`;
  if (seconds > 0) text += `${seconds}s`;
  return text;
}

/**
 * Prints bytes as {@link parseSize} reads them, in the largest unit that loses nothing: "64MiB", "1020B".
 * @param bytes a whole number from 0.
 */
export function formatSize(bytes: number): string {
  for (const unit of SIZE_UNITS) {
    if (bytes >= unit.factor && bytes % unit.factor === 0) return `${bytes / unit.factor}${unit.name}`;
  }
  return `${bytes}B`;
}

function parse(text: string, units: readonly Unit[], form: string): Quantity {
  if (text.length > TEXT_LENGTH_MAX) return { kind: "refused", reason: form };
  if (BARE_NUMBER.test(text)) return { kind: "refused", reason: `the unit is missing: ${form}` };

  let value = 0;
  let at = 0;
  let unitMin = 0;
  do {
    PART.lastIndex = at;
    const part = PART.exec(text);
    const digits = part?.[1];
    if (part === null || digits === undefined) return { kind: "refused", reason: form };
    const unitAt = units.findIndex((unit, index) => index >= unitMin && unit.name === part[2]);
    const unit = units[unitAt];
    if (unit === undefined) return { kind: "refused", reason: form };
    value += Number(digits) * unit.factor;
    at += part[0].length;
    unitMin = unitAt + 1;
  } while (at < text.length);

  if (value > Number.MAX_SAFE_INTEGER) return { kind: "refused", reason: "it is too large to be counted" };
  return { kind: "quantity", value };
}
