/**
 * What the logs of all replicas have, judged from their bytes alone: what a primary counts as committed must be on the disk of
 * every member of the set that the control plane has. From there on it is in the books of the cluster, for all checkers; no
 * set may ever have a member without it (INV-3), and entries with the same (epoch, LSN) are the same everywhere (INV-5).
 */
import { ENTRY_FORMAT } from "../../src/tables/events.js";
import type { Configuration } from "../../src/words/configuration.js";
import type { Entry, Position } from "../../src/replication/entry.js";
import { readRecord, RECORD_BASE, RECORD_CUT } from "../../src/worker/replica-log.js";
import type { Books } from "./books.js";
import { Violation } from "./checkers/checker.js";

interface Kept {
  readonly bytes: Uint8Array;
  readonly lsn: number;
  readonly checksum: number;
  readonly previousLsn: number;
  readonly previousChecksum: number;
  readonly seq: number;
}

/** The log of one shard in one store. */
interface Ledger {
  readonly replica: string;
  readonly shard: number;
  entries: Kept[];
  baseLsn: number;
  baseChecksum: number;
}

/** What a start has found of one shard. */
export interface FoundPart {
  readonly shard: number;
  /** Where the log begins, if there are no entries. */
  readonly base: Position;
  readonly entries: readonly Entry[];
}

interface Made {
  readonly checksum: number;
  readonly atUs: number;
  /** The replica that wrote it first. */
  readonly by: string;
}

interface End {
  lsn: number;
  checksum: number;
}

/** The place that checkers are told of. */
const CLUSTER = "cluster";

export class ReplicaBooks {
  readonly #books: Books;
  readonly #now: () => number;
  readonly #membersOf: (shard: number) => readonly string[];
  readonly #ledgers = new Map<string, Ledger>();
  readonly #durable = new Map<string, number>();
  readonly #committed = new Map<number, End>();
  /** By shard, epoch and LSN: the checksum of the entry that ends there, and when it was first made. */
  readonly #made = new Map<string, Made>();
  /** Sets of a shard that had one member alone. */
  readonly #alone = new Set<number>();
  /** Who has asked for the configuration behind an epoch of a shard, and how. */
  readonly #asked = new Map<string, Set<string>>();
  /** Entries that were committed. */
  commits = 0;

  /** @param membersOf the set that the control plane has at this instant */
  constructor(books: Books, now: () => number, membersOf: (shard: number) => readonly string[]) {
    this.#books = books;
    this.#now = now;
    this.#membersOf = membersOf;
  }

  /** A start has found this in a store, whose last batch has the seq. */
  found(replica: string, seq: number, parts: readonly FoundPart[]): void {
    this.#durable.set(replica, seq);
    for (const { shard, base, entries } of parts) {
      const ledger = this.#ledger(replica, shard);
      const from = entries[0]?.previous ?? base;
      // A primary that leaves office in the turn that commits tells nobody; where its log begins tells it.
      if (from.lsn > this.#endOf(shard).lsn) this.committed(replica, shard, from.lsn);
      ledger.entries = entries.map((entry) => keptOf(entry.bytes, seq));
      ledger.baseLsn = from.lsn;
      ledger.baseChecksum = from.checksum;
    }
    for (const { shard } of parts) this.judge(shard);
  }

  /** A batch was handed to a store. */
  appended(replica: string, seq: number, batch: Uint8Array): void {
    const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength);
    for (let at = 0; at < batch.length; ) {
      const size = view.getUint32(at, true);
      this.#record(replica, seq, batch.slice(at, at + size));
      at += size;
    }
  }

  /** All up to this seq is on disk. */
  durable(replica: string, seq: number): void {
    this.#durable.set(replica, Math.max(seq, this.#durable.get(replica) ?? 0));
  }

  /** A primary in office counts all up to this LSN as committed: every member of the set must have it on disk. */
  committed(replica: string, shard: number, lsn: number): void {
    const end = this.#endOf(shard);
    const ledger = this.#ledger(replica, shard);
    while (end.lsn < lsn) {
      const kept = this.#durableAfter(ledger, end);
      if (kept === undefined || kept.lsn > lsn) {
        throw new Violation(
          "INV-5",
          `${replica}, shard ${shard}: ${lsn} is told as committed, and its log has not all after ${end.lsn}`,
        );
      }
      end.lsn = kept.lsn;
      end.checksum = kept.checksum;
      this.commits++;
      const made = this.#made.get(madeKey(shard, kept));
      if (made !== undefined && made.by !== replica) this.#books.mark("tail kept and committed by the next primary");
      this.#books.appended(CLUSTER, kept.bytes, made?.atUs ?? this.#now());
      this.#books.committed(CLUSTER, shard, kept.lsn);
    }
    this.judge(shard);
  }

