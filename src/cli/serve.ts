/**
 * `holdfast serve`: runs a node until it is told to stop. The first SIGTERM or SIGINT drains it, a second one stops it at
 * once: what was answered is on disk either way.
 */
import { basename, relative } from "node:path";
import { Command } from "commander";
import type { Logger } from "pino";
import { widenInlining } from "../node/compiler.js";
import { makeLogger } from "../node/logger.js";
import { FailedStart, type NodeEnd, serve, type ServingNode } from "../node/serve.js";
import type { Settings } from "../node/settings-schema.js";
import { packageVersion } from "../node/version.js";
import { EXIT_CODES } from "./failure.js";
import { surroundingsOf } from "./options.js";
import { type Output, styled } from "./output.js";
import { settingsOf, withSettings } from "./settings-flags.js";

const STOP_SIGNALS = ["SIGTERM", "SIGINT"] as const;
const DEFAULT_ADDRESS = "127.0.0.1:7400";

/** Makes the command. */
export function serveCommand(): Command {
  const command = new Command("serve").description("run a node of the lock service").action(serveNode);
  return withSettings(command);
}

async function serveNode(_options: unknown, command: Command): Promise<void> {
  const { output } = surroundingsOf(command);
  const { settings } = settingsOf(command, output);
  leave(await serveUntilEnd(settings, output), output);
}

/** Runs a node until a signal or a failure ends it. */
export async function serveUntilEnd(settings: Settings, output: Output): Promise<NodeEnd> {
  const logger = makeLogger({ level: settings.logging.level, node: settings.node.name });
  return run(settings, { logger, stop: new Stop(logger), output });
}

/** Ends the process as its node has ended: a worker that hangs has its app open, and only a kill ends such a process. */
export function leave({ fault, isClean }: NodeEnd, output: Output): void {
  if (fault !== null) output.failure({ code: fault.code, message: fault.message, details: {}, isOutcome: false });
  if (!isClean) killSelf(); // An exit would abort it with a core dump.
  process.exit(fault === null ? EXIT_CODES.done : EXIT_CODES.failed);
}

interface Running {
  readonly logger: Logger;
  readonly stop: Stop;
  readonly output: Output;
}

/** A start that was interrupted ends as a node that drained. */
async function run(settings: Settings, { logger, stop, output }: Running): Promise<NodeEnd> {
  try {
    widenInlining();
    const node = await serve(settings, { logger, version: packageVersion(), signal: stop.signal });
    announce(node, output);
    stop.watchOver(node);
    return await node.ended;
  } catch (error) {
    if (!(error instanceof FailedStart)) throw error;
    return { fault: error.code === "interrupted" ? null : error, isClean: error.isClean };
  }
}

/** What signals do: first break off the start or drain, then kill. */
class Stop {
  readonly #controller = new AbortController();

  constructor(logger: Logger) {
    for (const name of STOP_SIGNALS) {
      process.on(name, () => {
        if (this.#controller.signal.aborted) killSelf(); // An orderly exit would abort: the workers' apps are open.
        logger.info({ signal: name }, "draining: new work is refused, what is under way is answered");
        this.#controller.abort();
      });
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  watchOver(node: ServingNode): void {
    this.signal.addEventListener("abort", () => node.drain(), { once: true });
    if (this.signal.aborted) node.drain();
  }
}

function killSelf(): void {
  process.kill(process.pid, "SIGKILL");
}

function announce(node: ServingNode, output: Output): void {
  const { address, recovered, dataDir, version, pid, workerAddresses } = node.facts;
  const { claims: count, milliseconds } = recovered;
  if (output.json) {
    const ports = [node.ports.main, ...node.ports.own];
    output.data("", { ready: true, address, ports, pid, recovered: count, milliseconds, dataDir, version });
    return;
  }
  const lines = [
    `${styled("bold", `Holdfast ${version}`)} listens on ${styled("green", address)} (workers: ${workerAddresses.join(", ")})`,
    `Recovered ${count} ${count === 1 ? "lock" : "locks"} in ${milliseconds} ms; data in ${dataDir}`,
    "Try:",
    ...examples(address).map((example) => `  ${example}`),
  ];
  output.data(lines.join("\n"), null);
}

/** Commands that can be pasted into another terminal in the same directory. */
function examples(address: string): readonly string[] {
  const script = process.argv[1] ?? "holdfast";
  const program = basename(script) === "holdfast" ? "holdfast" : `node ${relative(process.cwd(), script)}`;
  const url = address === DEFAULT_ADDRESS ? "" : ` --url holdfast://${address}`;
  const body = `'{"resource":"order:12345","ttl":"30s"}'`;
  return [
    `${program} lock order:12345${url} -- sleep 10`,
    `${program} list${url}`,
    `curl -s http://${address}/v1/acquire -H 'content-type: application/json' -d ${body}`,
  ];
}
