/**
 * The waiting end of `Store.readParts`: a worker that needs what its store has of a shard stands still until the store's
 * thread has sent it.
 */
import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import { assert } from "../words/assert.js";
import { readChunk } from "./chunk.js";
import { RECORD_PAGE } from "./record.js";
import { StoreFault } from "./store-fault.js";
import { isPartMessage } from "./store-messages.js";
import { WORD_PARTS } from "./store-memory.js";

/** How long it waits for the next piece, in milliseconds. */
const PIECE_WITHIN_MS = 10_000;

/** Takes what is read. Bodies are views of memory that is not used again. */
export interface PartTaker {
  page(key: number, body: Uint8Array): void;
  batch(seq: number, wall: number, body: Uint8Array): void;
}

/** Takes everything, and closes the port. @throws StoreFault `store-damaged`; what `late` gives if nothing comes */
export function takePart(port: MessagePort, control: Int32Array, taker: PartTaker, late: () => Error): void {
  try {
    for (;;) {
      const seen = Atomics.load(control, WORD_PARTS);
      const message: unknown = receiveMessageOnPort(port)?.message;
      if (message === undefined) {
        if (Atomics.wait(control, WORD_PARTS, seen, PIECE_WITHIN_MS) === "timed-out") throw late();
        continue;
      }
      assert(isPartMessage(message), "a store's thread answers what it is asked");
      if (message.kind === "done") return;
      if (message.kind === "unreadable") throw new StoreFault(message.fault);
      readChunk(message.chunk, (head, body) => {
        if (head.kind === RECORD_PAGE) taker.page(head.number, body);
        else taker.batch(head.number, head.wall, body);
      });
    }
  } finally {
    port.close();
  }
}