  /** Looks at a shard anew: something of its logs or its set has changed. */
  judge(shard: number): void {
    const end = this.#endOf(shard);
    const members = this.#membersOf(shard);
    if (members.length === 1) this.#alone.add(shard);
    else if (members.length >= 3 && this.#alone.delete(shard)) this.#books.mark("alone, then three again");
    for (const name of members) this.#checkHas(this.#ledger(name, shard), end);
  }

  /** A member asks for the next configuration: for office, or for a larger set. */
  asked(shard: number, expected: Configuration, next: Configuration): void {
    const key = `${shard} ${expected.epoch}`;
    const asked = this.#asked.get(key) ?? new Set<string>();
    this.#asked.set(key, asked);
    const isLarger = next.inSync.some((name) => !expected.inSync.includes(name));
    if (next.primary !== expected.primary) asked.add(`office for ${next.primary}`);
    else if (isLarger) asked.add("a learner");
    const candidates = [...asked].filter((one) => one !== "a learner").length;
    if (candidates > 1) this.#books.mark("two candidates");
    if (candidates > 0 && asked.has("a learner")) this.#books.mark("learner added during a fail-over");
  }

  #endOf(shard: number): End {
    const end = this.#committed.get(shard) ?? { lsn: 0, checksum: 0 };
    this.#committed.set(shard, end);
    return end;
  }

  #checkHas(ledger: Ledger, end: End): void {
    const { baseLsn, baseChecksum, entries, replica, shard } = ledger;
    if (end.lsn === 0 || baseLsn > end.lsn) return;
    if (baseLsn === end.lsn && baseChecksum === end.checksum) return;
    const kept = entries[indexOfEnd(entries, end.lsn)];
    if (kept?.checksum === end.checksum && this.#isDurable(ledger, kept)) return;
    const last = entries.at(-1)?.lsn ?? baseLsn;
    throw new Violation(
      "INV-3",
      `shard ${shard}: LSN ${end.lsn} was committed, and ${replica} is of the set with a log that ends at ${last}`,
    );
  }

  #durableAfter(ledger: Ledger, end: End): Kept | undefined {
    const { entries } = ledger;
    const next = entries[end.lsn === ledger.baseLsn ? 0 : indexOfEnd(entries, end.lsn) + 1];
    if (next?.previousLsn !== end.lsn || next.previousChecksum !== end.checksum) return undefined;
    return this.#isDurable(ledger, next) ? next : undefined;
  }

  #isDurable({ replica }: Ledger, { seq }: Kept): boolean {
    return seq <= (this.#durable.get(replica) ?? 0);
  }

  #record(replica: string, seq: number, bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer);
    const ledger = this.#ledger(replica, view.getUint32(4, true));
    const { entries, shard } = ledger;
    if (view.getUint32(56, true) === ENTRY_FORMAT) {
      const kept = keptOf(bytes, seq);
      const last = entries.at(-1);
      if (
        kept.previousLsn !== (last?.lsn ?? ledger.baseLsn) ||
        kept.previousChecksum !== (last?.checksum ?? ledger.baseChecksum)
      )
        throw new Violation("R-7", `${replica}, shard ${shard}: the entry after ${kept.previousLsn} breaks the chain`);
      const key = madeKey(shard, kept);
      const made = this.#made.get(key);
      if (made === undefined) this.#made.set(key, { checksum: kept.checksum, atUs: this.#now(), by: replica });
      else if (made.checksum !== kept.checksum)
        throw new Violation("INV-5", `shard ${shard}: two entries of one epoch end at LSN ${kept.lsn}`);
      entries.push(kept);
      return;
    }
    const { format, position } = readRecord(view, seq);
    if (format === RECORD_CUT) {
      const before = entries.length;
      while ((entries.at(-1)?.lsn ?? 0) > position.lsn) entries.pop();
      if (before - entries.length > 1) this.#books.mark("tail cut by many");
    } else if (format === RECORD_BASE) {
      entries.length = 0;
      ledger.baseLsn = position.lsn;
      ledger.baseChecksum = position.checksum;
    } else return;
    this.judge(shard);
  }

  #ledger(replica: string, shard: number): Ledger {
    const key = `${replica} ${shard}`;
    let ledger = this.#ledgers.get(key);
    if (ledger === undefined) {
      ledger = { replica, shard, entries: [], baseLsn: 0, baseChecksum: 0 };
      this.#ledgers.set(key, ledger);
    }
    return ledger;
  }
}

function keptOf(bytes: Uint8Array, seq: number): Kept {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    bytes,
    lsn: view.getFloat64(8, true) + view.getUint32(16, true) - 1,
    checksum: view.getUint32(60, true),
    previousLsn: view.getFloat64(40, true),
    previousChecksum: view.getUint32(52, true),
    seq,
  };
}

function madeKey(shard: number, { bytes, lsn }: Kept): string {
  return `${shard} ${new DataView(bytes.buffer, bytes.byteOffset).getUint32(20, true)} ${lsn}`;
}

/** Index of the entry that ends at this LSN; -1 for none. */
function indexOfEnd(entries: readonly Kept[], lsn: number): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((entries[middle]?.lsn ?? 0) < lsn) low = middle + 1;
    else high = middle;
  }
  return entries[low]?.lsn === lsn ? low : -1;
}
