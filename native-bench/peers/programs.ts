/** Runs the servers of peers and the clients that load them, as processes of their own that end with the run. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { env } from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { root } from "../generator.js";
import type { Measured } from "./peer.js";

/** Where the clients' sources lie. */
export const clients: string = join(root, "native-bench", "peers", "clients");
/** Where what is made of them lies. */
export const build: string = join(root, "native-bench", "build");
const READY_MS_MAX = 60_000;
const STOP_MS_MAX = 20_000;
const LOOK_MS = 20;

/** A server that runs. */
export interface Program {
  readonly process: ChildProcess;
  readonly log: string;
}

/** How a server is started; `user` is a numeric user and group, for servers that refuse to be root's. */
export interface Start {
  readonly command: string;
  readonly words: readonly string[];
  readonly directory: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly user?: number;
}

const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL"); // A run that fails leaves nobody's server behind.
});

for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

/** Starts a server in `directory`, which gets its log. */
export function startProgram({ command, words, directory, environment = {}, user }: Start): Program {
  const log = join(directory, "log");
  const file = openSync(log, "a");
  const identity = user === undefined ? {} : { uid: user, gid: user };
  const options = { cwd: directory, env: { ...env, ...environment }, ...identity };
  const child = spawn(command, words, { ...options, stdio: ["ignore", file, file] });
  closeSync(file);
  running.add(child);
  child.once("exit", () => running.delete(child));
  return { process: child, log };
}

/** Waits until `isReady` says so. @throws Error with the log's end if the server ended before, or after a minute */
export async function untilReady(program: Program, isReady: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + READY_MS_MAX;
  while (!(await isReady().catch(() => false))) {
    if (hasEnded(program.process) || performance.now() > endMs) {
      const tail = readFileSync(program.log, "utf8").split("\n").slice(-20).join("\n");
      throw new Error(`${program.process.spawnargs.join(" ")} did not get ready:\n${tail}`);
    }
    await delay(LOOK_MS);
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** Ends servers, by `signal`, after 20 s by SIGKILL. */
export async function stopPrograms(programs: readonly Program[], signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
  await Promise.all(programs.map(async (program) => stopProgram(program.process, signal)));
}

async function stopProgram(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (hasEnded(child)) return;
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const tooLate = setTimeout(() => child.kill("SIGKILL"), STOP_MS_MAX);
  child.kill(signal);
  await ended;
  clearTimeout(tooLate);
}

/** Compiles a client if `sources` are newer than `made`. @throws Error if that fails */
export function compile(made: string, sources: readonly string[], command: readonly string[]): void {
  const newest = Math.max(...sources.map((source) => statSync(source).mtimeMs));
  if (existsSync(made) && statSync(made).mtimeMs > newest) return;
  mkdirSync(dirname(made), { recursive: true });
  const [program = "", ...words] = command;
  execFileSync(program, words, { stdio: ["ignore", "inherit", "inherit"], env: { ...env, ...goEnvironment } });
}

/** Debian's Go packages only: nothing is fetched. */
const goEnvironment: Readonly<Record<string, string>> = {
  GO111MODULE: "off",
  GOPATH: "/usr/share/gocode",
  GOFLAGS: "",
  CGO_ENABLED: "0",
};

/** Compiles a client in C++ and names the program. */
export function compileCpp(name: string, flags: readonly string[] = []): string {
  const made = join(build, `peer-${name}`);
  const source = join(clients, `${name}.cc`);
  const words = ["-std=c++20", "-O3", "-Wall", "-Wextra", "-Wno-restrict", "-o", made, source, ...flags];
  compile(made, [source, join(clients, "work.h")], ["g++", ...words]);
  return made;
}

const measuredLine: z.ZodType<Measured> = z.object({
  opsPerSecond: z.number(),
  p50Ms: z.number(),
  p99Ms: z.number(),
  errors: z.number(),
});

/** Runs a client to its end, and reads the line that it prints. @throws Error if it fails or is not done in a minute */
export async function runClient(command: string, words: readonly string[]): Promise<Measured> {
  const child = spawn(command, words, { stdio: ["ignore", "pipe", "inherit"], timeout: 60_000 });
  running.add(child);
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject).once("close", resolve);
  });
  running.delete(child);
  if (code !== 0) throw new Error(`${command} ${words.join(" ")}: exit code ${String(code)}`);
  return measuredLine.parse(JSON.parse(text));
}

/** The version that Debian's package has. */
export function packageVersion(name: string): string {
  return execFileSync("dpkg-query", ["-W", "-f", "${Version}", name], { encoding: "utf8" });
}
