/**
 * What a connection needs of a WebSocket, so that the same client runs over `ws` in Node and over the standard one in
 * browsers, Deno and Bun. Chosen at run time: a bundle for a page then needs no condition and has nothing of Node in it.
 */

/** Whom a wire tells. Nothing is told after `closed`. */
export interface WireListener {
  opened(): void;
  /** One binary frame, lent. Anything else that came is undefined. */
  received(bytes: Uint8Array | undefined): void;
  closed(code: number, reason: string): void;
}

/** One WebSocket. */
export interface Wire {
  /** Bytes that wait to be sent. */
  readonly unsentBytes: number;
  send(bytes: Uint8Array): void;
  /** Says goodbye: `closed` comes when the other side has answered. */
  close(code: number, reason: string): void;
  /** Ends it without a word, as far as the platform can: `closed` comes soon, or at once. */
  drop(): void;
}

/** Begins to connect. */
export type OpenWire = (url: string, listener: WireListener) => Wire;
