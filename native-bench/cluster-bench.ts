/**
 * `make bench-cluster`: three nodes, each with its disk's fsync, etcd and the generator on one machine, alternating with
 * the echo; then open loop, hand-over and fail-over. PART names some (table, open, handover, failover), QUICK=1 shows that
 * all works.
 */
import { env } from "node:process";
import { type Cluster, startCluster } from "./cluster-nodes.js";
import { failOverCommand, measureFailOver } from "./fail-over.js";
import { buildGenerator, generate, type Phase, phaseOf } from "./generator.js";
import { writeReport } from "./report.js";
import { below, type Figure, isQuick, spreadOf, type TableRow, told, writeFigures, writeTable } from "./results.js";
import { cpuMs, type Server, startEcho, stop } from "./server.js";

const CONNECTIONS = 64;
const WINDOWS: readonly number[] = [1, 16, 128];
const ROUNDS: number = isQuick ? 1 : 5;
const SECONDS: number = isQuick ? 3 : 10;
const OPEN_SECONDS: number = isQuick ? 5 : 60;
const RATES: readonly number[] = [50_000, 150_000, 200_000];

interface Round {
  readonly phase: Phase;
  readonly serverCpu: number;
}

function command(address: string, more: readonly string[]): readonly string[] {
  return ["--url", address, "--connections", `${CONNECTIONS}`, ...more];
}

async function runRound(address: string, window: number, cpu: () => number): Promise<Round> {
  const before = cpu();
  const beganMs = performance.now();
  const result = await generate(command(address, ["--window", `${window}`, "--seconds", `${SECONDS}`]));
  const phase = phaseOf(result, "measured");
  if (result.errorCount > 0) console.log(`errors: ${JSON.stringify(phase.errors)}`);
  return { phase, serverCpu: (cpu() - before) / (performance.now() - beganMs) };
}

async function runTable(cluster: Cluster, echo: Server): Promise<readonly TableRow[]> {
  const rounds = new Map<string, Round[]>();
  const note = (name: string, window: number, round: Round): void => {
    const { opsPerSecond, latencyMs } = round.phase;
    console.log(`${name} ${window}: ${Math.round(opsPerSecond)}/s, p50 ${latencyMs.p50}, p99 ${latencyMs.p99} ms`);
    rounds.set(`${name} ${window}`, [...(rounds.get(`${name} ${window}`) ?? []), round]);
  };
  for (let round = 0; round < ROUNDS; round++) {
    for (const window of WINDOWS) {
      note("echo", window, await runRound(echo.address, window, () => cpuMs(echo)));
      note("holdfast ×3", window, await runRound(cluster.address, window, () => cluster.cpuMs()));
    }
  }
  return WINDOWS.flatMap((window) => {
    const echoes = rounds.get(`echo ${window}`) ?? [];
    const ours = rounds.get(`holdfast ×3 ${window}`) ?? [];
    const ratios = ours.map(({ phase }, at) => phase.opsPerSecond / (echoes[at]?.phase.opsPerSecond ?? Number.NaN));
    return [rowOf("echo", window, echoes, 1), rowOf("holdfast ×3", window, ours, spreadOf(ratios).median)];
  });
}

function rowOf(name: string, window: number, rounds: readonly Round[], ratioToEcho: number): TableRow {
  const median = (read: (round: Round) => number): number => spreadOf(rounds.map(read)).median;
  return {
    name: `${name} ${CONNECTIONS}×${window}`,
    connections: CONNECTIONS,
    window,
    opsPerSecond: spreadOf(rounds.map(({ phase }) => phase.opsPerSecond)),
    p50Ms: median(({ phase }) => phase.latencyMs.p50),
    p95Ms: median(({ phase }) => phase.latencyMs.p95),
    p99Ms: median(({ phase }) => phase.latencyMs.p99),
    ratioToEcho,
    serverCpu: median(({ serverCpu }) => serverCpu),
    generatorCpu: median(({ phase }) => phase.generatorCpu),
  };
}

async function runOpen(cluster: Cluster): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const rate of RATES) {
    const more = ["--rate", `${rate}`, "--warmup", "3", "--seconds", `${OPEN_SECONDS}`];
    const result = await generate(command(cluster.address, more));
    const { latencyMs, opsPerSecond } = phaseOf(result, "measured");
    figures.push(
      told(`${rate}/s: answered`, opsPerSecond, "/s"),
      below(`${rate}/s: p50`, latencyMs.p50, "ms", 2),
      below(`${rate}/s: p95`, latencyMs.p95, "ms", 5),
      below(`${rate}/s: p99`, latencyMs.p99, "ms", 10),
      { name: `${rate}/s: errors`, value: result.errorCount, unit: "", target: "0", met: result.errorCount === 0 },
    );
  }
  return figures;
}

async function runHandover(cluster: Cluster): Promise<readonly Figure[]> {
  const words = ["--url", cluster.address, "--mode", "handover", "--connections", "10", "--waiters", "10"];
  const result = await generate([...words, "--seconds", `${SECONDS}`]);
  const { latencyMs } = phaseOf(result, "measured");
  return [below("hand-over: p50", latencyMs.p50, "ms", 1.5), told("hand-over: p99", latencyMs.p99, "ms")];
}

const asked = env["PART"]?.split(",");
const wants = (part: "table" | "open" | "handover" | "failover"): boolean =>
  asked === undefined || asked.includes(part);

buildGenerator();
const cluster = await startCluster();
const echo = await startEcho();
try {
  if (wants("table")) writeTable(await runTable(cluster, echo), "cluster");
  if (wants("open"))
    writeFigures(
      "cluster-open",
      RATES.map((rate) => `load --rate ${rate}`),
      await runOpen(cluster),
    );
  if (wants("handover")) writeFigures("cluster-handover", ["load --mode handover"], await runHandover(cluster));
  if (wants("failover")) writeFigures("failover", [failOverCommand], await measureFailOver(cluster));
  writeReport();
} finally {
  await Promise.all([cluster.stop(), stop(echo)]);
}
