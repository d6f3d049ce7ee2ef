/**
 * Changes of the configuration whose outcome is unknown. From the moment a compare-and-swap is asked for it may be
 * applied at any time, whatever is answered; it is settled only by knowing a larger epoch (configuration.ts).
 */
import { assert } from "../words/assert.js";
import type { Configuration } from "../words/configuration.js";
import { epoch } from "../words/ids.js";
import { type Core, isRemembered, knownEpoch } from "./core.js";

/** What is to change. */
export type Change = Partial<Pick<Configuration, "era" | "primary" | "inSync" | "replicas">>;

/** Asks for the next configuration. One change at a time: while one is unknown, no other is asked for. */
export function askForChange(core: Core, change: Change): void {
  const { state } = core;
  const expected = state.configuration;
  assert(expected !== null && state.pending === null, "R-13: one change at a time, of a configuration that is known");
  assert(isRemembered(state), "R-12: compared on what is on the own disk");
  assert(state.nonce !== "", "R-13: each request has a nonce of its own");
  const next: Configuration = { ...expected, ...change, epoch: epoch(expected.epoch + 1), nonce: state.nonce };
  assert(next.inSync.includes(next.primary), "R-12: the primary is one of its set");
  state.nonce = "";
  state.pending = { expected, next, askedMs: state.nowMs };
  core.out.control.push({ kind: "compare-and-swap", expected, next });
}

/** A time-out, an error and a failed comparison all leave it unknown: only reading tells. */
export function changeNotWritten(core: Core): void {
  if (core.state.pending !== null) readControlPlane(core);
}

/** Asks again, with the same expected configuration and the same nonce, until it is known. */
export function askAgain(core: Core): void {
  const { state, settings } = core;
  const { pending } = state;
  if (pending === null || state.nowMs - pending.askedMs < settings.controlRetryMs) return;
  pending.askedMs = state.nowMs;
  core.out.control.push({ kind: "compare-and-swap", expected: pending.expected, next: pending.next });
  readControlPlane(core);
}

export function readControlPlane(core: Core): void {
  core.out.control.push({ kind: "read", knownEpoch: knownEpoch(core.state) });
}
