/** What the rounds of all systems come to: one row for each system and work, kept in `results/peers.json`. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { root } from "../generator.js";
import { isQuick, type Spread, spreadOf } from "../results.js";
import type { Measured, Peer, Work } from "./peer.js";

/** One system at one work, over all rounds. */
export interface PeerRow {
  readonly system: string;
  readonly replicas: number;
  readonly durability: string;
  readonly work: string;
  readonly outstanding: number;
  readonly opsPerSecond: Spread;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Median of the rounds' ratios; below 1 Holdfast is faster. */
  readonly ratioToHoldfast: number;
  readonly errors: number;
  readonly rounds: number;
  readonly lacks: readonly string[];
  readonly version: string;
  readonly settings: string;
  readonly at: string;
  readonly quick: boolean;
}

const peerRow: z.ZodType<PeerRow> = z.object({
  system: z.string(),
  replicas: z.number(),
  durability: z.string(),
  work: z.string(),
  outstanding: z.number(),
  opsPerSecond: z.object({ median: z.number(), min: z.number(), max: z.number() }),
  p50Ms: z.number(),
  p99Ms: z.number(),
  ratioToHoldfast: z.number(),
  errors: z.number(),
  rounds: z.number(),
  lacks: z.array(z.string()),
  version: z.string(),
  settings: z.string(),
  at: z.string(),
  quick: z.boolean(),
});

/** One system at one work in one round. */
export interface Round {
  readonly peer: Peer;
  readonly work: Work;
  readonly measured: Measured;
}

const FILE: string = join(root, "native-bench", "results", "peers.json");

/** All rows of all rounds. */
export function peerRows(rounds: readonly Round[]): readonly PeerRow[] {
  const groups = new Map<string, Round[]>();
  for (const round of rounds) {
    const key = `${round.peer.system} ${placeOf(round)}`;
    groups.set(key, [...(groups.get(key) ?? []), round]);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    return first === undefined ? [] : [rowOf(first, group, groups.get(`holdfast ${placeOf(first)}`) ?? [])];
  });
}

function placeOf({ peer, work }: Round): string {
  return `${peer.replicas} ${work.name} ${work.outstanding}`;
}

function rowOf({ peer, work }: Round, group: readonly Round[], ours: readonly Round[]): PeerRow {
  const over = (read: (measured: Measured) => number): Spread => spreadOf(group.map(({ measured }) => read(measured)));
  const ratios = group.map(
    ({ measured }, round) => measured.opsPerSecond / (ours[round]?.measured.opsPerSecond ?? Number.NaN),
  );
  const { system, replicas, durability, lacks, settings } = peer;
  return {
    ...{ system, replicas, durability, work: work.name, outstanding: work.outstanding },
    opsPerSecond: over(({ opsPerSecond }) => opsPerSecond),
    p50Ms: over(({ p50Ms }) => p50Ms).median,
    p99Ms: over(({ p99Ms }) => p99Ms).median,
    ratioToHoldfast: spreadOf(ratios).median,
    errors: group.reduce((sum, { measured }) => sum + measured.errors, 0),
    rounds: group.length,
    ...{ lacks, version: peer.version(), settings, at: new Date().toISOString(), quick: isQuick },
  };
}

/** Keeps rows; those of systems that did not run this time stay as they are. */
export function writePeerRows(rows: readonly PeerRow[]): void {
  const isNew = (row: PeerRow): boolean =>
    rows.some(({ system, replicas }) => system === row.system && replicas === row.replicas);
  const kept = readPeerRows().filter((row) => !isNew(row));
  const all = [...kept, ...rows].sort((left, right) => left.replicas - right.replicas);
  writeFileSync(FILE, `${JSON.stringify(all, undefined, 2)}\n`);
}

/** The rows as kept; empty if there are none yet. */
export function readPeerRows(): readonly PeerRow[] {
  return existsSync(FILE) ? z.array(peerRow).parse(JSON.parse(readFileSync(FILE, "utf8"))) : [];
}
