/**
 * What a replica wants done: a batch that the caller takes after its inputs, like the Ready of etcd's raft. Within each
 * list the order counts.
 */
import type { Configuration } from "../words/configuration.js";
import type { Epoch, Lsn, ShardMs } from "../words/ids.js";
import type { Entry, Position } from "./entry.js";
import type { Remembered } from "./inputs.js";
import type { Message } from "./messages.js";

/**
 * For the own log, done in order; the caller answers `stored` with the last order that is durable. Orders are numbered
 * and not named by LSN: after a cut the same LSN is written again, and "stored up to 10" would be said of another entry.
 */
export type LogOrder = LogAct & { readonly order: number };

/** What a log order does. */
export type LogAct =
  | { readonly kind: "append"; readonly entry: Entry }
  /** Drop what stands after `to`, which may be the end of the part's base. */
  | { readonly kind: "cut"; readonly to: Position }
  | { readonly kind: "remember"; readonly remembered: Remembered }
  /** In no hurry: only what it is worth after a crash depends on it. */
  | { readonly kind: "remember-committed"; readonly committed: Lsn }
  /** Drop log, pages and rows; keep what is remembered. */
  | { readonly kind: "throw-away" }
  /** Keep pages of a snapshot; with the last ones the part begins at `position`. */
  | {
      readonly kind: "store-pages";
      readonly pages: readonly Uint8Array[];
      readonly position: Position;
      readonly isLast: boolean;
    };

/** For the control plane. The answers are inputs, in any order and number. */
export type ControlRequest =
  /** A read that may not be older than this request. `knownEpoch` goes into the answer. */
  | { readonly kind: "read"; readonly knownEpoch: number }
  /**
   * Write `next` if what stands there is `expected`, by epoch and nonce: a revision alone may mean two configurations
   * where a control plane was restored from a copy. The same request may come again; it is written at most once.
   */
  | { readonly kind: "compare-and-swap"; readonly expected: Configuration; readonly next: Configuration };

/** For the actor. */
export type ActorOrder =
  /** As hot backup: apply this entry, which is committed. */
  | { readonly kind: "apply"; readonly entry: Entry }
  /**
   * Decide from now on: everything up to `after` is applied. Entries bear this epoch and continue `after`; shard time
   * goes on from `stamp`, every session counts as heard now. `era` is larger than that of `after` where
   * an era begins: then the actor forgets all claims first.
   */
  | {
      readonly kind: "take-office";
      readonly epoch: Epoch;
      readonly era: number;
      readonly after: Position;
      readonly stamp: ShardMs;
    }
  /** Still in office, by a larger epoch: entries bear it from now on. */
  | { readonly kind: "go-on"; readonly epoch: Epoch }
  /** Throw the actor away, with all replies that wait, and build it again from the log up to `committed`. */
  | { readonly kind: "leave-office"; readonly committed: Lsn }
  /** Of a backup: state, log and pages are gone. */
  | { readonly kind: "forget" }
  /** Of a backup: the pages of a snapshot are complete; its state is that of `position`. */
  | { readonly kind: "load-pages"; readonly position: Position }
  /** Tell the digest of the state as it is now, which is that of `lsn`. */
  | { readonly kind: "digest"; readonly lsn: Lsn };

/** What is to be fetched from the own store for another replica. */
export type ReadOrder =
  /** Entries after this LSN, some 256 KiB of them. Answered by `log-read`. */
  | { readonly kind: "read-log"; readonly for: string; readonly stream: number; readonly after: Lsn }
  /** The next pages of a snapshot of committed state; number 0 begins one. Answered by `pages-read`. */
  | { readonly kind: "read-pages"; readonly for: string; readonly stream: number; readonly number: number };

/** For people and for the node. */
export type Report =
  /** Wait `waitMs`, then try once more to connect: a second refusal is silence at once. */
  | { readonly kind: "try-again"; readonly replica: string; readonly afterMs: number }
  | { readonly kind: "leaves-in-sync"; readonly replica: string }
  | { readonly kind: "joins-in-sync"; readonly replica: string }
  | { readonly kind: "too-few-in-sync"; readonly left: number }
  | { readonly kind: "resigns"; readonly why: "unheard" | "log-stalled" | "commits-stalled" }
  | { readonly kind: "takes-office"; readonly epoch: Epoch }
  | { readonly kind: "leaves-office"; readonly epoch: Epoch }
  /** Loud, and final: the store gives up its id, and is made anew. */
  | { readonly kind: "gives-up-store"; readonly end: Lsn; readonly committed: Lsn }
  /** The control plane has an older configuration than this disk: tell every node; nobody takes office. */
  | { readonly kind: "control-plane-older"; readonly read: Epoch; readonly remembered: Epoch }
  | {
      readonly kind: "digests-differ";
      readonly replica: string;
      readonly lsn: Lsn;
      readonly digests: readonly string[];
    }
  | { readonly kind: "throws-part-away"; readonly committed: Lsn }
  /** A peer wanted what no rightful one asks: a cut below what is committed. */
  | { readonly kind: "refuses-cut"; readonly by: string; readonly to: Lsn; readonly committed: Lsn }
  | { readonly kind: "part-ended"; readonly why: "damaged" | "store-failed" };

/** All of it. */
export interface Outputs {
  readonly log: LogOrder[];
  readonly messages: Message[];
  readonly control: ControlRequest[];
  readonly actor: ActorOrder[];
  readonly reads: ReadOrder[];
  readonly reports: Report[];
}

export function noOutputs(): Outputs {
  return { log: [], messages: [], control: [], actor: [], reads: [], reports: [] };
}
