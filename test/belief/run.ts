/**
 * One batch of belief: client processes contend for few locks while, at random moments, one or the other is stopped, busy,
 * given strange clocks or a strange wire. All that they said and could have said is one history, which the checker judges:
 * at no moment do two say "held" (INV-4).
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { checkHistory, describe } from "../histories/check.js";
import { readHistoryFile } from "../histories/read-history.js";
import { freshDirectory, startServer, until } from "../node/server-process.js";
import { Random } from "../tables/random.js";
import { FakeClock } from "./fake-clock.js";
import { happen, type MomentKind, type Victim } from "./moments.js";
import { ERROR_NS, readTrueMs } from "./true-time.js";
import { type Asking, type BeliefTask, fromClient, type ToClient, type TrueClock } from "./words.js";
import { Wire } from "./wire.js";

/** What to run. */
export interface BeliefOptions {
  readonly seed: number;
  readonly moments: number;
  /** What may happen to each client process; its length is their number. */
  readonly parties: readonly (readonly MomentKind[])[];
  readonly asking: Asking;
  /** Hears what is done. */
  readonly say: (line: string) => void;
}

/** What came of it. */
export interface BeliefResult {
  readonly moments: number;
  /** Moments that met a client which said "held", or could have. */
  readonly met: number;
  /** Locks of those that another was granted before the moment had been over for a TTL. */
  readonly takenOver: number;
  readonly grants: number;
  readonly losses: number;
  readonly believed: number;
  readonly violations: readonly string[];
}

interface Moment {
  readonly client: number;
  readonly kind: MomentKind;
  /** Nanoseconds of the history. */
  readonly from: number;
  readonly to: number;
}

const CHILD = fileURLToPath(new URL("client-child.js", import.meta.url));
const TTL_MS = 500;
const SESSIONS = 2;
const PROCESSES_EACH = 1_000_000;
const PAUSE_MS_MAX = 400;
const NANOS_OF_MS = 1e6;

/** A client process. */
class Party implements Victim {
  readonly wire: Wire;
  readonly clock: FakeClock | undefined;
  readonly file: string;
  readonly #child: ChildProcess;
  isReady = false;
  isFinished = false;
  grants = 0;
  losses = 0;

