/**
 * A bare loop of small commits on the same disk, beside a long run: its slowest commit is what the disk itself did to
 * everybody in those minutes. Prints one line of JSON when it is told to stop by SIGTERM.
 *
 * Run as `node dist/native-bench/sqlite-loop.js DIRECTORY`.
 */
import { join } from "node:path";
import process from "node:process";
import Database from "better-sqlite3";

const BATCH_BYTES = 4096;
/** Often enough to see each hiccup of the disk, seldom enough to leave the machine to what is measured. */
const EVERY_MS = 20;

function run(directory: string): void {
  const database = new Database(join(directory, "bare.db"));
  database.pragma("journal_mode = WAL");
  database.pragma("synchronous = FULL");
  database.exec("CREATE TABLE batch (number INTEGER PRIMARY KEY, bytes BLOB NOT NULL)");
  const insert = database.prepare<[Buffer]>("INSERT INTO batch (bytes) VALUES (?)");
  const batch = Buffer.alloc(BATCH_BYTES, 7);
  let commits = 0;
  let slowestMs = 0;

  setInterval(() => {
    const startedAt = performance.now();
    insert.run(batch);
    slowestMs = Math.max(slowestMs, performance.now() - startedAt);
    commits += 1;
  }, EVERY_MS);

  process.on("SIGTERM", () => {
    process.stdout.write(`${JSON.stringify({ commits, slowestMs })}\n`, () => process.exit(0));
  });
}

const [, , directory] = process.argv;
if (directory === undefined) throw new Error("sqlite-loop needs a directory to make its database in");
run(directory);
