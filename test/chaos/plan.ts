/** Which faults happen when, by seed: one to three at a time, of every kind that a run is long enough for. Pure. */
import type { Random } from "../tables/random.js";

/** What is done to the cluster. Parties are named `node-0`, `etcd-1`, `client-2`; `clients` are all of these. */
export type FaultKind =
  /** kill -9, and a start at the end. */
  | { readonly kind: "kill"; readonly target: string }
  /** SIGTERM, and a start at the end. */
  | { readonly kind: "restart"; readonly target: string }
  /** SIGSTOP, and SIGCONT at the end. */
  | { readonly kind: "pause"; readonly target: string }
  /** Bytes of one direction stay away. */
  | { readonly kind: "one-way"; readonly target: string; readonly to: string }
  /** Bytes of both directions stay away. */
  | { readonly kind: "partition"; readonly target: string; readonly to: string }
  /** Connections are reset, and none can be made. */
  | { readonly kind: "cut"; readonly target: string; readonly to: string }
  /** Nothing comes from the party to any other node or etcd, nor back. */
  | { readonly kind: "isolate"; readonly target: string }
  /** Late, thin, and in single bytes. */
  | { readonly kind: "slow"; readonly target: string; readonly to: string };

/** One fault of a plan. Times in milliseconds from the start of the run. */
export type Fault = FaultKind & { readonly fromMs: number; readonly toMs: number };

/** Who is there. */
export interface Parties {
  readonly nodes: readonly string[];
  readonly etcds: readonly string[];
  readonly clients: readonly string[];
}

const KINDS = ["kill", "restart", "pause", "one-way", "partition", "cut", "isolate", "slow"] as const;
const GAP_MS = { least: 500, most: 5_000 };
const AT_ONCE = 3;
/** Some faults are over before anybody has noticed, most are not, few are long. */
const SHORT_MS = 1_000;
const USUAL_MS = 6_000;

/** The faults of a run. The last third of a minute, or of the run, is for healing. */
export function planOf(
  random: Random,
  parties: Parties,
  run: { readonly ms: number; readonly longestMs: number },
): readonly Fault[] {
  const faults: Fault[] = [];
  const endMs = run.ms - Math.min(20_000, run.ms / 3);
  let left: (typeof KINDS)[number][] = [];
  for (let atMs = GAP_MS.least; ; atMs += GAP_MS.least + random.below(GAP_MS.most)) {
    const fromMs = atMs;
    if (fromMs >= endMs) return faults;
    const under = faults.filter(({ toMs }) => toMs > fromMs);
    if (under.length >= AT_ONCE) continue;
    if (left.length === 0) left = shuffled(random, KINDS);
    const kind = left.pop();
    if (kind === undefined) continue;
    const toMs = Math.min(endMs, fromMs + lengthOf(random, run.longestMs));
    const fault = faultOf(random, kind, parties);
    if (under.some((other) => other.target === fault.target && isOfProcess(other.kind) && isOfProcess(kind)))
      left.push(kind);
    else faults.push({ ...fault, fromMs, toMs });
  }
}

function isOfProcess(kind: string): boolean {
  return kind === "kill" || kind === "restart" || kind === "pause";
}

function lengthOf(random: Random, longestMs: number): number {
  const most = random.pick([SHORT_MS, USUAL_MS, USUAL_MS, longestMs]);
  return 100 + random.below(Math.min(most, longestMs));
}

function faultOf(random: Random, kind: (typeof KINDS)[number], { nodes, etcds, clients }: Parties): FaultKind {
  switch (kind) {
    case "kill":
    case "restart":
    case "isolate":
      return { kind, target: random.pick(nodes) };
    case "pause":
      return { kind, target: random.pick([...nodes, ...nodes, ...clients, ...etcds]) };
    case "one-way":
    case "partition":
    case "cut":
    case "slow": {
      const target = random.pick(nodes);
      const others = [...nodes.filter((node) => node !== target), random.pick(etcds), "clients"];
      return { kind, target, to: random.pick(others) };
    }
  }
}

function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const left = [...items];
  const mixed: T[] = [];
  while (left.length > 0) mixed.push(...left.splice(random.below(left.length), 1));
  return mixed;
}
