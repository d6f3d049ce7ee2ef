/** What a connection between two workers of different nodes is to whoever uses it, whichever side has dialled. */
import type { PeerPurpose } from "../protocol/peer-frames.js";

/** A frame to another worker is never longer: what is more is a stranger's, or a bug. Bytes. */
export const PEER_FRAME_BYTES_MAX: number = 64 * 2 ** 20;
/** A peer that leaves so many bytes unread is closed: it gets everything anew when it reads again. */
export const PEER_UNSENT_BYTES_MAX: number = 256 * 2 ** 20;
/** Where workers take each other's connections. */
export const PEER_ROUTE = "/v1/peer";
/** A connection on which nothing was heard for so long counts as timed out; pings go four times as often. */
export const PEER_SILENT_MS = 4_000;
/** A connection has so long to prove itself. */
export const PEER_HANDSHAKE_MS = 3_000;

/** One end of a connection that has proven itself. */
export interface PeerEnd {
  readonly node: string;
  /** The other's worker, counted within its node. */
  readonly worker: number;
  readonly purpose: PeerPurpose;
  readonly link: string;
  send(bytes: Uint8Array): void;
  /** Ends it; `lost` is told. */
  close(): void;
}

/** How a connection ended: who timed out may live. */
export type PeerEnding = "closed" | "timed-out";

/** Who is told of connections. */
export interface PeerEvents {
  opened(end: PeerEnd): void;
  /** The bytes are lent for the call. */
  received(end: PeerEnd, bytes: Uint8Array): void;
  lost(end: PeerEnd, how: PeerEnding): void;
}

/** Who this worker is to others. */
export interface PeerSelf {
  readonly cluster: string;
  readonly node: string;
  /** Counted within the node. */
  readonly worker: number;
  readonly key: string;
}
