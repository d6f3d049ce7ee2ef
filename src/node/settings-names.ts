/**
 * What a setting is called in each place where it can be written: one rule, so that nobody has to look it up. The file
 * says `[limits] ttl_max`, the environment HOLDFAST_LIMITS_TTL_MAX, the command line --limits-ttl-max.
 */
import type { Setting } from "./settings-schema.js";

/** What the environment variables of Holdfast begin with. */
export const ENVIRONMENT_PREFIX = "HOLDFAST_";

/** A longer distance than this is another word, not a misspelling. */
const DISTANCE_MAX = 3;

type Place = Pick<Setting, "section" | "key">;

/** `limits.ttl_max`: in messages and wherever settings are listed. */
export function dottedName(setting: Place): string {
  return `${setting.section}.${setting.key}`;
}

/** `HOLDFAST_LIMITS_TTL_MAX`. */
export function environmentName(setting: Place): string {
  return `${ENVIRONMENT_PREFIX}${setting.section}_${setting.key}`.toUpperCase();
}

/** `--limits-ttl-max`. The section `node` is left out, because the command line speaks to a node: `--data-dir`. */
export function flagName(setting: Place): string {
  const words = setting.section === "node" ? setting.key : `${setting.section}_${setting.key}`;
  return `--${words.replaceAll("_", "-")}`;
}

/** "; did you mean …?" with the name that is nearest to a misspelt one, or nothing if none is near. */
export function suggestion(name: string, known: readonly string[]): string {
  let nearest = "";
  let distanceMin = DISTANCE_MAX + 1;
  for (const candidate of known) {
    const distance = editDistance(name, candidate);
    if (distance < distanceMin) {
      nearest = candidate;
      distanceMin = distance;
    }
  }
  return nearest === "" ? "" : `; did you mean ${nearest}?`;
}

/** Levenshtein's distance, one row of its matrix at a time; names too unlike in length are not looked at. */
function editDistance(left: string, right: string): number {
  if (Math.abs(left.length - right.length) > DISTANCE_MAX) return DISTANCE_MAX + 1;
  let above = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let row = 0; row < left.length; row += 1) {
    const current = [row + 1];
    for (let column = 0; column < right.length; column += 1) {
      const replaced = (above[column] ?? 0) + (left[row] === right[column] ? 0 : 1);
      current.push(Math.min(replaced, (above[column + 1] ?? 0) + 1, (current[column] ?? 0) + 1));
    }
    above = current;
  }
  return above.at(-1) ?? 0;
}
