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

/**
 * When something was sent on a client's clock: `sent` is what the machine's clocks said before. The client's clock is read
 * first, so that whatever passes between the two readings, as where the process is stopped there, makes the sending older
 * and never younger: belief rests on it.
 *
 * @param read the machine's clocks now, as all threads read them
 */
export function sentAtMs(
  sent: Readings,
  clock: { readonly now: () => number },
  read: () => Readings = readSharedClocks,
): number {
  const nowMs = clock.now();
  const now = read();
  const { monotonicMs, bootMs, wallMs } = sent;
  return nowMs - Math.max(now.monotonicMs - monotonicMs, now.bootMs - bootMs, now.wallMs - wallMs);
}
