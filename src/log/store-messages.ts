/** What a worker and its store's thread say to each other by message: all that is not a batch (those go by the ring). */
import type { MessagePort } from "node:worker_threads";
import type { PlainFault } from "./store-fault.js";
import type { StoreInfo, StoreSettings } from "./store-options.js";

/** What the thread is started with. */
export interface ThreadStart {
  readonly shared: SharedArrayBuffer;
  readonly settings: StoreSettings;
}

/** From the worker to the thread. */
export type StoreRequest =
  | { readonly kind: "recover" }
  | { readonly kind: "read"; readonly id: number; readonly fromSeq: number; readonly bytesMax: number }
  /** What there is of one shard, as of this moment, to a worker that waits for it. */
  | { readonly kind: "parts"; readonly of: PartRange; readonly port: MessagePort }
  | { readonly kind: "close" };

/** One shard of a store: its number, and the keys of its pages. */
export interface PartRange {
  readonly shard: number;
  /** The last one counts as well. */
  readonly keyFrom: number;
  readonly keyTo: number;
}

/** What a reader of a part is sent: chunks, and then how it ended. */
export type PartMessage =
  | { readonly kind: "chunk"; readonly chunk: Chunk }
  | { readonly kind: "done" }
  | { readonly kind: "unreadable"; readonly fault: PlainFault };

/** Narrows what a reader of a part is sent. */
export function isPartMessage(value: unknown): value is PartMessage {
  return typeof value === "object" && value !== null && "kind" in value;
}

/** Records (record.ts) in the first `size` bytes of a buffer that goes over to the receiver. */
export interface Chunk {
  readonly buffer: ArrayBuffer;
  readonly size: number;
}

/** From the thread to the worker. */
export type StoreMessage =
  | { readonly kind: "opened"; readonly info: StoreInfo }
  | { readonly kind: "committed" }
  | { readonly kind: "chunk"; readonly chunk: Chunk; readonly done: number; readonly total: number }
  | { readonly kind: "recovered" }
  | { readonly kind: "rows"; readonly id: number; readonly chunk: Chunk; readonly firstKept: number }
  | { readonly kind: "unreadable"; readonly id: number; readonly fault: PlainFault }
  | { readonly kind: "failed"; readonly fault: PlainFault };

/** Narrows what a thread is started with. */
export function isThreadStart(value: unknown): value is ThreadStart {
  return typeof value === "object" && value !== null && "shared" in value && "settings" in value;
}

/** Narrows what arrives at the thread. */
export function isStoreRequest(value: unknown): value is StoreRequest {
  return typeof value === "object" && value !== null && "kind" in value;
}
