/** Refuses what is outside the limits, with what was seen, the bound, and what to do (system.md §11). Hot path. */
import { MODE_PERMIT } from "../words/mode.js";
import type { Engine } from "./engine.js";

/** False, and the request is refused, if an acquire asks for what nobody gets. */
export function checkAcquire(engine: Engine, request: number): boolean {
  const { inbox, state } = engine;
  const { limits } = state;
  const isSession = engine.isSession(request);
  const waitMs = inbox.waitMs(request);
  const lockDelayMs = inbox.lockDelayMs(request);
  const ttlMs = inbox.ttlMs(request);
  const mode = inbox.mode(request);
  const mayBeBound = isSession && inbox.isLoose(request) === 0; // A loose claim has no session to end with.
  if (!(ttlMs === 0 && mayBeBound) && !checkTtl(engine, request, ttlMs)) return false;
  if (!(waitMs >= 0 && waitMs <= limits.waitMaxMs)) {
    return no(engine, request, "wait-out-of-range", `wait is ${waitMs} ms; ask for 0 to ${limits.waitMaxMs}`);
  }
  if (waitMs > 0 && !isSession) {
    return no(engine, request, "wait-needs-session", "only a session can wait; open one, or ask with wait 0");
  }
  if (!(lockDelayMs >= 0 && lockDelayMs <= limits.lockDelayMaxMs)) {
    const bound = `ask for 0 to ${limits.lockDelayMaxMs}`;
    return no(engine, request, "lock-delay-out-of-range", `lock-delay is ${lockDelayMs} ms; ${bound}`);
  }
  if (mode > MODE_PERMIT) return no(engine, request, "mode-invalid", "mode is 0 exclusive, 1 shared or 2 permit");
  const permits = inbox.permits(request);
  if (mode === MODE_PERMIT && !(permits >= 1 && permits <= limits.permitsMax && Number.isInteger(permits))) {
    return no(engine, request, "permits-out-of-range", `permits is ${permits}; ask for 1 to ${limits.permitsMax}`);
  }
  const size = inbox.extraEnd(request) - inbox.extraAt(request);
  if (size <= limits.metadataBytesMax) return true;
  return no(engine, request, "metadata-too-long", `metadata has ${size} bytes; at most ${limits.metadataBytesMax}`);
}

/** False, and the request is refused, if a TTL is out of bounds. */
export function checkTtl(engine: Engine, request: number, ttlMs: number): boolean {
  const { ttlMinMs, ttlMaxMs } = engine.state.limits;
  if (ttlMs >= ttlMinMs && ttlMs <= ttlMaxMs) return true;
  return no(engine, request, "ttl-out-of-range", `ttl is ${ttlMs} ms; ask for ${ttlMinMs} to ${ttlMaxMs}`);
}

function no(engine: Engine, request: number, code: Parameters<Engine["refuse"]>[1], message: string): false {
  engine.refuse(request, code, message);
  return false;
}
