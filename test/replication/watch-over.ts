/**
 * What must hold after every turn of a cluster, by books of its own: logs agree (INV-5), what is committed is in every log
 * that could take office (INV-3), one primary commits in an epoch, and an answer was true in its time (R-8, INV-5).
 */
import assert from "node:assert/strict";
import type { Position } from "../../src/replication/entry.js";
import type { Outputs } from "../../src/replication/outputs.js";
import { lsn } from "../../src/words/ids.js";
import { type Cluster, key, type Member } from "./cluster-driver.js";

/** A question that a primary was asked, which needs no event. */
interface Asked {
  readonly by: string;
  readonly life: object;
  readonly round: number;
  readonly head: number;
  readonly epoch: number;
  /** The largest epoch in which anybody had served when it was read. */
  readonly served: number;
}

export class WatchOver {
  readonly #cluster: Cluster;
  readonly #entries = new Map<string, number>();
  /** LSN → chain position, of everything that some primary has committed. */
  readonly #committed = new Map<number, string>();
  readonly #primaryOf = new Map<number, string>();
  readonly #known = new Map<string, { replica: object; committed: number; served: number }>();
  readonly #logs = new Map<string, { replica: object; log: Position[] }>();
  #asked: Asked[] = [];
  #served = 0;
  #checked = 0;
  #turns = 0;
  answered = 0;
  commits = 0;
  offices = 0;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    cluster.onTurn = (member, outputs) => {
      this.#afterTurn(member, outputs);
    };
  }

  #afterTurn(member: Member, outputs: Outputs): void {
    const { replica, name } = member;
    if (replica === null) return;
    const { state } = replica;
    const log = this.#keepLog(member, replica, outputs);
    const isForgotten = outputs.actor.some(({ kind }) => kind === "forget");
    const before = this.#known.get(name);
    if (before?.replica === replica && !isForgotten) {
      assert.ok(state.committed >= before.committed, `${name}: commits never go back`);
    }
    // One may commit and leave office in one turn: then it committed in the epoch in which it was seen to serve.
    const taken = outputs.actor.find((order) => order.kind === "take-office")?.epoch;
    const served = taken ?? (before?.replica === replica ? before.served : 0);
    const epoch = replica.isServing ? (state.configuration?.epoch ?? 0) : served;
    for (const position of log) if (position.lsn <= state.committed) this.#commit(name, epoch, position);
    this.#known.set(name, { replica, committed: state.committed, served: replica.isServing ? epoch : 0 });
    this.#answer(member);
    if (this.commits !== this.#checked || ++this.#turns % 8 === 0) this.checkLogs();
  }

  /** The log as it will be when all orders are done. */
  #keepLog({ name, disk }: Member, replica: object, outputs: Outputs): readonly Position[] {
    const kept = this.#logs.get(name);
    let log = kept?.replica === replica ? kept.log : disk.durable.entries.map(({ position }) => position);
    for (const order of outputs.log) {
      if (order.kind === "cut") log = log.filter(({ lsn }) => lsn <= order.to.lsn);
      if (order.kind === "throw-away") log = [];
      if (order.kind !== "append") continue;
      const { position } = order.entry;
      const known = this.#entries.get(`${position.epoch}/${position.lsn}`);
      const isSame = known === undefined || known === position.checksum;
      assert.ok(isSame, `INV-5: two entries at epoch ${position.epoch}, LSN ${position.lsn}`);
      this.#entries.set(`${position.epoch}/${position.lsn}`, position.checksum);
      log.push(position);
    }
    this.#logs.set(name, { replica, log });
    return log;
  }

  #commit(name: string, epoch: number, position: Position): void {
    const known = this.#committed.get(position.lsn);
    const committed = key(position);
    assert.ok(known === undefined || known === committed, `INV-3: ${name} has ${committed}, and ${known} is committed`);
    if (known !== undefined) return;
    assert.ok(epoch > 0, `R-8: ${name} knows ${committed} as committed before any primary`);
    const primary = this.#primaryOf.get(epoch) ?? name;
    assert.equal(primary, name, `R-9: two primaries commit in epoch ${epoch}`);
    this.#primaryOf.set(epoch, name);
    this.#committed.set(position.lsn, committed);
    this.commits++;
  }

  /** Every log that could take office now has everything that is committed. */
  checkLogs(): void {
    this.#checked = this.commits;
    const { control, members } = this.#cluster;
    for (const name of control.configuration.inSync) {
      const member = members.get(name);
      if (member === undefined) continue;
      const { base, entries } = member.disk.durable;
      const has = new Set(entries.map(({ position }) => key(position)));
      for (const [lsn, position] of this.#committed) {
        assert.ok(lsn <= base.lsn || has.has(position), `INV-3: ${name} is in sync without ${position}`);
      }
    }
  }

  #answer({ name, replica, round }: Member): void {
    if (replica === null) return;
    const { configuration } = replica.state;
    const epoch = configuration?.epoch ?? 0;
    if (replica.isServing && epoch > this.#served) {
      this.#served = epoch;
      this.offices++;
    }
    this.#asked = this.#asked.filter((asked) => {
      if (asked.by !== name) return true;
      if (asked.life !== replica || !replica.isServing) return false;
      if (!replica.mayAnswer(lsn(asked.head), asked.round)) return true;
      assert.ok(
        asked.head === 0 || this.#committed.has(asked.head),
        `R-8: ${name} answers before ${asked.head} is committed`,
      );
      const isOwn = asked.served === asked.epoch;
      assert.ok(isOwn, `INV-5: ${name} answers in epoch ${asked.epoch} what was asked when ${asked.served} had served`);
      this.answered++;
      return false;
    });
    if (!replica.isServing) return;
    const head = replica.state.tail.at(-1)?.position.lsn ?? replica.state.base.lsn;
    this.#asked.push({ by: name, life: replica, round, head, epoch, served: this.#served });
  }
}
