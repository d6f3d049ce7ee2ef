/** Fixed rates, latencies from the intended send time: what a user sees when the server does not set the pace. */
import { generate, phaseOf } from "./generator.js";
import { below, type Figure, isQuick, writeFigures } from "./results.js";
import { makeDataDir, removeDataDir, startHoldfast, stop } from "./server.js";

const RATES: readonly number[] = [50_000, 150_000, 200_000];
const SECONDS: number = isQuick ? 5 : 60;

function command(address: string, rate: number): readonly string[] {
  return ["--url", address, "--connections", "64", "--rate", `${rate}`, "--warmup", "3", "--seconds", `${SECONDS}`];
}

/** Each rate on a server of its own. */
export async function runOpenLoop(): Promise<void> {
  const figures: Figure[] = [];
  for (const rate of RATES) {
    const dataDir = makeDataDir();
    const server = await startHoldfast(dataDir);
    try {
      const result = await generate(command(server.address, rate));
      const { latencyMs, opsPerSecond } = phaseOf(result, "measured");
      figures.push(
        {
          name: `${rate}/s: answered`,
          value: opsPerSecond,
          unit: "/s",
          target: "≥ 99.9 %",
          met: opsPerSecond >= rate * 0.999,
        },
        below(`${rate}/s: p50`, latencyMs.p50, "ms", 1),
        below(`${rate}/s: p95`, latencyMs.p95, "ms", 3),
        below(`${rate}/s: p99`, latencyMs.p99, "ms", 5),
        { name: `${rate}/s: p99.9`, value: latencyMs.p999, unit: "ms", target: "", met: null },
        { name: `${rate}/s: slowest`, value: latencyMs.max, unit: "ms", target: "", met: null },
        { name: `${rate}/s: errors`, value: result.errorCount, unit: "", target: "0", met: result.errorCount === 0 },
      );
    } finally {
      await stop(server);
      removeDataDir(dataDir);
    }
  }
  writeFigures(
    "open",
    RATES.map((rate) => `load ${command("HOST:PORT", rate).join(" ")}`),
    figures,
  );
}
