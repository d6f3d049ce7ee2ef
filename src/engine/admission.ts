/** Whether a resource has room for one more holder: who holds, who waits, which lock-delay is open. Hot path. */
import { claimRow, type ClientRow, type ResourceRow } from "../words/ids.js";
import { MODE_PERMIT, MODE_SHARED } from "../words/mode.js";
import { CLAIM_FORCED } from "./claims.js";
import type { Engine } from "./engine.js";

/** Whether a claim could be granted at once: nobody holds against it, nobody waits before it, no lock-delay is open. */
export function admits(engine: Engine, request: number, resource: ResourceRow, client: ClientRow): boolean {
  const { inbox, state } = engine;
  const { resources } = state;
  const mode = inbox.mode(request);
  const permits = mode === MODE_PERMIT ? inbox.permits(request) : 0;
  if (resources.firstWaiter(resource) !== 0 || delaysBlock(engine, resource, client)) return false;
  return fits(engine, resource, mode, permits);
}

/** Whether those who hold leave room for one more in this mode (INV-1). */
export function fits(engine: Engine, resource: ResourceRow, mode: number, permits: number): boolean {
  const { resources, claims } = engine.state;
  const first = resources.firstHolder(resource);
  if (first === 0) return true;
  if (mode === MODE_PERMIT) return resources.holders(resource) < permits;
  return mode === MODE_SHARED && (claims.flags(first) & 3) === MODE_SHARED;
}

/**
 * Whether a lock-delay stands in the way of this client: each does, but for that of its own expired claim if it is the
 * only one pending (system.md §4).
 */
export function delaysBlock(engine: Engine, resource: ResourceRow, client: number): boolean {
  const { resources, claims } = engine.state;
  const first = claimRow(resources.firstDelay(resource));
  if (first === 0) return false;
  const isOnly = claims.next(first) === 0;
  const isOwn = client !== 0 && claims.client(first) === client && claims.requestId(first) !== 0;
  return !(isOnly && isOwn && (claims.flags(first) & CLAIM_FORCED) === 0);
}
