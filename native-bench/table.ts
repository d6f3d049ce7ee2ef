/**
 * Holdfast beside the echo, alternately in one go, so that whatever else the machine does hits both: closed loop, the
 * user's mix, three windows.
 */
import type { Phase } from "./generator.js";
import { generate, phaseOf } from "./generator.js";
import { isQuick, readTable, type Spread, spreadOf, type TableRow, writeTable } from "./results.js";
import { cpuMs, makeDataDir, removeDataDir, type Server, startEcho, startHoldfast, stop } from "./server.js";

const CONNECTIONS = 64;
const ROUNDS: number = isQuick ? 1 : 5;
const SECONDS: number = isQuick ? 3 : 10;

/** Where it stands in the table, and the bounds. */
interface Place {
  readonly window: number;
  readonly ratioMin: number;
  readonly p99MsMax: number;
}
/** The table's places and targets. */
export const places: readonly Place[] = [
  { window: 1, ratioMin: 0.75, p99MsMax: 3 },
  { window: 16, ratioMin: 0.55, p99MsMax: 6 },
  { window: 128, ratioMin: 0.3, p99MsMax: 20 },
];

/** The same for three nodes. */
export const clusterPlaces: readonly Place[] = [
  { window: 1, ratioMin: 0.35, p99MsMax: 6 },
  { window: 16, ratioMin: 0.25, p99MsMax: 12 },
  { window: 128, ratioMin: 0.12, p99MsMax: 40 },
];

interface Round {
  readonly phase: Phase;
  readonly serverCpu: number;
}

/** The words of the generator for one place of the table. */
export function tableCommand(address: string, window: number): readonly string[] {
  return ["--url", address, "--connections", `${CONNECTIONS}`, "--window", `${window}`, "--seconds", `${SECONDS}`];
}

/** Runs the rounds, prints each, and keeps the medians. */
export async function runTable(): Promise<void> {
  const dataDir = makeDataDir();
  const echo = await startEcho();
  const holdfast = await startHoldfast(dataDir);
  try {
    const rounds = new Map<string, Round[]>();
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const { window } of places) {
        for (const server of [echo, holdfast]) await runRound(server, window, rounds);
      }
    }
    writeTable(places.flatMap(({ window }) => rowsOf(window, rounds)));
  } finally {
    await Promise.all([stop(echo), stop(holdfast)]);
    removeDataDir(dataDir);
  }
  console.table(readTable().map((row) => ({ ...row, opsPerSecond: Math.round(row.opsPerSecond.median) })));
}

async function runRound(server: Server, window: number, rounds: Map<string, Round[]>): Promise<void> {
  const key = `${server.name} ${window}`;
  const startedAt = performance.now();
  const cpuBefore = cpuMs(server);
  const result = await generate(tableCommand(server.address, window));
  const serverCpu = (cpuMs(server) - cpuBefore) / (performance.now() - startedAt);
  const phase = phaseOf(result, "measured");
  if (result.errorCount > 0) throw new Error(`${key}: errors: ${JSON.stringify(phase.errors)}`);
  rounds.set(key, [...(rounds.get(key) ?? []), { phase, serverCpu }]);
  const { p50, p99 } = phase.latencyMs;
  console.log(
    `${CONNECTIONS} × ${window} ${server.name}: ${Math.round(phase.opsPerSecond)}/s, p50 ${p50}, p99 ${p99} ms`,
  );
}

function rowsOf(window: number, rounds: ReadonlyMap<string, readonly Round[]>): readonly TableRow[] {
  const echo = rounds.get(`echo ${window}`) ?? [];
  const holdfast = rounds.get(`holdfast ${window}`) ?? [];
  const pairs = holdfast.map(
    (round, index) => round.phase.opsPerSecond / (echo[index]?.phase.opsPerSecond ?? Number.NaN),
  );
  return [rowOf("echo", window, echo, 1), rowOf("holdfast", window, holdfast, spreadOf(pairs).median)];
}

function rowOf(name: string, window: number, rounds: readonly Round[], ratioToEcho: number): TableRow {
  const over = (read: (round: Round) => number): Spread => spreadOf(rounds.map(read));
  return {
    name: `${name} ${CONNECTIONS}×${window}`,
    connections: CONNECTIONS,
    window,
    opsPerSecond: over((round) => round.phase.opsPerSecond),
    p50Ms: over((round) => round.phase.latencyMs.p50).median,
    p95Ms: over((round) => round.phase.latencyMs.p95).median,
    p99Ms: over((round) => round.phase.latencyMs.p99).median,
    ratioToEcho,
    serverCpu: over((round) => round.serverCpu).median,
    generatorCpu: over((round) => round.phase.generatorCpu).median,
  };
}
