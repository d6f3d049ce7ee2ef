/**
 * Starts the servers that are measured, Holdfast and the echo, as processes of their own, and looks at them from
 * outside: processor time and memory as the kernel counts them, not as they tell.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { env, execPath } from "node:process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { z } from "zod";

/** Where the compiled files lie: `dist`. */
const compiled: string = dirname(dirname(fileURLToPath(import.meta.url)));
const READY_MS_MAX = 60_000;
const STOP_MS_MAX = 20_000;
const TMPFS_MAGIC = 0x01021994;
/** Linux counts processor time in ticks of 10 ms (USER_HZ) on every platform that Node runs on. */
const TICK_MS = 10;

const readyLine = z.object({ ready: z.literal(true), address: z.string(), recovered: z.number().default(0) });

/** One running server. */
export interface Server {
  readonly name: "echo" | "holdfast";
  /** HOST:PORT. */
  readonly address: string;
  readonly pid: number;
  /** How many locks it found in its data directory. */
  readonly recovered: number;
  /** From the start of the process to its ready line. */
  readonly startMs: number;
  readonly process: ChildProcessByStdio<null, Readable, null>;
}

/**
 * A new directory on a real disk: under BENCH_DIR, or where temporary files go.
 * @throws Error if that is memory (tmpfs): commits would cost nothing there.
 */
export function makeDataDir(): string {
  const parent = env["BENCH_DIR"] ?? tmpdir();
  if (statfsSync(parent).type === TMPFS_MAGIC) {
    throw new Error(`${parent} is a tmpfs, where a commit costs nothing: set BENCH_DIR to a directory on a disk`);
  }
  return mkdtempSync(join(parent, "holdfast-bench-"));
}

/** Removes what `makeDataDir` made. */
export function removeDataDir(dataDir: string): void {
  rmSync(dataDir, { recursive: true, force: true });
}

/** The words behind `node` that start Holdfast; SERVE_FLAGS adds to them. */
export function serveCommand(dataDir: string): readonly string[] {
  const more = (env["SERVE_FLAGS"] ?? "").split(" ").filter((word) => word !== "");
  const main = join(compiled, "src", "cli", "main.js");
  const ports = [
    "--listen-host",
    "127.0.0.1",
    "--listen-main",
    "0",
    "--listen-worker-base",
    "0",
    "--listen-peer-base",
    "0",
  ];
  return [main, "serve", "--json", "--data-dir", dataDir, ...ports, ...more];
}

/** Starts Holdfast on `dataDir`, whatever is in it, and waits until it is ready. */
export async function startHoldfast(dataDir: string): Promise<Server> {
  return start("holdfast", serveCommand(dataDir));
}

/** Starts a node of a cluster on `dataDir`, at the ports that its flags say. */
export async function startNode(dataDir: string, flags: readonly string[]): Promise<Server> {
  return start("holdfast", [...serveCommand(dataDir), ...flags]);
}

/** Starts the echo and waits until it is ready. */
export async function startEcho(): Promise<Server> {
  return start("echo", [join(compiled, "native-bench", "echo.js")]);
}

async function start(name: Server["name"], words: readonly string[]): Promise<Server> {
  const startedAt = performance.now();
  const child = spawn(execPath, words, { stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout });
  const tooLate = setTimeout(() => child.kill("SIGKILL"), READY_MS_MAX);
  try {
    for await (const line of lines) {
      const ready = readReady(line);
      if (ready === undefined) continue;
      child.stdout.resume(); // Nobody reads on: what it prints later must not stop it.
      const startMs = performance.now() - startedAt;
      return { name, address: ready.address, pid: child.pid ?? 0, recovered: ready.recovered, startMs, process: child };
    }
  } finally {
    clearTimeout(tooLate);
  }
  throw new Error(`${name} ended (or was ended after ${READY_MS_MAX} ms) before it was ready: node ${words.join(" ")}`);
}

function readReady(line: string): z.infer<typeof readyLine> | undefined {
  if (!line.startsWith("{")) return undefined;
  const parsed = readyLine.safeParse(JSON.parse(line));
  return parsed.success ? parsed.data : undefined;
}

/** Ends the server by SIGTERM, after 20 s by SIGKILL. */
export async function stop(server: Server): Promise<void> {
  const tooLate = setTimeout(() => server.process.kill("SIGKILL"), STOP_MS_MAX);
  await end(server, "SIGTERM");
  clearTimeout(tooLate);
}

/** Ends the server as a power cut would end it, but for the kernel's caches. */
export async function kill(server: Server): Promise<void> {
  await end(server, "SIGKILL");
}

async function end(server: Server, signal: "SIGTERM" | "SIGKILL"): Promise<void> {
  if (server.process.exitCode !== null || server.process.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => server.process.once("exit", () => resolve()));
  server.process.kill(signal);
  await ended;
}

/** Processor time that the process has used so far, all its threads together, in milliseconds. */
export function cpuMs(server: Server): number {
  const stat = readFileSync(`/proc/${server.pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" "); // The name before may have blanks.
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** Resident memory of the process now, in bytes. */
export function residentBytes(server: Server): number {
  const status = readFileSync(`/proc/${server.pid}/status`, "utf8");
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kilobytes === undefined) throw new Error(`no VmRSS of process ${server.pid}`);
  return Number(kilobytes) * 1024;
}
