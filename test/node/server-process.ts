/**
 * A real server process for tests: the very command that users run, with a data directory of its own and any free ports.
 * It is killed at the latest when the test process ends.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/** The command's script. */
export const COMMAND: string = fileURLToPath(new URL("../../src/cli/main.js", import.meta.url));

const READY_WITHIN_MS = 90_000; // Shared machines stand still for half a minute at times.
const STOPPED_WITHIN_MS = 60_000;
const UNTIL_WITHIN_MS = 60_000;

/** What a process left behind. */
export interface Ended {
  /** Null if a signal ended it. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A server that is ready. */
export interface ServerProcess {
  /** `127.0.0.1:PORT`. */
  readonly address: string;
  /** `holdfast://127.0.0.1:PORT`. */
  readonly url: string;
  /** The main port, then one for each worker. */
  readonly ports: readonly number[];
  readonly pid: number;
  /** Locks that it recovered. */
  readonly recovered: number;
  readonly dataDir: string;
  /** SIGTERM, and waits for its end. */
  stop(): Promise<Ended>;
  /** SIGKILL, and waits for its end. */
  kill(): Promise<Ended>;
  /** Settled when it has ended by itself. */
  readonly ended: Promise<Ended>;
}

/** How to start one. */
export interface ServerOptions {
  /** Default: a new one under the system's temporary directory, gone with the test process. */
  readonly dataDir?: string;
  /** More flags: they win over the defaults, which take any free ports and two workers. */
  readonly flags?: readonly string[];
  /** Added to this process's environment. */
  readonly environment?: Readonly<Record<string, string>>;
}

const children = new Set<ChildProcess>();
const directories = new Set<string>();
after(killAll); // A test that failed leaves its processes behind, and the file would wait for them.
process.on("exit", () => {
  killAll();
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});

process.once("SIGTERM", () => process.exit(143)); // So ends the test runner a file that takes too long.

function killAll(): void {
  for (const child of children) child.kill("SIGKILL");
}

/** A directory that is there until the test process ends. */
export function freshDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-test-"));
  directories.add(directory);
  return directory;
}

/** Flags of a server with any free ports in `dataDir`. */
export function serverFlags(dataDir: string, flags: readonly string[] = []): readonly string[] {
  const all = [
    "--data-dir",
    dataDir,
    "--listen-main",
    "0",
    "--listen-worker-base",
    "0",
    "--workers",
    "2",
    "--stores",
    "2",
  ];
  all.push("--limits-claims-per-node-max", "65536"); // Less is reserved, so it starts twice as fast.
  return ["serve", "--json", ...all, ...flags];
}

/** Starts a server and waits until it is ready. Fails with what it said if it ends before. */
export async function startServer(options: ServerOptions = {}): Promise<ServerProcess> {
  const dataDir = options.dataDir ?? freshDirectory();
  const running = run(serverFlags(dataDir, options.flags), options.environment);
  const line = await firstLine(running);
  const ready: unknown = JSON.parse(line);
  assert.ok(isReady(ready), `not a ready line: ${line}`);
  const { child, ended } = running;
  const end = async (signal: NodeJS.Signals): Promise<Ended> => {
    child.kill(signal);
    return within(ended, STOPPED_WITHIN_MS, `the server to end after ${signal}`);
  };
  return {
    ...ready,
    url: `holdfast://${ready.address}`,
    dataDir,
    ended,
    stop: () => end("SIGTERM"),
    kill: () => end("SIGKILL"),
  };
}

/** Runs the command to its end. `environment` is added to this process's, less any HOLDFAST_ variable. */
export async function runCommand(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const running = run(args, environment);
  return within(running.ended, READY_WITHIN_MS, `the end of: holdfast ${args.join(" ")}`);
}

/** A command that runs. */
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** What it has written to standard output so far. */
  stdout(): string;
}

/** Starts the command. */
export function run(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Running {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("HOLDFAST_"));
  const child = spawn(process.execPath, [COMMAND, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...Object.fromEntries(inherited), NO_COLOR: "1", ...environment },
  });
  children.add(child);
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const ended = once(child, "close").then(() => {
    children.delete(child);
    return { exitCode: child.exitCode, stdout, stderr };
  });
  return { child, ended, stdout: () => stdout };
}

/** Waits until `holds` does. @throws AssertionError naming `what` if it does not within a minute */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + UNTIL_WITHIN_MS;
  while (!(await holds())) {
    assert.ok(performance.now() < deadlineMs, `waited in vain for ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function firstLine({ child, ended }: Running): Promise<string> {
  const { stdout } = child;
  assert.ok(stdout !== null);
  const reader = createInterface(stdout);
  const line = once(reader, "line").then(([text]) => String(text));
  const early = ended.then((end) =>
    assert.fail(`the server ended with ${end.exitCode} before it was ready: ${end.stderr}`),
  );
  return within(Promise.race([line, early]), READY_WITHIN_MS, "the server to be ready");
}

async function within<T>(promise: Promise<T>, ms: number, what: string): Promise<T> {
  const patience = new AbortController();
  const late = delay(ms, null, { signal: patience.signal }).then(() =>
    assert.fail(`waited ${ms} ms in vain for ${what}`),
  );
  late.catch(() => {}); // Once the promise is there, giving up the wait is no failure.
  try {
    return await Promise.race([promise, late]);
  } finally {
    patience.abort();
  }
}

type Ready = Pick<ServerProcess, "address" | "ports" | "pid" | "recovered">;

function isReady(value: unknown): value is Ready {
  return typeof value === "object" && value !== null && "ready" in value && value.ready === true && "address" in value;
}
