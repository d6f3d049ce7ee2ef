/**
 * Hunts one mutant: seeds of the simulator one after the other, a bound of the explorer, or a test of an adapter, until
 * something fails. A seed counts only if the code without the bug bears it, and a check only if the mutant names it.
 */
import { type ChildProcess, execFile, fork } from "node:child_process";
import { join } from "node:path";
import { root } from "../house/house.js";
import { drawSwarm, type Profile } from "../simulator/world/swarm.js";
import { type Mutant, type Net, toldNet } from "./mutant.js";
import { dropTree, makeTree } from "./scratch-tree.js";

/** What came of a hunt. */
export interface Hunted {
  readonly mutant: Mutant;
  /** What has found it; "" if nothing has. */
  readonly by: string;
  /** Seeds that it took, or that were in vain; of the other nets 1. */
  readonly seeds: number;
  /** Checks that failed, but are not those that the mutant must break, with the number of their seeds. */
  readonly others: ReadonlyMap<string, number>;
}

/** How far to go. */
export interface HuntBounds {
  readonly firstSeed: number;
  readonly seedsMax: number;
}

/** A seed, a bound or a test that has not ended by then never will. */
const ENDLESS_MS = 120_000;
const OUTPUT_BYTES_MAX = 2 ** 26;

/** Hunts a mutant. @throws Error if its lines are no longer in the source */
export async function hunt(mutant: Mutant, bounds: HuntBounds): Promise<Hunted> {
  const tree = makeTree(mutant);
  try {
    const { net } = mutant;
    if (net.kind === "simulator") return await huntBySeeds(mutant, net, tree, bounds);
    const said = net.kind === "explorer" ? await explored(tree, net.bound) : await tested(tree, net.file);
    const found = said.find((line) => mutant.breaks.some((one) => line.includes(one)));
    const others = new Map(found === undefined ? said.map((line) => [line, 1]) : []);
    return { mutant, by: found ?? "", seeds: 1, others };
  } finally {
    dropTree(tree);
  }
}

/** A process that runs seeds with one tree. */
class SeedRunner {
  readonly #script: string;
  #child: ChildProcess | undefined;

  constructor(tree: string) {
    this.#script = join(tree, "dist/test/simulator/seeds-child.js");
  }

  /** The check that failed; "" for none. */
  run(seed: number, profile: Profile): Promise<string> {
    this.#child ??= fork(this.#script, { stdio: ["ignore", "ignore", "ignore", "ipc"] });
    const child = this.#child;
    return new Promise((resolve) => {
      const end = (check: string): void => {
        clearTimeout(watchdog);
        child.removeAllListeners();
        if (check === "endless" || check === "crash") this.stop();
        resolve(check);
      };
      const watchdog = setTimeout(() => end("endless"), ENDLESS_MS);
      child.on("message", (message: unknown) => end(checkIn(message)));
      child.on("exit", () => end("crash"));
      child.send({ seed, profile });
    });
  }

  stop(): void {
    this.#child?.kill("SIGKILL");
    this.#child = undefined;
  }
}

/** The invariant in what a process that runs seeds answers. */
function checkIn(message: unknown): string {
  if (typeof message !== "object" || message === null || !("failure" in message)) return "crash";
  const { failure } = message;
  if (typeof failure !== "object" || failure === null || !("invariant" in failure)) return "";
  return typeof failure.invariant === "string" ? failure.invariant : "crash";
}

type Simulator = Extract<Net, { readonly kind: "simulator" }>;

/** Whether a seed has what can find it at all. */
function hasNeeds(seed: number, { profile, needs }: Simulator): boolean {
  if (needs.length === 0) return true;
  const { faults, operations } = drawSwarm(seed, profile);
  const drawn: Readonly<Record<string, number>> = { ...faults, ...operations };
  return needs.every((name) => (drawn[name] ?? 0) > 0);
}

async function huntBySeeds(
  mutant: Mutant,
  net: Simulator,
  tree: string,
  { firstSeed, seedsMax }: HuntBounds,
): Promise<Hunted> {
  const { profile } = net;
  const others = new Map<string, number>();
  const mutants = new SeedRunner(tree);
  const plain = new SeedRunner(root);
  try {
    for (let seeds = 1; seeds <= seedsMax; seeds++) {
      const seed = firstSeed + seeds - 1;
      if (!hasNeeds(seed, net)) continue;
      const check = await mutants.run(seed, profile);
      if (check === "") continue;
      const isAnyway = (await plain.run(seed, profile)) !== "";
      if (!isAnyway && mutant.breaks.includes(check)) return { mutant, by: check, seeds, others };
      const what = isAnyway ? "fails without it, too" : check;
      others.set(what, (others.get(what) ?? 0) + 1);
    }
    return { mutant, by: "", seeds: seedsMax, others };
  } finally {
    mutants.stop();
    plain.stop();
  }
}

interface Ended {
  readonly isRight: boolean;
  readonly stdout: string;
}

function ended(tree: string, args: readonly string[]): Promise<Ended> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => name !== "NODE_TEST_CONTEXT"));
  const options = { cwd: tree, env, maxBuffer: OUTPUT_BYTES_MAX, timeout: 5 * ENDLESS_MS };
  return new Promise((resolve) => {
    execFile(process.execPath, args, options, (error, stdout) => resolve({ isRight: error === null, stdout }));
  });
}

/** What breaks in a bound; nothing if it is explored to its end. */
async function explored(tree: string, bound: string): Promise<readonly string[]> {
  const { stdout } = await ended(tree, ["dist/test/model/explore-child.js", bound]);
  const told: unknown = JSON.parse(stdout);
  if (typeof told !== "object" || told === null || !("broken" in told)) throw new Error(`${bound}: ${stdout}`);
  const { broken } = told;
  if (typeof broken !== "object" || broken === null || !("what" in broken)) return [];
  return [String(broken.what)];
}

/** The names of the tests that fail in a file; that all pass without the bug, the default tests show. */
async function tested(tree: string, file: string): Promise<readonly string[]> {
  const { isRight, stdout } = await ended(tree, ["--test", "--test-reporter=tap", `dist/test/${file}.js`]);
  const names = [...stdout.matchAll(/^\s*not ok \d+ - (.*)$/gm)].map(([, name = ""]) => name);
  return isRight ? [] : names;
}

/** A line about a hunt, for people. */
export function toldHunt({ mutant, by, seeds, others }: Hunted): string {
  const aside = [...others].map(([check, count]) => `${check} ${count}×`).join(", ");
  const cells = [mutant.name, toldNet(mutant.net), by === "" ? "NOT FOUND" : by, String(seeds), aside];
  return `| ${cells.join(" | ")} |`;
}
