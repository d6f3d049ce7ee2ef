/**
 * What has happened in a run, in true time, as the checkers are told it: every entry that a store was given, what of it
 * is on disk, what a crash has left, every answer, every belief. The books rest on the bytes of the log and on frames.
 */
import type { HistoryRecorder } from "../../src/client/history-recorder.js";
import type { Belief, Checker, HeardAnswer, Place, Wanted } from "./checkers/checker.js";
import { Violation } from "./checkers/checker.js";
import { type LoggedEntry, readBatch } from "./log-reader.js";

interface KeptEntry {
  readonly entry: LoggedEntry;
  readonly atUs: number;
}

/** One shard in one store, and all entries that are in its tables. */
interface Ledger extends Place {
  readonly entries: KeptEntry[];
  committed: number;
}

/** The books of one run. */
export class Books {
  readonly #checkers: readonly Checker[];
  readonly #strangers = new Set<string>();
  readonly #ledgers = new Map<string, Ledger>();
  readonly #now: () => number;
  /** Nodes of which a checkpoint is under way. */
  readonly #checkpoints = new Set<string>();
  /** Makes what records the frames of a session, by its public id. */
  readonly recorder: (session: string) => HistoryRecorder;
  /** Marks an interesting state as seen (states.ts). */
  readonly mark: (name: string) => void;
  /** Events, answers and grants that were told of. */
  events = 0;
  answers = 0;

  /** @param now true time, microseconds. */
  constructor(
    checkers: readonly Checker[],
    recorder: Books["recorder"],
    now: () => number,
    mark: (name: string) => void,
  ) {
    this.#checkers = checkers;
    this.recorder = recorder;
    this.#now = now;
    this.mark = mark;
  }

  /**
   * A store was handed a batch: its events are in the tables already (INV-1 holds at once).
   * @param atUs when the batch was made, if that was not now
   */
  appended(node: string, batch: Uint8Array, atUs: number = this.#now()): void {
    for (const entry of readBatch(batch)) {
      const ledger = this.#ledger(node, entry.shard);
      const last = ledger.entries.at(-1)?.entry;
      if (entry.previousLsn !== (last?.lastLsn ?? 0) || entry.previousChecksum !== (last?.checksum ?? 0))
        throw new Violation("R-7", `${node}, shard ${entry.shard}: the entry at ${entry.firstLsn} breaks the chain`);
      ledger.entries.push({ entry, atUs });
      this.#tell(ledger, entry, atUs, false);
    }
  }

  /** All of a shard up to this LSN is on disk. */
  committed(node: string, shard: number, lsn: number): void {
    const ledger = this.#ledger(node, shard);
    if (lsn <= ledger.committed) return;
    ledger.committed = lsn;
    for (const checker of this.#checkers) checker.committed?.(ledger, lsn);
  }

  /** A node was started anew: its shard goes on from `head`, and what the log had behind that never was. */
  recovered(node: string, shard: number, head: number, checksum: number): void {
    const ledger = this.#ledger(node, shard);
    while ((ledger.entries.at(-1)?.entry.lastLsn ?? 0) > head) ledger.entries.pop();
    if (this.#checkpoints.delete(node)) this.mark("checkpoint cut off by the end of its process");
    const last = ledger.entries.at(-1)?.entry;
    if ((last?.lastLsn ?? 0) !== head || (last?.checksum ?? 0) !== checksum)
      throw new Violation("R-7", `${node}, shard ${shard}: it recovered to ${head}, which no entry ever ended`);
    if (head < ledger.committed)
      throw new Violation(
        "INV-3",
        `${node}, shard ${shard}: ${ledger.committed} was committed, and it begins at ${head}`,
      );
    for (const checker of this.#checkers) checker.forget?.(ledger);
    for (const { entry, atUs } of ledger.entries) this.#tell(ledger, entry, atUs, true);
    for (const checker of this.#checkers) checker.recalled?.(ledger, head);
  }

  /** A page of a checkpoint was written. */
  checkpointing(node: string): void {
    this.#checkpoints.add(node);
  }

  /** A checkpoint was written to its end. */
  checkpointed(node: string): void {
    this.#checkpoints.delete(node);
  }

  answered(answer: HeardAnswer): void {
    this.answers++;
    for (const checker of this.#checkers) checker.answered?.(answer);
  }

  believed(belief: Belief): void {
    for (const checker of this.#checkers) checker.believed?.(belief, this.#now());
  }

  ordered(resource: string): void {
    for (const checker of this.#checkers) checker.ordered?.(resource);
  }

  began(client: string, key: string): void {
    for (const checker of this.#checkers) checker.began?.(client, key);
  }

  reached(node: string, client: string): void {
    for (const checker of this.#checkers) checker.reached?.(node, client);
  }

  closed(key: string): void {
    for (const checker of this.#checkers) checker.closed?.(key);
  }

  healed(): void {
    for (const checker of this.#checkers) checker.healed?.(this.#now());
  }

  /** @param isLast nothing is held or asked for any more */
  ended(wanted: readonly Wanted[], isLast: boolean): void {
    const end = { wanted, strangers: this.#strangers, atUs: this.#now(), isLast };
    for (const checker of this.#checkers) checker.ended?.(end);
  }

  /** A session of somebody who keeps to no rule: it may close, and order, at any time. */
  stranger(key: string, resources: readonly string[]): void {
    this.#strangers.add(key);
    this.closed(key);
    for (const checker of this.#checkers) checker.stranger?.(resources);
    for (const resource of resources) this.ordered(resource);
  }

  #tell(ledger: Ledger, entry: LoggedEntry, atUs: number, isAgain: boolean): void {
    for (const event of entry.events) {
      this.events++;
      for (const checker of this.#checkers) checker.applied?.(ledger, event, atUs, isAgain);
    }
    for (const checker of this.#checkers) checker.appliedEntry?.(ledger, entry, atUs, isAgain);
  }

  #ledger(node: string, shard: number): Ledger {
    const key = `${node} ${shard}`;
    const found = this.#ledgers.get(key);
    if (found !== undefined) return found;
    const made: Ledger = { number: this.#ledgers.size, node, shard, entries: [], committed: 0 };
    this.#ledgers.set(key, made);
    return made;
  }
}
