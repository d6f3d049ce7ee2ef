/** What a replica is told. It has no clock and draws nothing: time, nonces and rounds are among its inputs. */
import type { Configuration } from "../words/configuration.js";
import type { Lsn, ShardMs } from "../words/ids.js";
import type { Entry, Position } from "./entry.js";
import type { Message } from "./messages.js";

/** What a replica has on disk besides its log, and writes there before it acknowledges anything of it. */
export interface Remembered {
  readonly configuration: Configuration;
}

/** What was found in the store at the start. The log is synced before this is told. */
export interface Found {
  /** Null in a store that never heard of the shard. */
  readonly remembered: Remembered | null;
  /** The largest LSN that this disk knows as committed: of what was remembered, entries' headers, rows of checkpoints. */
  readonly committed: Lsn;
  /** The end of an entry that is committed, at or before `committed`; the entries after it follow. */
  readonly base: Position;
  readonly entries: readonly Entry[];
  /** The largest stamp stored. */
  readonly stamp: ShardMs;
  /** A wrong checksum or a hole in what is stored: the part has ended for good. */
  readonly isDamaged: boolean;
}

export type Input =
  /**
   * A turn of the worker begins. What the replica says until the next one leaves in the frames of `round`, which only
   * grows while the process lives. `nowMs` is the worker's monotonic clock.
   */
  | { readonly kind: "turn"; readonly round: number; readonly nowMs: number }
  /** At least ten times a heartbeat. `nonce` is fresh, 128 bits in hex; `stamp` is the shard time of its actor. */
  | { readonly kind: "tick"; readonly nonce: string; readonly stamp: ShardMs }
  | { readonly kind: "message"; readonly message: Message }
  /** The log has done all orders up to this one, durably. */
  | { readonly kind: "stored"; readonly order: number }
  /** All that was sent to the replica up to this round, on the connection that stands, is stored there. */
  | { readonly kind: "acknowledged"; readonly from: string; readonly round: number }
  /** The connection to a replica's worker stands, or is gone; what was sent and not acknowledged counts as lost. */
  | { readonly kind: "connected"; readonly to: string }
  | { readonly kind: "disconnected"; readonly from: string; readonly how: "closed" | "timed-out" }
  /** The replica's machine answered that nobody listens there. */
  | { readonly kind: "connection-refused"; readonly by: string }
  /** The actor of a primary in office has made an entry. */
  | { readonly kind: "produced"; readonly entry: Entry }
  /**
   * The control plane's configuration was read; null: it has none. `knownEpoch` is that of the request: an answer may
   * come so late that the replica knows a larger epoch by then. 0 where nobody asked: a watch, another replica's read.
   */
  | { readonly kind: "read"; readonly configuration: Configuration | null; readonly knownEpoch: number }
  /** The compare-and-swap has written this. */
  | { readonly kind: "written"; readonly configuration: Configuration }
  /** It failed, was refused or not answered: its outcome is unknown. */
  | { readonly kind: "not-written" }
  /** The log after `after`, as far as it was read; null: it does not go back so far. */
  | {
      readonly kind: "log-read";
      readonly for: string;
      readonly stream: number;
      readonly entries: readonly Entry[] | null;
    }
  /** Some pages of the state at `position`, committed by then; the same position for all pages of one snapshot. */
  | {
      readonly kind: "pages-read";
      readonly for: string;
      readonly stream: number;
      readonly position: Position;
      readonly pages: readonly Uint8Array[];
      readonly isLast: boolean;
    }
  /** The digest of the actor's state as of this LSN. */
  | { readonly kind: "digest"; readonly lsn: Lsn; readonly digest: string }
  /** Give office to this member. */
  | { readonly kind: "hand-over"; readonly to: string }
  /** The node is about to stop: as a member, ask the primary to go on without this replica. Said again until it is so. */
  | { readonly kind: "leave" }
  /** Have these replicas, as placement wants it: name learners, let others go. Said again until it is so. */
  | { readonly kind: "replicas"; readonly replicas: readonly string[] }
  /** The operator's word that the lost nodes are off: wait so long, then begin a new era without claims. */
  | { readonly kind: "promote"; readonly waitMs: number }
  /** A write or fsync failed: this part has ended until the store is opened anew. */
  | { readonly kind: "store-failed" }
  /** Another shard or node has seen it: no office until the operator has restored the order. */
  | { readonly kind: "control-plane-is-older" };
