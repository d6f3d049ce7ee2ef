/** What the main loop and the thread of keep-alives say to each other, and the clock that both read alike. */
import type { MessagePort } from "node:worker_threads";
import type { ServerMessage } from "../protocol/server-messages.js";
import { nodeProcess, type Readings, readMachineClocks } from "./machine.js";

/** One shard's answer to a keep-alive. */
export type Kept = Extract<ServerMessage, { readonly kind: "kept" }>;

/** A path that must not fall silent. */
export interface KeptPath {
  /** The client's place in the beats. */
  readonly client: number;
  /** The path's number. */
  readonly number: number;
  /** `host:port` at which its worker is reached. */
  readonly address: string;
  /** The API key, or "". */
  readonly key: string;
  /** How often a keep-alive is due, in milliseconds. */
  readonly everyMs: number;
}

/** What the thread is told. `beats` are the moments at which each client's main loop was last alive (`readMonotonic`). */
export type ThreadOrder =
  | { readonly kind: "begin"; readonly beats: SharedArrayBuffer; readonly port: MessagePort }
  | { readonly kind: "keep"; readonly path: KeptPath }
  | { readonly kind: "drop"; readonly number: number };

/** What the thread tells: an answer, and what the machine's clocks said before the keep-alive was sent. */
export interface ThreadNews {
  readonly client: number;
  readonly sent: Readings;
  readonly kept: Kept;
}

/** Monotonic milliseconds that count from the same moment on all threads. */
export function readMonotonic(): number {
  return Number(nodeProcess()?.hrtime.bigint() ?? 0n) / 1e6;
}

/** The machine's clocks, as all threads read them: `performance.now` begins anew on each. */
export function readSharedClocks(): Readings {
  return { ...readMachineClocks(), monotonicMs: readMonotonic() };
}

/** How long ago that was, in milliseconds: the largest of what the clocks say. */
export function elapsedSince(then: Readings): number {
  const now = readSharedClocks();
  return Math.max(now.monotonicMs - then.monotonicMs, now.bootMs - then.bootMs, now.wallMs - then.wallMs);
}
