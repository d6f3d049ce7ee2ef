/**
 * The same as rounds.ts, for clients as users have them: sessions of the library, the library without its session, and
 * HTTP, in all modes. What the server has answered before is compared with what it lists after (INV-3).
 */
import { setTimeout as delay } from "node:timers/promises";
import { freshDirectory, run, serverFlags, type ServerProcess, startServer } from "../node/server-process.js";
import { Random } from "../tables/random.js";
import { ClaimBook } from "./claim-book.js";
import { compareWithBook, makeRoom } from "./compare.js";
import { Load } from "./load.js";

/** The moment of the kill is chosen among these, in milliseconds of load. */
const LOAD_MS_MIN = 200;
const LOAD_MS_MAX = 800;
/** One start in so many is killed, too. */
const KILLED_STARTS = 4;
const KILLED_START_MS_MAX = 800;

/** What to run. */
export interface Plan {
  readonly rounds: number;
  /** The same moments and choices come again from it; not the same order of answers. */
  readonly seed: number;
  /** Told a line for each round. */
  readonly tell: (line: string) => void;
}

/**
 * Runs them all.
 * @returns how many operations were answered
 * @throws Error with the seed and the history of the resource that is wrong
 */
export async function runClientRounds({ rounds, seed, tell }: Plan): Promise<number> {
  const random = new Random(seed);
  const book = new ClaimBook();
  const dataDir = freshDirectory();
  try {
    let server = await startServer({ dataDir });
    for (let round = 1; round <= rounds; round++) {
      book.beginRound(`round-${round}`);
      const before = book.counts();
      const load = await killUnderLoad(server, book, random);
      const after = book.counts();
      const starts = await killStarts(dataDir, random);
      const beganMs = performance.now();
      server = await startServer({ dataDir });
      const readyMs = Math.round(performance.now() - beganMs);
      const { held, waiting, recoveryMs } = await compareWithBook(server, book, random);
      await makeRoom(server, book);
      const asked = after.asked - before.asked;
      const answered = after.answered - before.answered;
      tell(
        `round ${round}: ${load.clients} clients, ${load.milliseconds} ms, ${asked} operations, ${answered} answered, ` +
          `${asked - answered} in doubt${starts}, ${held} held, ${waiting} waiting, ` +
          `recovery ${recoveryMs} ms, ready after ${readyMs} ms`,
      );
    }
    await server.stop();
    return book.counts().answered;
  } catch (error) {
    throw new Error(`SEED=${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

interface Loaded {
  readonly clients: number;
  readonly milliseconds: number;
}

async function killUnderLoad(server: ServerProcess, book: ClaimBook, random: Random): Promise<Loaded> {
  const milliseconds = LOAD_MS_MIN + random.below(LOAD_MS_MAX - LOAD_MS_MIN + 1);
  const load = await Load.start(server, book, random);
  await delay(milliseconds);
  load.stop();
  await server.kill();
  await load.end();
  return { clients: load.clientCount, milliseconds };
}

/** Recovery itself may be killed, at any moment, and begins anew. */
async function killStarts(dataDir: string, random: Random): Promise<string> {
  const afterMs = random.below(KILLED_START_MS_MAX);
  if (random.below(KILLED_STARTS) !== 0) return "";
  const { child, ended } = run(serverFlags(dataDir));
  await delay(afterMs);
  child.kill("SIGKILL");
  await ended;
  return `, a start killed after ${afterMs} ms`;
}
