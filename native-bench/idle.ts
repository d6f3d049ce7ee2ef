/** Sessions that only live: what their keep-alives cost the server in processor time, and each of them in memory. */
import { generate } from "./generator.js";
import { below, isQuick, told, writeFigures } from "./results.js";
import { cpuMs, makeDataDir, removeDataDir, residentBytes, type Server, startHoldfast, stop } from "./server.js";

const CONNECTIONS: number = isQuick ? 100 : 1000;
const SESSIONS: number = isQuick ? 10_000 : 100_000;
/** At least two rounds of keep-alives: one goes out every TTL ÷ 6 = 5 s. */
const SECONDS: number = isQuick ? 10 : 60;

function command(address: string): readonly string[] {
  const size = ["--connections", `${CONNECTIONS}`, "--idle-sessions", `${SESSIONS}`, "--seconds", `${SECONDS}`];
  return ["--url", address, "--mode", "idle", ...size];
}

/** Looks at the server when all sessions hold their claim, and again at the end. */
export async function runIdle(): Promise<void> {
  const dataDir = makeDataDir();
  const server = await startHoldfast(dataDir);
  try {
    const bytesBefore = residentBytes(server);
    const held: { cpu: number; at: number }[] = [];
    const look = (): number => held.push({ cpu: cpuMs(server), at: performance.now() });
    const watched = watchMemory(server);
    const result = await generate(command(server.address), (reached) => {
      if (reached === "held") look();
    });
    look();
    const bytes = watched.stop();
    const [first, last] = held;
    if (first === undefined || last === undefined) throw new Error("the sessions were never all there");
    const cpuPercent = ((last.cpu - first.cpu) / (last.at - first.at)) * 100;
    writeFigures(
      "idle",
      [`load ${command("HOST:PORT").join(" ")}`],
      [
        below("server", cpuPercent, "% of one core", 5),
        below("memory of a session", (bytes - bytesBefore) / SESSIONS, "bytes", 1024),
        told("memory before", bytesBefore / 2 ** 20, "MiB"),
        told("memory with all", bytes / 2 ** 20, "MiB"),
        { name: "errors", value: result.errorCount, unit: "", target: "0", met: result.errorCount === 0 },
      ],
    );
  } finally {
    await stop(server);
    removeDataDir(dataDir);
  }
}

/** Remembers the last size seen while the sessions were there: at the end of the run they are gone. */
function watchMemory(server: Server): { stop(): number } {
  let bytes = residentBytes(server);
  const timer = setInterval(() => {
    bytes = residentBytes(server);
  }, 500);
  return {
    stop: () => {
      clearInterval(timer);
      return bytes;
    },
  };
}
