/**
 * A line to a worker of another node that comes and goes: batches go over the connection that stands, and nowhere while
 * there is none; whoever waits for an answer then hears that from the time-out that every request has.
 */
import type { PeerPort } from "./peers.js";
import type { PeerEnd } from "./peer-wire.js";

export class RemotePort implements PeerPort {
  #end: PeerEnd | null = null;

  /** The connection that stands; null while there is none. */
  get end(): PeerEnd | null {
    return this.#end;
  }
  set end(end: PeerEnd | null) {
    this.#end = end;
  }

  postMessage(batch: Uint8Array): void {
    this.#end?.send(batch);
  }

  /** What comes is handed on by whoever has the connections. */
  on(): void {}

  close(): void {
    this.#end?.close();
  }
}
