/** Kills the server at random moments under load, starts it again, and checks every answer that it gave (INV-1 to INV-3). */
import assert from "node:assert/strict";
import { setTimeout as after } from "node:timers/promises";
import { RawConnection } from "../client/raw-connection.js";
import { freshDirectory, type ServerProcess, startServer } from "../node/server-process.js";
import type { Random } from "../tables/random.js";
import { nameAt } from "../worker/wire.js";
import { type Contended, Lane } from "./lane.js";

const CONNECTIONS = 8;
const LOOSE_LANES = 40;
/** For each of the two workers: resources that several sessions want, and how many want each. */
const WANTED = 6;
const WANTERS = 4;
const LOAD_MS_MAX = 400;

function resource(worker: number): Contended {
  return { name: nameAt(worker), maxToken: 0, holder: undefined };
}

function lanes(): readonly Lane[] {
  const loose = Array.from({ length: LOOSE_LANES }, (_, at) => new Lane(resource(at % 2), undefined));
  const sessions = [0, 1].flatMap((worker) =>
    Array.from({ length: WANTED }, () => resource(worker)).flatMap((wanted) =>
      Array.from({ length: WANTERS }, () => new Lane(wanted, worker)),
    ),
  );
  return [...loose, ...sessions];
}

async function connected(server: ServerProcess): Promise<readonly RawConnection[]> {
  const greeting = Array.from({ length: CONNECTIONS }, async () => RawConnection.greeted(server.address));
  return (await Promise.all(greeting)).map(({ connection }) => connection);
}

/** What a number of rounds did. */
export interface Played {
  readonly answered: number;
  readonly recovered: number;
}

/**
 * Plays so many rounds on one data directory, and says after each how it went.
 * @throws AssertionError if an answer was forgotten or untrue.
 */
export async function playRounds(rounds: number, random: Random, say: (line: string) => void): Promise<Played> {
  const dataDir = freshDirectory();
  const all = lanes();
  let recovered = 0;
  let server = await startServer({ dataDir });
  for (let round = 1; round <= rounds; round++) {
    await underLoad(server, all, random);
    server = await startServer({ dataDir });
    ({ recovered } = server);
    const connections = await connected(server);
    await Promise.all(all.map(async (lane, at) => lane.check(pick(connections, at))));
    for (const connection of connections) connection.cut();
    say(`round ${round}: ${recovered} claims recovered, ${sum(all)} answers so far, all of them kept`);
  }
  const { exitCode, stderr } = await server.stop();
  assert.equal(exitCode, 0, stderr);
  return { answered: sum(all), recovered };
}

/** Lets every lane ask until the server is killed in the middle of it. */
async function underLoad(server: ServerProcess, all: readonly Lane[], random: Random): Promise<void> {
  const connections = await connected(server);
  let isDead = false;
  const running = all.map(async (lane, at) => {
    const connection = pick(connections, at);
    try {
      await lane.run(connection, random);
    } catch (error) {
      if (!isDead || error instanceof assert.AssertionError) throw error; // Only the kill may end it.
    }
  });
  const killed = after(50 + random.below(LOAD_MS_MAX)).then(async () => {
    isDead = true;
    await server.kill();
  });
  await Promise.all([killed, ...running]);
}

function pick(connections: readonly RawConnection[], at: number): RawConnection {
  const connection = connections[at % connections.length];
  assert.ok(connection !== undefined);
  return connection;
}

function sum(all: readonly Lane[]): number {
  return all.reduce((total, { answered }) => total + answered, 0);
}
