/** Somebody who asks a shard in a test: a session with its key and what it has seen, or somebody without one. */
import type { Reply } from "./reply.js";

/** Who a caller is. */
export interface CallerOptions {
  readonly name: string;
  readonly isSession: boolean;
  /** Milliseconds; of a session. */
  readonly ttlMs: number;
  readonly principal: string;
  readonly address: string;
  /** Makes its key; by default no two have the same. */
  readonly keyNumber?: number;
}

export interface Caller extends CallerOptions {
  readonly key: Uint8Array;
  readonly publicId: readonly [number, number];
  readonly connection: number;
  /** The row of its connection's path without a session, and that of the path on which it asks; 0: none yet. */
  bare: number;
  path: number;
  /** The largest request id that it has used. */
  lastId: number;
  /** Ids that it has used and whose answers it has not seen. */
  readonly unseen: Set<number>;
  /** What each of its requests was about, and the last token that it was told for each resource. */
  readonly asked: Map<number, string>;
  readonly tokens: Map<string, number>;
  /** It sends no keep-alives. */
  isSilent: boolean;
  /** Answers to it get lost on the way. */
  isDeaf: boolean;
}

/** @param number from 1; it makes the key, so that a story's sessions are the same in each run. */
export function newCaller(options: CallerOptions, number: number): Caller {
  const keyNumber = options.keyNumber ?? number;
  const key = new Uint8Array(16).fill(keyNumber & 255);
  key[0] = keyNumber >>> 8;
  return {
    ...options,
    key,
    publicId: [keyNumber, keyNumber * 2 + 1],
    connection: number,
    bare: 0,
    path: 0,
    lastId: 0,
    unseen: new Set(),
    asked: new Map(),
    tokens: new Map(),
    isSilent: false,
    isDeaf: false,
  };
}

/** The caller has read an answer, if it came through; pushes have no id. */
export function sawAnswer(caller: Caller, reply: Reply): void {
  if (!caller.isDeaf) caller.unseen.delete(reply.id);
}

/** What a client tells of the answers it has seen: one through, then ranges from, to. */
export function seenBy(caller: Caller): number[] {
  const unseen = [...caller.unseen].sort((one, other) => one - other);
  const first = unseen[0];
  if (first === undefined) return [caller.lastId];
  const seen = [first - 1];
  unseen.forEach((id, index) => {
    const next = unseen[index + 1] ?? caller.lastId + 1;
    if (next > id + 1) seen.push(id + 1, next - 1);
  });
  return seen;
}
