/** Many seeds on many cores: hands them out to children one by one and adds up what comes back. */
import { fork, type ChildProcess } from "node:child_process";
import type { Failure } from "./run.js";
import { PROFILES, type Profile } from "./world/swarm.js";

/** What a child answers for one seed. */
export interface SeedAnswer {
  readonly seed: number;
  readonly digest: string;
  readonly simulatedSeconds: number;
  readonly failOvers: number;
  readonly operations: number;
  readonly answers: number;
  readonly failure: Failure | null;
  /** Interesting states that were seen. */
  readonly states: readonly string[];
}

/** What is wanted. */
export interface SeedsWanted {
  readonly firstSeed: number;
  /** At most so many. */
  readonly seedCountMax: number;
  /** No seed is begun after so many milliseconds. */
  readonly durationMs: number;
  readonly processes: number;
  readonly profile: Profile;
}

/** What came of all. */
export interface SeedsDone {
  readonly answers: readonly SeedAnswer[];
  readonly failures: readonly SeedAnswer[];
  /** In how many seeds each interesting state was seen. */
  readonly states: ReadonlyMap<string, number>;
}

/** Whether that is the name of a profile. */
export function isProfile(name: string): name is Profile {
  return name in PROFILES;
}

/** A seed that takes longer than this is endless: it is told as a failure, and its process ended. */
const ENDLESS_MS = 120_000;

/** Runs seeds until time or number is over. */
export async function runSeeds(wanted: SeedsWanted): Promise<SeedsDone> {
  const endAt = performance.now() + wanted.durationMs;
  const answers: SeedAnswer[] = [];
  let next = 0;
  const takeSeed = (): number | undefined =>
    next < wanted.seedCountMax && performance.now() < endAt ? wanted.firstSeed + next++ : undefined;
  const children = Array.from({ length: wanted.processes }, () => {
    return fork(new URL("./seeds-child.js", import.meta.url), { execArgv: ["--enable-source-maps"] });
  });
  try {
    await Promise.all(children.map((child) => feed(child, { takeSeed, profile: wanted.profile, answers })));
  } finally {
    for (const child of children) if (child.connected) child.disconnect();
  }
  const states = new Map<string, number>();
  for (const answer of answers) for (const state of answer.states) states.set(state, (states.get(state) ?? 0) + 1);
  return { answers, failures: answers.filter(({ failure }) => failure !== null), states };
}

interface Feeding {
  readonly takeSeed: () => number | undefined;
  readonly profile: Profile;
  readonly answers: SeedAnswer[];
}

/** Gives one child a seed after the other. */
function feed(child: ChildProcess, { takeSeed, profile, answers }: Feeding): Promise<void> {
  return new Promise((resolve, reject) => {
    const give = (): void => {
      const seed = takeSeed();
      if (seed === undefined) return resolve();
      child.send({ seed, profile });
      watchdog = setTimeout(() => {
        answers.push(endless(seed));
        resolve();
        child.kill("SIGKILL");
      }, ENDLESS_MS);
    };
    let watchdog: NodeJS.Timeout | undefined;
    child.on("message", (message: unknown) => {
      clearTimeout(watchdog);
      if (isAnswer(message)) answers.push(message);
      give();
    });
    child.on("error", reject);
    child.on("exit", (code) => reject(new Error(`a process that runs seeds ended with ${code ?? "a signal"}`)));
    give();
  });
}

function endless(seed: number): SeedAnswer {
  const failure = { invariant: "endless", message: `endless: it has not ended within ${ENDLESS_MS} ms` };
  return { seed, digest: "", simulatedSeconds: 0, failOvers: 0, operations: 0, answers: 0, failure, states: [] };
}

function isAnswer(message: unknown): message is SeedAnswer {
  return typeof message === "object" && message !== null && "digest" in message && "states" in message;
}
