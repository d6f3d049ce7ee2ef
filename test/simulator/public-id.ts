/** The public id of a session (system.md §4), worked out anew: what a check names a holder by, checkers must know. */
import { createHash } from "node:crypto";

const ids = new Map<string, string>();
const DIGITS = 16;

/** @param key as hexadecimal digits */
export function publicIdOf(key: string): string {
  let id = ids.get(key);
  if (id === undefined) {
    id = createHash("sha256").update(Buffer.from(key, "hex")).digest("hex").slice(0, DIGITS);
    if (ids.size > IDS_MAX) ids.clear(); // Of many runs in one process.
    ids.set(key, id);
  }
  return id;
}

const IDS_MAX = 10_000;
