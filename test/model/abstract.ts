/**
 * The protocol in small: epochs, in-sync sets, durable logs, the committed prefix. It knows no messages, rounds or time, and
 * calls nothing of what it judges. Whoever runs replicas (explorer, simulator) tells it each step; a step that it forbids
 * breaks the protocol, whatever the replicas think.
 *
 *     configured ─▶ remembered ─▶ (cut, appended, thrown-away, restored)* ─▶ served ─▶ (appended, committed, answered)*
 */
import type { Configuration } from "../../src/words/configuration.js";

/** The end of an entry, as in src/replication/entry.ts. */
interface Place {
  readonly epoch: number;
  readonly lsn: number;
  readonly checksum: number;
}

export type AbstractStep =
  /** The control plane has written it. */
  | { readonly kind: "configured"; readonly configuration: Configuration }
  /** The epoch is on the replica's disk. */
  | { readonly kind: "remembered"; readonly replica: string; readonly epoch: number }
  /** An entry is on the replica's disk. */
  | { readonly kind: "appended"; readonly replica: string; readonly previous: Place; readonly position: Place }
  | { readonly kind: "cut"; readonly replica: string; readonly to: Place }
  | { readonly kind: "thrown-away"; readonly replica: string }
  /** A snapshot of committed state is on the replica's disk. */
  | { readonly kind: "restored"; readonly replica: string; readonly position: Place }
  | { readonly kind: "served"; readonly replica: string; readonly epoch: number; readonly head: Place }
  | { readonly kind: "committed"; readonly replica: string; readonly epoch: number; readonly position: Place }
  /** `servedAtRead`: the largest epoch in which anybody had served when the request was read (INV-5). */
  | {
      readonly kind: "answered";
      readonly replica: string;
      readonly epoch: number;
      readonly head: Place;
      readonly servedAtRead: number;
    };

const START: Place = { epoch: 0, lsn: 0, checksum: 0 };

export class AbstractModel {
  readonly #configurations: Map<number, Configuration> = new Map();
  readonly #logs: Map<string, Place[]> = new Map();
  readonly #remembered: Map<string, number> = new Map();
  /** By epoch. */
  readonly #served: Map<number, string> = new Map();
  readonly #entries: Map<string, number> = new Map();
  #committed: Place[] = [START];
  #configuration: Configuration;
  #why = "";

  /** @param first what the control plane has at the beginning: every store is empty */
  constructor(first: Configuration) {
    this.#configuration = first;
    this.#configurations.set(first.epoch, first);
  }

  /** Why the last step was forbidden; empty where it was allowed. */
  get why(): string {
    return this.#why;
  }

