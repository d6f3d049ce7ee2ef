/**
 * Ten million live locks: memory, latencies while the table grows, is checkpointed and expires, and recovery. Two runs:
 * one is filled as fast as it goes and killed, the other lives from the first lock to the expiry of the last.
 */
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { execPath } from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { generate, phaseOf } from "./generator.js";
import { below, type Figure, isQuick, told, writeFigures } from "./results.js";
import { kill, makeDataDir, removeDataDir, residentBytes, startHoldfast, stop } from "./server.js";

const LOCKS: number = isQuick ? 200_000 : 10_000_000;
/** Longer than filling takes, so that all of them live at once. */
const TTL_MS: number = isQuick ? 15_000 : 300_000;
const RATE = 50_000;
const LIVE_BYTES_MAX = 1.5e9;

const loopLine = z.object({ commits: z.number(), slowestMs: z.number() });

function filling(address: string, more: readonly string[]): readonly string[] {
  return ["--url", address, "--mode", "fill", "--locks", `${LOCKS}`, "--ttl", `${TTL_MS}`, ...more];
}
const fast: readonly string[] = ["--connections", "16", "--window", "256", "--seconds", "0"];
const slow: readonly string[] = ["--fill-rate", `${RATE}`, "--rate", `${RATE}`, "--through-expiry", "on"];

/** Some ordinary traffic first, so that the first locks are not what the server compiles its code on. */
function warmUp(address: string): readonly string[] {
  return ["--url", address, "--sessions", "off", "--rate", `${RATE}`, "--seconds", "3"];
}

/** Both runs, one after the other. */
export async function runLocks(): Promise<void> {
  const commands = [fast, slow].map((more) => `load ${filling("HOST:PORT", more).join(" ")}`);
  const figures = [...(await fillAndRecover()), ...(await growAndExpire())];
  writeFigures("locks", commands, figures);
}

async function fillAndRecover(): Promise<readonly Figure[]> {
  const dataDir = makeDataDir();
  try {
    const server = await startHoldfast(dataDir);
    let bytes = 0;
    const result = await generate(filling(server.address, fast), () => {
      bytes = residentBytes(server);
    });
    await kill(server);
    const again = await startHoldfast(dataDir);
    const recoveredBytes = residentBytes(again);
    await stop(again);
    const filled = result.locksFilled ?? 0;
    return [
      { name: "live locks", value: filled, unit: "", target: `${LOCKS}`, met: filled === LOCKS },
      told("filled at", phaseOf(result, "grow").opsPerSecond, "/s"),
      below("resident memory with all of them", bytes / 1e6, "MB", LIVE_BYTES_MAX / 1e6),
      below("recovery after kill -9", again.startMs / 1000, "s", 10),
      { name: "recovered", value: again.recovered, unit: "", target: `${filled}`, met: again.recovered === filled },
      told("resident memory after recovery", recoveredBytes / 1e6, "MB"),
    ];
  } finally {
    removeDataDir(dataDir);
  }
}

async function growAndExpire(): Promise<readonly Figure[]> {
  const dataDir = makeDataDir();
  const bareDir = makeDataDir();
  try {
    const server = await startHoldfast(dataDir);
    await generate(warmUp(server.address));
    const bare = startBareLoop(bareDir);
    const result = await generate(filling(server.address, slow));
    const { slowestMs, commits } = await bare.stop();
    await stop(server);
    const figures: Figure[] = [
      told("slowest commit of the bare SQLite loop", slowestMs, "ms"),
      told("commits of the bare SQLite loop", commits, ""),
      { name: "errors", value: result.errorCount, unit: "", target: "0", met: result.errorCount === 0 },
    ];
    for (const { name, latencyMs, opsPerSecond } of result.phases) {
      if (latencyMs.max === 0) continue; // Growing took longer than the TTL: there was nothing to hold.
      figures.push(told(`${name}: answered`, opsPerSecond, "/s"));
      figures.push(below(`${name}: p99.9`, latencyMs.p999, "ms", 5));
      figures.push(below(`${name}: slowest`, latencyMs.max, "ms", 5 + Math.round(slowestMs * 10) / 10));
    }
    return figures;
  } finally {
    removeDataDir(dataDir);
    removeDataDir(bareDir);
  }
}

function startBareLoop(directory: string): { stop(): Promise<z.infer<typeof loopLine>> } {
  const script = join(dirname(fileURLToPath(import.meta.url)), "sqlite-loop.js");
  const child = spawn(execPath, [script, directory], { stdio: ["ignore", "pipe", "inherit"] });
  return {
    stop: async () => {
      child.kill("SIGTERM");
      for await (const line of createInterface({ input: child.stdout })) return loopLine.parse(JSON.parse(line));
      throw new Error("the bare SQLite loop ended without a figure");
    },
  };
}
