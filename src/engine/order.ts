/** What an admin orders about the holders of a resource, and how its events carry it (system.md §4). */
import { ASKED } from "../words/event-kinds.js";
import type { ClientRow } from "../words/ids.js";
import type { Engine } from "./engine.js";
import { requestHash } from "./request-hash.js";

/** One revoke or force-release. */
export interface Order {
  readonly request: number;
  /** The session that asked; 0: somebody without one, for whom no outcome is kept. */
  readonly asker: ClientRow;
  /** How many claims it concerns: what is answered. */
  readonly count: number;
  /** UTF-8, lent for the step. */
  readonly reason: Uint8Array;
  /** Whether one of its events carries the outcome already: one is enough, they are committed together. */
  isKept: boolean;
}

/**
 * Writes into the long event at `at` why (at `reasonAt`, behind the name) and who asked (+52). The first event of an order
 * keeps its outcome, so that an order sent again does not meet the next holder (R-18, INV-7).
 */
export function writeOrder(engine: Engine, at: number, order: Order, reasonAt: number): void {
  const { view, bytes } = engine.events.buffer;
  view.setUint16(at + 34, order.reason.length, true);
  bytes.set(order.reason, reasonAt);
  view.setUint32(at + 52, order.asker, true);
  if (order.asker === 0 || order.isKept) return;
  order.isKept = true;
  view.setUint8(at + 1, view.getUint8(at + 1) | ASKED);
  view.setUint32(at + 12, requestHash(engine, order.request), true);
  view.setFloat64(at + 16, engine.inbox.id(order.request), true);
  view.setUint32(at + 48, order.count, true);
}
