/**
 * A store that has lost data gives up its id, loudly: SQLite ends the recovery of a damaged WAL without an error,
 * and such a log would cut what others have committed. Also every other end of a part.
 */
import type { Lsn } from "../words/ids.js";
import { endOf } from "./chain.js";
import { type Core, report, say } from "./core.js";
import { leaveOffice } from "./office.js";

/** The own log ends below what is known as committed. */
export function giveUpStore(core: Core, committed: Lsn): void {
  report(core, { kind: "gives-up-store", end: endOf(core.state).lsn, committed });
  endPart(core);
}

/** This replica does nothing more until its store is opened anew. */
export function endPart(core: Core): void {
  const { state } = core;
  leaveOffice(core);
  const { configuration, stream } = state;
  if (stream !== 0 && configuration !== null && configuration.primary !== state.name) {
    // Whatever the worker acknowledges later says nothing about this shard.
    say(core, configuration.primary, { kind: "refuse", stream, reason: "no-part", configuration });
  }
  state.role = "none";
  state.hasEnded = true;
  state.stream = 0;
  state.hasBegun = false;
  state.pending = null;
  state.held = [];
}
