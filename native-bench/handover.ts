/** From the release of a contended lock by one client to the grant at the next, with few and with many waiting. */
import { generate, phaseOf } from "./generator.js";
import { below, type Figure, isQuick, told, writeFigures } from "./results.js";
import { makeDataDir, removeDataDir, startHoldfast, stop } from "./server.js";

const WAITERS: readonly number[] = [10, 10_000];
const SECONDS: number = isQuick ? 3 : 20;

function command(address: string, waiters: number): readonly string[] {
  const connections = Math.min(64, waiters);
  const size = ["--connections", `${connections}`, "--waiters", `${waiters}`, "--seconds", `${SECONDS}`];
  return ["--url", address, "--mode", "handover", ...size];
}

/** Each number of waiters on a server of its own. */
export async function runHandover(): Promise<void> {
  const figures: Figure[] = [];
  for (const waiters of WAITERS) {
    const dataDir = makeDataDir();
    const server = await startHoldfast(dataDir);
    try {
      const result = await generate(command(server.address, waiters));
      const { latencyMs, opsPerSecond } = phaseOf(result, "measured");
      figures.push(
        below(`${waiters} waiters: p50`, latencyMs.p50, "ms", 0.5),
        told(`${waiters} waiters: p99`, latencyMs.p99, "ms"),
        told(`${waiters} waiters: hand-overs`, opsPerSecond, "/s"),
        {
          name: `${waiters} waiters: errors`,
          value: result.errorCount,
          unit: "",
          target: "0",
          met: result.errorCount === 0,
        },
      );
    } finally {
      await stop(server);
      removeDataDir(dataDir);
    }
  }
  writeFigures(
    "handover",
    WAITERS.map((waiters) => `load ${command("HOST:PORT", waiters).join(" ")}`),
    figures,
  );
}
