/**
 * What a node remembers of its cluster in its own database, so that it starts while etcd is away, and never serves under
 * another control plane than the one that it has joined (Growth).
 */
import type { Database } from "better-sqlite3";
import { z } from "zod";
import type { ClusterFacts, NodeRecord } from "../control/control-plane.js";
import { NodeFault } from "./node-fault.js";

const factsSchema = z.object({
  clusterId: z.string(),
  shards: z.number(),
  stores: z.number(),
  workers: z.number(),
  firstEra: z.number(),
  grownFrom: z.string(),
});
const recordSchema = z.object({
  node: z.string(),
  name: z.string(),
  place: z.number(),
  main: z.string(),
  clients: z.array(z.string()),
  peers: z.array(z.string()),
  stores: z.array(z.string()),
  software: z.string(),
});
const memorySchema = z.object({
  controlPlaneId: z.string(),
  facts: factsSchema,
  place: z.number().nullable(),
  records: z.array(recordSchema),
});

/** All that is remembered. */
export interface Membership {
  readonly controlPlaneId: string;
  readonly facts: ClusterFacts;
  /** Null until it has one. */
  readonly place: number | null;
  readonly records: readonly NodeRecord[];
}

export class ClusterMemory {
  readonly #database: Database;

  /** @param database the node's own, open and locked */
  constructor(database: Database) {
    this.#database = database;
    database.exec(
      "CREATE TABLE IF NOT EXISTS cluster(one INTEGER PRIMARY KEY CHECK (one = 1), membership TEXT NOT NULL)",
    );
  }

  /** @returns null for a node that has never joined a cluster. @throws NodeFault if it can't be read */
  read(): Membership | null {
    const row = this.#database.prepare<[], { membership: string }>("SELECT membership FROM cluster").get();
    if (row === undefined) return null;
    const read = memorySchema.safeParse(JSON.parse(row.membership));
    if (read.success) return read.data;
    throw new NodeFault("data-dir-damaged", `the table cluster of node.db can't be read: ${read.error.message}`);
  }

  /** On disk when it returns. */
  write(membership: Membership): void {
    this.#database
      .prepare<[string]>("INSERT OR REPLACE INTO cluster(one, membership) VALUES (1, ?)")
      .run(JSON.stringify(membership));
  }
}
