/** What tells one request from another under the same id. Hot path: `make micro`. */
import { outOfRange } from "../words/assert.js";
import { KIND_ACQUIRE } from "../words/kinds.js";
import { MODE_PERMIT } from "../words/mode.js";
import type { Engine } from "./engine.js";

/** 32 bits of what the request asks. Only of its operation's fields: the other columns hold what an older turn left. */
export function requestHash(engine: Engine, request: number): number {
  const { inbox } = engine;
  const op = inbox.op(request);
  let hash = Math.imul(inbox.crc(request) ^ op, 0x9e3779b1);
  hash = Math.imul(hash ^ inbox.ttlMs(request), 0x85ebca6b) ^ (hash >>> 15);
  return (op === KIND_ACQUIRE ? acquireHash(engine, request, hash) : tokenHash(engine, request, hash)) >>> 0;
}

function acquireHash(engine: Engine, request: number, start: number): number {
  const { inbox } = engine;
  const mode = inbox.mode(request);
  const permits = mode === MODE_PERMIT ? inbox.permits(request) : 0;
  let hash = Math.imul(start ^ inbox.waitMs(request), 0xc2b2ae35) ^ (start >>> 13);
  hash = Math.imul(hash ^ mode ^ (permits << 2), 0x27d4eb2f);
  const metadataEnd = inbox.extraEnd(request);
  for (let i = inbox.extraAt(request); i < metadataEnd; i++) {
    hash = Math.imul(hash ^ (inbox.bytes[i] ?? outOfRange(i)), 0x01000193);
  }
  return hash ^ inbox.lockDelayMs(request) ^ (inbox.isLoose(request) << 30);
}

/** `token` is also the id of the wait that a cancel means. */
function tokenHash(engine: Engine, request: number, start: number): number {
  const token = engine.inbox.token(request);
  return Math.imul(start ^ (token % 2 ** 32), 0x165667b1) ^ (start >>> 16) ^ Math.floor(token / 2 ** 32);
}
