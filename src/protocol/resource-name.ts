/** Whether bytes are a resource's name: `{type}:{id}`, UTF-8, no control characters, within the limits. Hot path. */
import { outOfRange } from "../words/assert.js";
import type { FaultCode } from "../words/faults.js";

/** What is wrong with a name. */
export interface NameFault {
  readonly code: FaultCode;
  readonly message: string;
}

const COLON = 0x3a;
const HOW = "write it as type:id, as in order:12345";
const EMPTY: NameFault = { code: "resource-invalid", message: `the resource has no name; ${HOW}` };
const NO_COLON: NameFault = {
  code: "resource-invalid",
  message: `the resource has no colon with something before and behind it; ${HOW}`,
};
const CONTROL: NameFault = {
  code: "resource-invalid",
  message: "the resource has a control character (U+0000 to U+001F, U+007F to U+009F)",
};
const NOT_UTF8: NameFault = { code: "resource-invalid", message: "the resource is not UTF-8" };
const TOO_LONG: NameFault = {
  code: "resource-too-long",
  message: "the resource has more than 255 characters or 1020 bytes",
};
const CHARACTERS_MAX = 255;
const BYTES_MAX = 1_020;

/** Undefined if `[start, end)` is a name. */
export function nameFault(bytes: Uint8Array, start: number, end: number): NameFault | undefined {
  const size = end - start;
  if (size === 0) return EMPTY;
  if (size > BYTES_MAX) return TOO_LONG;
  let colon = -1;
  for (let i = start; i < end; i++) {
    const byte = bytes[i] ?? outOfRange(i);
    if (byte >= 0x80) return slowFault(bytes, start, end);
    if (byte < 0x20 || byte === 0x7f) return CONTROL;
    if (byte === COLON && colon < 0) colon = i;
  }
  if (size > CHARACTERS_MAX) return TOO_LONG;
  return colon > start && colon < end - 1 ? undefined : NO_COLON;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The same for names that are not ASCII. */
function slowFault(bytes: Uint8Array, start: number, end: number): NameFault | undefined {
  const text = decoded(bytes.subarray(start, end));
  if (text === undefined) return NOT_UTF8;
  let characters = 0;
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0;
    if (point < 0x20 || (point >= 0x7f && point <= 0x9f)) return CONTROL;
    characters++;
  }
  if (characters > CHARACTERS_MAX) return TOO_LONG;
  const colon = text.indexOf(":");
  return colon > 0 && colon < text.length - 1 ? undefined : NO_COLON;
}

function decoded(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined; // The only thing that a fatal decoder throws for is what is not UTF-8.
  }
}

/** Whether bytes are UTF-8. */
export function isUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++)
    if ((bytes[i] ?? outOfRange(i)) >= 0x80) return decoded(bytes.subarray(i, end)) !== undefined;
  return true;
}
