/** Numbers for the starts of a cluster node's workers: path numbers are made of them, and no two nodes share one. */
import type { DataDir } from "../log/data-dir.js";
import { STARTS_PER_PLACE } from "../worker/cluster-view.js";

/**
 * On disk before a worker has its number. The first of a start is a multiple of the workers, because every node tells by
 * a path's number alone which worker of which node has made it.
 * @returns by worker
 */
export function takeClusterStarts({ database }: DataDir, place: number, workers: number): readonly number[] {
  const rounds = Math.floor(STARTS_PER_PLACE / workers) - 1; // Round 0 is left out: number 0 is no start.
  return database
    .transaction(() => {
      database.exec("CREATE TABLE IF NOT EXISTS counters(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID");
      const select = database.prepare<[], { value: number }>(
        "SELECT value FROM counters WHERE name = 'cluster-starts'",
      );
      const round = ((select.get()?.value ?? 0) % rounds) + 1;
      database
        .prepare<[number]>("INSERT OR REPLACE INTO counters(name, value) VALUES ('cluster-starts', ?)")
        .run(round);
      return Array.from({ length: workers }, (_, worker) => place * STARTS_PER_PLACE + round * workers + worker);
    })
    .immediate();
}
