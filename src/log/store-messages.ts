/** What a worker and its store's thread say to each other by message: all that is not a batch (those go by the ring). */
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
  | { readonly kind: "close" };

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
