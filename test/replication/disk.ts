/** The store of one replica for tests: orders wait until they are synced, and a crash forgets what was not. */
import assert from "node:assert/strict";
import type { Entry, Position } from "../../src/replication/entry.js";
import { isSame, NOWHERE } from "../../src/replication/entry.js";
import type { Found, Remembered } from "../../src/replication/inputs.js";
import type { LogOrder } from "../../src/replication/outputs.js";
import { type Lsn, lsn, shardMs } from "../../src/words/ids.js";

/** What a crash can't take away. */
interface Image {
  remembered: Remembered | null;
  committed: Lsn;
  base: Position;
  entries: Entry[];
}

export class Disk {
  #durable: Image = { remembered: null, committed: lsn(0), base: NOWHERE, entries: [] };
  #waiting: LogOrder[] = [];
  /** The last order that is durable, of this life of the process. */
  stored = 0;

  get durable(): Readonly<Image> {
    return this.#durable;
  }
  get isSynced(): boolean {
    return this.#waiting.length === 0;
  }
  get waitingCount(): number {
    return this.#waiting.length;
  }

  order(order: LogOrder): void {
    this.#waiting.push(order);
  }

  /** Makes the first `count` orders durable. */
  sync(count: number = Number.POSITIVE_INFINITY): void {
    for (const order of this.#waiting.splice(0, count)) {
      this.#do(order);
      this.stored = order.order;
    }
  }

  /** The process dies; by chance some of what waited has reached the disk. */
  crash(kept: number): void {
    this.sync(kept);
    this.#waiting = [];
    this.stored = 0;
  }

  /** As SQLite does at a bad WAL frame: the log ends earlier, and nobody is told. */
  cutShort(count: number): void {
    this.#durable.entries.splice(-count, count);
  }

  found(): Found {
    const { remembered, base, entries } = this.#durable;
    const committed = entries.reduce<number>((most, entry) => Math.max(most, entry.committed), this.#durable.committed);
    const stamp = entries.reduce<number>((most, entry) => Math.max(most, entry.stamp), 0);
    return { remembered, committed: lsn(committed), base, entries, stamp: shardMs(stamp), isDamaged: false };
  }

  /** Entries of the log after an LSN; null if it does not go back so far. */
  read(after: Lsn): readonly Entry[] | null {
    const { base, entries } = this.#durable;
    const waiting = this.#waiting.flatMap((order) => (order.kind === "append" ? [order.entry] : []));
    if (after < base.lsn) return null;
    return [...entries, ...waiting].filter((entry) => entry.position.lsn > after).slice(0, 3);
  }

  /** A checkpoint: the log before this LSN is dropped. */
  dropUpTo(committed: Lsn): void {
    const { entries } = this.#durable;
    while (entries[0] !== undefined && entries[0].position.lsn <= committed) {
      this.#durable.base = entries[0].position;
      entries.shift();
    }
    this.#durable.committed = lsn(Math.max(this.#durable.committed, this.#durable.base.lsn));
  }

  #do(order: LogOrder): void {
    const image = this.#durable;
    const end = image.entries.at(-1)?.position ?? image.base;
    switch (order.kind) {
      case "append":
        assert.ok(isSame(order.entry.previous, end), "R-7: the disk's log is one chain");
        image.entries.push(order.entry);
        return;
      case "cut":
        while (image.entries.length > 0 && !isSame(image.entries.at(-1)?.position ?? NOWHERE, order.to)) {
          image.entries.pop();
        }
        assert.ok(isSame(image.entries.at(-1)?.position ?? image.base, order.to), "R-7: cut at the end of an entry");
        return;
      case "remember":
        image.remembered = order.remembered;
        return;
      case "remember-committed":
        image.committed = order.committed;
        return;
      case "throw-away":
        image.base = NOWHERE;
        image.entries = [];
        image.committed = lsn(0);
        return;
      case "store-pages":
        if (!order.isLast) return;
        image.base = order.position;
        image.committed = order.position.lsn;
        return;
      default:
        throw new Error(`no such order: ${JSON.stringify(order satisfies never)}`);
    }
  }
}
