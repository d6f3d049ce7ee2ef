/**
 * What the library takes of the machine below: modules of Node where there are any, without a word of import, because an
 * import of `node:os` would keep the whole library out of a browser.
 */
import type { OpenWire } from "./wire.js";

/** What one reading of the machine's clocks says, in milliseconds from whenever each began. */
export interface Readings {
  readonly monotonicMs: number;
  readonly bootMs: number;
  readonly wallMs: number;
}

/** Other runtimes have parts of Node's process, and a page may have anything under its name. */
interface Host {
  readonly process?: { readonly versions?: { readonly node?: string }; readonly env?: NodeJS.ProcessEnv };
  readonly Deno?: unknown;
  readonly Bun?: unknown;
}

const host: Host = globalThis;

/** Node's process; undefined in browsers, and where another runtime only looks like Node. */
export function nodeProcess(): NodeJS.Process | undefined {
  const isNode = host.Deno === undefined && host.Bun === undefined && host.process?.versions?.node !== undefined;
  return isNode ? process : undefined;
}

const os = nodeProcess()?.getBuiltinModule("node:os");

/** The machine's clocks. A platform without a boot clock has two: a page is stopped with its machine, not by itself. */
export function readMachineClocks(): Readings {
  const monotonicMs = performance.now();
  return { monotonicMs, bootMs: os === undefined ? monotonicMs : os.uptime() * 1000, wallMs: Date.now() };
}

/** The way to connect on this platform. */
export async function wiresOfPlatform(): Promise<OpenWire> {
  if (nodeProcess() === undefined) return (await import("./wire-standard.js")).openStandardWire;
  return (await import("./wire-node.js")).openNodeWire;
}

/** A variable of the environment, where there is one. */
export function environmentVariable(name: string): string | undefined {
  return host.process?.env?.[name];
}

/** A timer that does not keep a program alive. */
export type Timer = ReturnType<typeof setTimeout>;

/** As `unref` in Node: a program that has nothing else to do may end. Browsers have no such thing, and need none. */
export function letGo(timer: Timer): Timer {
  if (typeof timer === "object" && "unref" in timer) timer.unref();
  return timer;
}

/** Runs `task` behind what this turn of the event loop has read: one frame then has all that the turn asks. */
export const soon: (task: () => void) => void = makeSoon();

/** As every platform has it; TypeScript knows Node's only. */
interface Port {
  onmessage: (() => void) | null;
  postMessage(message: null): void;
}

declare const MessageChannel: new () => { readonly port1: Port; readonly port2: Port };

function makeSoon(): (task: () => void) => void {
  if (typeof setImmediate === "function") {
    return (task) => {
      setImmediate(task);
    };
  }
  const channel = new MessageChannel(); // A timer of 0 ms waits for 4 ms where timers nest.
  const tasks: (() => void)[] = [];
  channel.port1.onmessage = () => tasks.shift()?.();
  return (task) => {
    tasks.push(task);
    channel.port2.postMessage(null);
  };
}