  /** Whether the protocol allows this step. One that is allowed has been done. */
  allows(step: AbstractStep): boolean {
    this.#why = this.#refusal(step) ?? "";
    if (this.#why === "") this.#do(step);
    return this.#why === "";
  }

  #refusal(step: AbstractStep): string | null {
    switch (step.kind) {
      case "configured":
        return this.#refusalOfConfiguration(step.configuration);
      case "remembered": {
        if (step.epoch > this.#configuration.epoch) return "R-9: an epoch that nobody has made";
        return step.epoch < (this.#remembered.get(step.replica) ?? 0) ? "R-9: a smaller epoch than was known" : null;
      }
      case "appended":
        return this.#refusalOfEntry(step.replica, step.previous, step.position);
      case "cut":
        if (!this.#has(step.replica, step.to)) return "R-7: a cut where no entry ends";
        return this.#keeps(step.replica, step.to) ? null : "R-7, INV-3: a cut below what is committed";
      case "thrown-away":
        return this.#configuration.inSync.includes(step.replica) ? "R-13: a member throws away its part" : null;
      case "restored":
        if (this.#configuration.inSync.includes(step.replica)) return "R-13: a member is given a snapshot";
        return this.#isCommitted(step.position) ? null : "R-13: a snapshot of what is not committed";
      case "served":
        return this.#refusalOfOffice(step.replica, step.epoch, step.head);
      case "committed":
        return this.#refusalOfCommit(step.replica, step.epoch, step.position);
      case "answered":
        if (this.#served.get(step.epoch) !== step.replica) return "R-8: an answer of one who is not in office";
        if (!this.#isCommitted(step.head)) return "R-8 (a): an answer before its commit";
        return step.servedAtRead > step.epoch ? "R-8 (b): an answer to what was read after another served" : null;
      default:
        throw new Error(`no such step: ${JSON.stringify(step satisfies never)}`);
    }
  }

  #refusalOfConfiguration(next: Configuration): string | null {
    const { epoch, era, inSync, replicas } = this.#configuration;
    if (next.epoch !== epoch + 1) return "R-9: each configuration has one more than the last";
    if (!next.inSync.includes(next.primary)) return "R-12: a primary outside its set";
    if (!next.inSync.every((name) => next.replicas.includes(name))) return "R-13: a member that is no replica";
    if (next.era === era + 1) return replicas.includes(next.primary) ? null : "R-15: a stranger is promoted";
    if (next.era !== era) return "R-15: eras grow by one";
    if (!inSync.includes(next.primary)) return "R-12, R-14: office for one who is not in sync";
    const joins = next.inSync.filter((name) => !inSync.includes(name));
    return joins.every((name) => this.#hasCommitted(name)) ? null : "R-13: one joins without what is committed";
  }

  #refusalOfEntry(replica: string, previous: Place, position: Place): string | null {
    if (!isSame(previous, this.#end(replica))) return "R-7: an entry that continues nothing";
    if (position.epoch < previous.epoch) return "R-9: epochs go back along a log";
    if (!this.#configurations.has(position.epoch)) return "R-9: an entry of an epoch that nobody has made";
    const known = this.#entries.get(keyOf(position));
    return known === undefined || known === position.checksum ? null : "INV-5: two entries at one (epoch, LSN)";
  }

  #refusalOfOffice(replica: string, epoch: number, head: Place): string | null {
    const configuration = this.#configurations.get(epoch);
    if (configuration?.primary !== replica) return "R-12: office for one who is not the configured primary";
    if ((this.#remembered.get(replica) ?? 0) < epoch) return "R-9: office before its epoch is on disk";
    const before = this.#configurations.get(epoch - 1);
    const isEraBegun = before !== undefined && before.era < configuration.era;
    const isAhead = epoch === this.#configuration.epoch && !isEraBegun;
    if (isAhead && !this.#hasCommitted(replica)) return "INV-3: office without what was committed";
    return configuration.inSync.every((name) => this.#has(name, head))
      ? null
      : "R-12: office before all have stored all";
  }

  #refusalOfCommit(replica: string, epoch: number, position: Place): string | null {
    if (this.#served.get(epoch) !== replica) return "R-8: a commit by one who is not in office";
    if (this.#isCommitted(position)) return null;
    const set = [...(this.#configurations.get(epoch)?.inSync ?? []), ...this.#configuration.inSync];
    for (const name of set) if (!this.#has(name, position)) return `R-8, R-13: a commit that ${name} has not stored`;
    const last = this.#committed.at(-1) ?? START;
    return this.#has(replica, last) || this.#configuration.era > 0 ? null : "INV-3: a commit beside what was committed";
  }

  #do(step: AbstractStep): void {
    switch (step.kind) {
      case "configured":
        if (step.configuration.era > this.#configuration.era) this.#committed = [START]; // What was lost is lost.
        this.#configuration = step.configuration;
        this.#configurations.set(step.configuration.epoch, step.configuration);
        return;
      case "remembered":
        this.#remembered.set(step.replica, step.epoch);
        return;
      case "appended":
        this.#entries.set(keyOf(step.position), step.position.checksum);
        this.#logs.set(step.replica, [...this.#log(step.replica), step.position]);
        return;
      case "cut":
        this.#logs.set(step.replica, upTo(this.#log(step.replica), step.to));
        return;
      case "thrown-away":
        this.#logs.set(step.replica, []);
        return;
      case "restored":
        this.#logs.set(step.replica, upTo(this.#committed, step.position));
        return;
      case "served":
        this.#served.set(step.epoch, step.replica);
        this.#commitUpTo(step.replica, step.head);
        return;
      case "committed":
        this.#commitUpTo(step.replica, step.position);
        return;
      case "answered":
        return;
      default:
        throw new Error(`no such step: ${JSON.stringify(step satisfies never)}`);
    }
  }

  #commitUpTo(replica: string, position: Place): void {
    if (this.#isCommitted(position)) return;
    this.#committed = [START, ...upTo(this.#log(replica), position)];
  }

  #log(replica: string): readonly Place[] {
    return this.#logs.get(replica) ?? [];
  }
  #end(replica: string): Place {
    return this.#log(replica).at(-1) ?? START;
  }
  #has(replica: string, position: Place): boolean {
    return position.lsn === 0 || this.#log(replica).some((place) => isSame(place, position));
  }
  #hasCommitted(replica: string): boolean {
    return this.#has(replica, this.#committed.at(-1) ?? START);
  }
  #isCommitted(position: Place): boolean {
    return this.#committed.some((place) => isSame(place, position));
  }
  /** A cut to this place takes nothing that is committed. */
  #keeps(replica: string, to: Place): boolean {
    return this.#log(replica).every((place) => place.lsn <= to.lsn || !this.#isCommitted(place));
  }
}

function isSame(one: Place, other: Place): boolean {
  return one.lsn === other.lsn && one.checksum === other.checksum;
}

function keyOf({ epoch, lsn }: Place): string {
  return `${epoch}/${lsn}`;
}

function upTo(log: readonly Place[], to: Place): Place[] {
  return log.filter(({ lsn }) => lsn > 0 && lsn <= to.lsn);
}
