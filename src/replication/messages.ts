/**
 * What replicas of one shard say to each other. A worker puts the messages of all its shards for another worker into one
 * frame for each turn (link.ts); within a connection they arrive in the order in which they were said.
 */
import type { Configuration } from "../words/configuration.js";
import type { Epoch, Lsn, ShardIndex, ShardMs } from "../words/ids.js";
import type { Entry, Position } from "./entry.js";

/** On every message. `epoch` is the largest that the sender knows. */
export interface Envelope {
  readonly shard: ShardIndex;
  /** Replicas, by (node, store). */
  readonly from: string;
  readonly to: string;
  readonly epoch: Epoch;
}

/** Why entries, or the wish to send them, were not taken. */
export type Refusal = "smaller-epoch" | "gap" | "no-part";

/** What is said. `stream` numbers one primary's attempts to feed one replica: answers to an older one mean nothing. */
export type Said =
  /** From a primary in office or taking it: this is the configuration; where is your log? */
  | { readonly kind: "office"; readonly stream: number; readonly configuration: Configuration }
  /** The answer, when the epoch is on disk: the ends of all entries from the last one known as committed on. */
  | {
      readonly kind: "where";
      readonly stream: number;
      readonly positions: readonly Position[];
      readonly committed: Lsn;
      readonly stamp: ShardMs;
    }
  /** Cut your log back to `after`; what follows continues it. */
  | {
      readonly kind: "begin";
      readonly stream: number;
      readonly after: Position;
      /** The sender's, no less than that of any entry up to `after`. */
      readonly stamp: ShardMs;
    }
  /** The next entries, or none: a heartbeat. `digestAt` names an LSN whose digest is compared, 0 for none. */
  | {
      readonly kind: "entries";
      readonly stream: number;
      readonly entries: readonly Entry[];
      readonly committed: Lsn;
      readonly stamp: ShardMs;
      readonly digestAt: Lsn;
    }
  /** What was sent is not taken, nor will more be: whatever is acknowledged after it says nothing about this shard. */
  | {
      readonly kind: "refuse";
      readonly stream: number;
      readonly reason: Refusal;
      readonly configuration: Configuration | null;
    }
  /** From a replica taking office to the member with the largest log: give me what you have after this. */
  | { readonly kind: "fetch"; readonly stream: number; readonly after: Position }
  | { readonly kind: "tail"; readonly stream: number; readonly after: Position; readonly entries: readonly Entry[] }
  /** Pages of committed state as of `position`, for a learner that the log does not reach. `number` from 0. */
  | {
      readonly kind: "pages";
      readonly stream: number;
      readonly number: number;
      readonly position: Position;
      readonly pages: readonly Uint8Array[];
      readonly isLast: boolean;
    }
  /** From one who thinks of taking office: are you there, and what is the largest epoch that you know? */
  | { readonly kind: "ask" }
  | { readonly kind: "here"; readonly isControlPlaneOlder: boolean }
  /** From whoever has read a larger configuration. */
  | { readonly kind: "tell"; readonly configuration: Configuration }
  /** From a primary that has left office for it: take it (hand-over). */
  | { readonly kind: "hand-over" }
  /** From a member whose node is about to stop: take this replica out of the in-sync set. It stores on until then. */
  | { readonly kind: "leave" }
  /** Your log ends below what is known as committed, or below what you have acknowledged: it has lost data. */
  | { readonly kind: "lost-data"; readonly committed: Lsn }
  | { readonly kind: "digest"; readonly lsn: Lsn; readonly digest: string };

export type Message = Envelope & Said;
