/** What a system must offer to be measured beside the others, and what one measurement tells. */

/** The works that all systems do. */
export type WorkName = "acquire+release" | "hand-over" | "held and renewed";

/** One work at one size. `connections` × `depth` is `outstanding`, for those whose protocol has pipelines. */
export interface Work {
  readonly name: WorkName;
  readonly outstanding: number;
  readonly connections: number;
  readonly depth: number;
}

/** What one round of a work has shown: acquires and releases (or hand-overs, or renewals) in a second. */
export interface Measured {
  readonly opsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly errors: number;
}

/** A system that runs. */
export interface RunningPeer {
  /** `undefined`: it has nothing like this work. */
  measure(work: Work, seconds: number): Promise<Measured | undefined>;
  stop(): Promise<void>;
}

/** A system at one setting. */
export interface Peer {
  /** How PART and the rows call it. */
  readonly system: string;
  readonly replicas: number;
  /** What an answer means for a power cut. */
  readonly durability: string;
  /** What it does not promise at this setting. */
  readonly lacks: readonly string[];
  /** Server, client and their settings, for its friends to judge. */
  readonly settings: string;
  /** Debian's packages that it needs. */
  readonly packages: readonly string[];
  version(): string;
  /** Compiles its client. */
  prepare(): void;
  /** Starts it with nothing in it, below `directory`. */
  start(directory: string): Promise<RunningPeer>;
}

/** All works, in the order in which a round does them. */
export const works: readonly Work[] = [
  { name: "acquire+release", outstanding: 1, connections: 1, depth: 1 },
  { name: "acquire+release", outstanding: 64, connections: 4, depth: 16 },
  { name: "acquire+release", outstanding: 512, connections: 32, depth: 16 },
  { name: "hand-over", outstanding: 16, connections: 16, depth: 1 },
  { name: "held and renewed", outstanding: 200, connections: 4, depth: 50 },
];

/** How the clients in C++, Go and Java are told what to do. */
export function clientWords(work: Work, seconds: number): readonly string[] {
  const kinds: Readonly<Record<WorkName, string>> = {
    "acquire+release": "uncontended",
    "hand-over": "handover",
    "held and renewed": "held",
  };
  const size = ["--connections", `${work.connections}`, "--depth", `${work.depth}`];
  return ["--work", kinds[work.name], ...size, "--seconds", `${seconds}`];
}
