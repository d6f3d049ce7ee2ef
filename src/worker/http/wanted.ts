/** An acquire as it was asked for over HTTP, and as the protocol says it; and how what it got is given back. */
import { KIND_RELEASE } from "../../words/kinds.js";
import { type Mode, MODE_EXCLUSIVE, MODE_PERMIT, MODE_SHARED } from "../../words/mode.js";
import type { Field } from "../../protocol/client-codec.js";
import type { Call } from "./call.js";

const MODES: Readonly<Record<Mode, number>> = { exclusive: MODE_EXCLUSIVE, shared: MODE_SHARED, permit: MODE_PERMIT };
const LOOSE = 1;

/** An acquire with nothing left out. Times in milliseconds. */
export interface Wanted {
  readonly resource: string;
  readonly mode: Mode;
  readonly ttlMs: number;
  readonly waitMs: number;
  readonly permits: number;
  readonly lockDelayMs: number;
  readonly metadata: string;
  readonly idempotencyKey: string | undefined;
}

/** The fields of the request, behind its id. */
export function fieldsOf(wanted: Wanted): readonly Field[] {
  const { resource, mode, ttlMs, waitMs, permits, lockDelayMs, metadata } = wanted;
  return [resource, ttlMs, waitMs, MODES[mode], permits, lockDelayMs, metadata === "" ? null : metadata, LOOSE];
}

/** Gives back a claim whose client has gone (INV-7). */
export async function giveBack(call: Call, resource: string, token: number): Promise<void> {
  await call.line.ask(KIND_RELEASE, resource, token);
}
