/** The tables behind one replica, built from pages and entries, and kept up as a hot backup until it takes office. */
import { assert } from "../words/assert.js";
import { beforeEra, type Epoch, type Lsn, type ShardMs } from "../words/ids.js";
import { ByteBuffer } from "../tables/byte-buffer.js";
import { NOWHERE, type Entry, type Position } from "../replication/entry.js";
import {
  PAGE_CLAIMS,
  PAGE_CLIENTS,
  PAGE_COUNT_AT,
  PAGE_HEAD,
  pageKey,
  Replay,
  writeHeadPage,
  writePage,
} from "../shard/replay.js";
import type { Shard } from "../shard/shard.js";
import { type KeyedPage, sealPage } from "./replica-log.js";

/** Makes the empty tables of a shard. */
export type MakeShard = () => Shard;

/** What tables are built from. */
export interface ActorSource {
  readonly pages: readonly KeyedPage[];
  readonly entries: readonly Entry[];
  /** All entries up to this LSN are applied; and in any case those that pages have seen. */
  readonly upTo: number;
}

/** The office that is taken: its epoch and era, and the LSN of the last entry before it. */
export interface OfficeFacts {
  readonly epoch: Epoch;
  readonly era: number;
  readonly after: Lsn;
}

/** A replica's tables. */
export class ReplicaActor {
  readonly shard: Shard;
  readonly #replay: Replay;
  /** How many of the entries it was built from are in the tables. */
  readonly applied: number;
  /** The LSN that pages have seen, where the log ends before it: data is lost. 0: none is. */
  readonly lostUpTo: number;

  /** @throws Damage if pages and entries don't fit */
  constructor(make: MakeShard, { pages, entries, upTo }: ActorSource) {
    this.shard = make();
    this.#replay = new Replay(this.shard);
    for (const { key, body } of pages) this.#replay.page(key, body);
    const seen = this.#replay.pagesSeen;
    let applied = 0;
    for (const entry of entries) {
      if (entry.previous.lsn >= seen && entry.position.lsn > upTo) break;
      this.apply(entry);
      applied++;
    }
    this.applied = applied;
    const isWhole = this.shard.state.head >= seen;
    this.lostUpTo = isWhole ? 0 : seen;
    if (isWhole) this.#replay.settle();
  }

  /** Where its log stands. */
  get position(): Position {
    const { chain } = this.shard;
    return chain.lsn === 0 ? NOWHERE : { epoch: chain.epoch, lsn: chain.lsn, checksum: chain.checksum };
  }

  /** The largest stamp stored. */
  get stamp(): ShardMs {
    return this.#replay.stamp;
  }

  /** Applies an entry that continues the tables. @throws Damage if it does not */
  apply({ bytes }: Entry): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#replay.entry(bytes, view, 0, bytes.length);
  }

  /** Decides from now on. */
  takeOffice(stamp: ShardMs, clockMs: number, office: OfficeFacts): void {
    assert(this.shard.state.head === office.after, "R-12: all that is committed is applied before office is taken");
    this.shard.goOn(office.epoch);
    if (beforeEra(office.era) > office.after) this.#replay.beginEra(office.era, stamp, clockMs);
    else this.#replay.takeOffice(stamp, clockMs, "later-paths");
  }

  /** All rows as pages that travel, the head page among them. */
  snapshot(): readonly Uint8Array[] {
    const { shard } = this;
    const buffer = new ByteBuffer(4_096, 2 ** 26);
    const pages: Uint8Array[] = [];
    const seal = (key: number, at: number): void => {
      pages.push(sealPage(key, buffer.bytes.slice(at, buffer.length)));
      buffer.reset();
    };
    seal(pageKey(shard.index, PAGE_HEAD, 0), writeHeadPage(shard, buffer));
    for (const kind of [PAGE_CLAIMS, PAGE_CLIENTS] as const) {
      const table = kind === PAGE_CLAIMS ? shard.state.claims : shard.state.clients;
      for (let page = 0; page < table.pageLsn.length; page++) {
        const at = writePage(shard, kind, page, buffer);
        if (buffer.view.getUint32(at + PAGE_COUNT_AT, true) > 0) seal(pageKey(shard.index, kind, page), at);
        else buffer.reset();
      }
    }
    return pages;
  }
}
