/**
 * Which replicas a shard has, as placement wants it: the primary names learners, which come in sync by R-13, and lets
 * replicas go, as it takes silent ones out of the set. One change of the configuration for each wish.
 */
import { type Core, isRemembered, report } from "./core.js";
import { askForChange } from "./unknown.js";

/**
 * Asks for these replicas. Nothing happens unless this primary is in office and among them, no change is under way and
 * enough of the in-sync set stays: who placed them looks at the configuration and says it again.
 */
export function place(core: Core, replicas: readonly string[]): void {
  const { state, settings } = core;
  const { configuration } = state;
  if (configuration === null || state.role !== "primary" || !state.isServing || state.resignedUntilMs >= 0) return;
  if (state.pending !== null || state.nonce === "" || !isRemembered(state)) return;
  const { inSync, replicas: standing } = configuration;
  const isAsItIs = replicas.length === standing.length && replicas.every((name) => standing.includes(name));
  if (isAsItIs || !replicas.includes(state.name)) return;
  const left = inSync.filter((name) => replicas.includes(name));
  if (left.length < Math.min(settings.minInSync, inSync.length)) {
    report(core, { kind: "too-few-in-sync", left: left.length });
    return;
  }
  askForChange(core, { replicas: [...replicas], inSync: left });
}
