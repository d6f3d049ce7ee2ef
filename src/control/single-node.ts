/**
 * The control plane of a single node: the configurations of its shards in a table of its own SQLite file, changed only
 * by compare-and-swap on the epoch (system.md §7). Where there is more than one machine, etcd has this office.
 */
import { randomBytes } from "node:crypto";
import type { Database, Statement } from "better-sqlite3";
import { assert } from "../words/assert.js";
import type { Configuration } from "../words/configuration.js";
import { epoch, type ShardIndex, shardIndex } from "../words/ids.js";

/** The replica that is to be a shard's primary. */
export interface Office {
  readonly shard: ShardIndex;
  readonly replica: string;
}

interface ConfigurationRow {
  readonly shard: number;
  readonly epoch: number;
  readonly era: number;
  readonly primary_node: string;
  readonly in_sync: string;
  readonly replicas: string;
  readonly nonce: string;
}

/** Reads and changes configurations; every change is on disk when the call returns. */
export class SingleNodeControl {
  readonly #database: Database;
  readonly #select: Statement<[number], ConfigurationRow>;
  readonly #put: Statement<ConfigurationRow>;

  /** @param database the node's own, opened with `synchronous=FULL` and locked; the table is made where missing */
  constructor(database: Database) {
    database.exec(
      "CREATE TABLE IF NOT EXISTS configurations(shard INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, era INTEGER NOT NULL, " +
        "primary_node TEXT NOT NULL, in_sync TEXT NOT NULL, replicas TEXT NOT NULL, nonce TEXT NOT NULL)",
    );
    this.#database = database;
    this.#select = database.prepare("SELECT * FROM configurations WHERE shard = ?");
    this.#put = database.prepare(
      "INSERT OR REPLACE INTO configurations(shard, epoch, era, primary_node, in_sync, replicas, nonce) " +
        "VALUES (@shard, @epoch, @era, @primary_node, @in_sync, @replicas, @nonce)",
    );
  }

  /** @returns the shard's configuration; null if it never had one */
  read(shard: ShardIndex): Configuration | null {
    const row = this.#select.get(shard);
    if (row === undefined) return null;
    return {
      shard: shardIndex(row.shard),
      epoch: epoch(row.epoch),
      era: row.era,
      primary: row.primary_node,
      inSync: row.in_sync.split(" "),
      replicas: row.replicas.split(" "),
      nonce: row.nonce,
    };
  }

  /**
   * Writes `next` if the shard's epoch is still `expectedEpoch` (0: it has no configuration).
   * @returns whether it was written
   */
  compareAndSwap(shard: ShardIndex, expectedEpoch: number, next: Configuration): boolean {
    assert(next.shard === shard, "R-9: a configuration is written for its own shard");
    assert(next.epoch === expectedEpoch + 1, "R-9: each configuration has one epoch more than the last");
    assert(next.inSync.includes(next.primary), "the primary is one of the in-sync set");
    return this.#database
      .transaction(() => {
        if ((this.read(shard)?.epoch ?? 0) !== expectedEpoch) return false;
        this.#put.run(rowOf(next));
        return true;
      })
      .immediate();
  }

  /**
   * Makes each replica the primary of its shard by a new epoch, all in one transaction: a restarted primary takes
   * office only so. A replica that is not in sync is never promoted by itself.
   * @param era of shards that have no configuration yet
   * @returns the new configurations, in the order of `offices`
   * @throws BrokenInvariant if a shard's configuration does not have the replica in sync; nothing is changed then
   */
  takeOffice(offices: readonly Office[], era: number): readonly Configuration[] {
    return this.#database
      .transaction(() =>
        offices.map(({ shard, replica }) => {
          const before = this.read(shard);
          assert(before === null || before.inSync.includes(replica), "R-14: only an in-sync member takes office");
          const next: Configuration = {
            shard,
            epoch: epoch((before?.epoch ?? 0) + 1),
            era: before?.era ?? era,
            primary: replica,
            inSync: before?.inSync ?? [replica],
            replicas: before?.replicas ?? [replica],
            nonce: randomBytes(16).toString("hex"),
          };
          this.#put.run(rowOf(next));
          return next;
        }),
      )
      .immediate();
  }
}

function rowOf(configuration: Configuration): ConfigurationRow {
  return {
    shard: configuration.shard,
    epoch: configuration.epoch,
    era: configuration.era,
    primary_node: configuration.primary,
    in_sync: configuration.inSync.join(" "),
    replicas: configuration.replicas.join(" "),
    nonce: configuration.nonce,
  };
}