  constructor(task: BeliefTask, wire: Wire, clock: FakeClock | undefined) {
    this.wire = wire;
    this.clock = clock;
    this.file = task.file;
    const env = { ...process.env, ...clock?.environment };
    this.#child = fork(CHILD, [JSON.stringify(task)], { env, stdio: ["ignore", "inherit", "inherit", "ipc"] });
    this.#child.on("message", (given) => {
      const message = fromClient.parse(given);
      if (message.kind === "ready") this.isReady = true;
      else ({ grants: this.grants, losses: this.losses } = message);
    });
    this.#child.once("close", () => {
      this.isFinished = true;
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
  beBusy(ms: number): void {
    this.tell({ kind: "busy", ms });
  }
  tell(message: ToClient): void {
    if (this.#child.connected) this.#child.send(message);
  }
  async end(): Promise<void> {
    if (!this.isFinished) {
      const closed = once(this.#child, "close");
      this.#child.kill("SIGKILL");
      await closed;
    }
    this.wire.end();
  }
}

/** Runs it. Whatever is wrong is in the result; what throws is the net's own fault. */
export async function runBelief(options: BeliefOptions): Promise<BeliefResult> {
  const random = new Random(options.seed);
  const directory = freshDirectory();
  const server = await startServer({ flags: ["--limits-ttl-min", "100ms", "--workers", "1", "--stores", "1"] });
  const trueClock = options.parties.some((kinds) => kinds.includes("suspended")) ? "uptime" : "monotonic";
  const originMs = readTrueMs(trueClock);
  const parties: Party[] = [];
  try {
    for (const [index, kinds] of options.parties.entries()) {
      const wire = await Wire.before(server.ports[0] ?? 0, new Random(random.bits()));
      const clock = clockFor(kinds, join(directory, `clock-${index}`));
      const name = `client-${index}`;
      const about = { url: wire.url, name, seed: random.bits(), file: join(directory, `${name}.jsonl`) };
      const size = {
        sessions: SESSIONS,
        resources: options.parties.length + 1,
        ttlMs: TTL_MS,
        firstProcess: index * PROCESSES_EACH,
      };
      parties.push(new Party({ ...about, ...size, asking: options.asking, trueClock, originMs }, wire, clock));
    }
    await until("the clients to be connected", () => parties.every(({ isReady }) => isReady));
    const moments = await doMoments(options, parties, random, () => (readTrueMs(trueClock) - originMs) * NANOS_OF_MS);
    await delay(TTL_MS);
    for (const party of parties) party.tell({ kind: "finish" });
    await until("the clients to end", () => parties.every(({ isFinished }) => isFinished));
    return await judge(directory, parties, moments, trueClock);
  } finally {
    await Promise.all(parties.map((party) => party.end()));
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

function clockFor(kinds: readonly MomentKind[], file: string): FakeClock | undefined {
  if (kinds.includes("suspended")) return new FakeClock(file, "all");
  return kinds.includes("wall-ahead") || kinds.includes("wall-back") ? new FakeClock(file, "wall") : undefined;
}

async function doMoments(
  { moments: wanted, parties: kinds, say }: BeliefOptions,
  parties: readonly Party[],
  random: Random,
  now: () => number,
): Promise<readonly Moment[]> {
  const moments: Moment[] = [];
  let begun = 0;
  const torment = async (party: Party, client: number): Promise<void> => {
    const dice = new Random(random.bits());
    const mine = kinds[client] ?? [];
    while (mine.length > 0 && begun < wanted) {
      begun++;
      await delay(dice.below(PAUSE_MS_MAX));
      const kind = dice.pick(mine);
      const from = now();
      await happen(kind, party, dice, TTL_MS);
      const to = now();
      moments.push({ client, kind, from, to });
      say(`client-${client} ${kind} for ${Math.round((to - from) / NANOS_OF_MS)} ms`);
    }
  };
  await Promise.all(parties.map((party, client) => torment(party, client)));
  return moments;
}

async function judge(
  directory: string,
  parties: readonly Party[],
  moments: readonly Moment[],
  trueClock: TrueClock,
): Promise<BeliefResult> {
  const all = join(directory, "all.jsonl");
  const lines = parties.flatMap(({ file }) => {
    const [, ...rest] = readFileSync(file, "utf8").split("\n");
    return rest.filter((line) => line !== "");
  });
  const faults = moments.map(({ client, kind, from, to }) =>
    JSON.stringify({ t: "fault", kind, target: `client-${client}`, from: Math.round(from), to: Math.round(to) }),
  );
  const header = {
    t: "history",
    version: 1,
    commit: "",
    seed: "",
    drift_ppm: 500,
    clock_error_ns: ERROR_NS[trueClock],
  };
  const written = [JSON.stringify(header), ...lines, ...faults];
  writeFileSync(all, written.map((line) => `${line}\n`).join(""));
  const violations = checkHistory(await readHistoryFile(all)).map((found) => {
    const { lines: numbers } = found;
    return [describe(found), ...numbers.map((number) => written[number - 1])].join("\n"); // The directory goes.
  });
  const sum = (of: (party: Party) => number): number => parties.reduce((total, party) => total + of(party), 0);
  const met = momentsMet(lines, moments);
  const seen = { grants: sum(({ grants }) => grants), losses: sum(({ losses }) => losses), violations };
  return { moments: moments.length, ...met, ...seen };
}

interface Belief {
  readonly process: number;
  readonly resource: string;
  readonly token: number;
  readonly from: number;
  readonly to: number;
}

/** That the run has shown something: whom its moments have met, and who was granted what they held. */
function momentsMet(
  lines: readonly string[],
  moments: readonly Moment[],
): Pick<BeliefResult, "met" | "takenOver" | "believed"> {
  const beliefs = lines.filter((line) => line.startsWith('{"t":"believe"')).map(parseBelief);
  let met = 0;
  let takenOver = 0;
  for (const { client, from, to } of moments) {
    const own = beliefs.filter((one) => Math.floor(one.process / PROCESSES_EACH) === client);
    const held = new Map(own.filter((one) => one.from <= from && one.to >= from).map((one) => [one.token, one]));
    if (held.size > 0) met++;
    for (const { resource, token } of held.values()) {
      const next = beliefs.some(
        (one) =>
          one.resource === resource && one.token > token && one.from > from && one.from < to + TTL_MS * NANOS_OF_MS,
      );
      if (next) takenOver++;
    }
  }
  return { met, takenOver, believed: beliefs.length };
}

function parseBelief(line: string): Belief {
  const [, process, resource = "", token, from, to] =
    /"process":(\d+),"resource":"([^"]*)","mode":"\w+","token":(\d+),"from":(-?\d+),"to":(-?\d+)/.exec(line) ?? [];
  return { process: Number(process), resource, token: Number(token), from: Number(from), to: Number(to) };
}
