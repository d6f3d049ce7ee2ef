/**
 * How long a fault keeps clients waiting: from the fault to the first new grant on every shard, as a caller of the library
 * sees it, while other callers go on asking.
 */
import { env } from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { Holdfast, HoldfastError } from "../src/client/index.js";
import { ringOf } from "../src/placement/ring.js";
import { crc32 } from "../src/words/crc32.js";
import type { Cluster } from "./cluster-nodes.js";
import { below, type Figure, isQuick, spreadOf, told } from "./results.js";
import { kill, stop } from "./server.js";

const SHARDS = 64;
const LANES = 64;
const FAULTS: number = Number(env["FAULTS"] ?? (isQuick ? 2 : 50));
/** Between two faults, so that who was away is in sync again. */
const REST_MS: number = isQuick ? 20_000 : 30_000;
const PATIENCE = "30s";

/** What was run. */
export const failOverCommand: string = `PART=failover FAULTS=${FAULTS} make bench-cluster`;

type Kind = "kill" | "silence" | "hand-over";

interface Bounds {
  readonly kind: Kind;
  readonly medianMs: number;
  readonly worstMs: number;
}
const KINDS: readonly Bounds[] = [
  { kind: "kill", medianMs: 500, worstMs: 1_000 },
  { kind: "silence", medianMs: 2_500, worstMs: 3_500 },
  { kind: "hand-over", medianMs: 200, worstMs: 200 },
];

/** All faults of all kinds, one after the other. */
export async function measureFailOver(cluster: Cluster): Promise<readonly Figure[]> {
  const url = `holdfast://${cluster.nodes.map(({ address }) => address).join(",")}`;
  const prober = await Holdfast.connect({ url, answerWithin: PATIENCE });
  const load = new Load(await Holdfast.connect({ url, answerWithin: PATIENCE }));
  const figures: Figure[] = [];
  for (const { kind, medianMs, worstMs } of KINDS) {
    const seen: number[] = [];
    load.reset();
    const beganMs = performance.now();
    for (let fault = 0; fault < FAULTS; fault++) {
      const ms = await oneFault(cluster, kind, { victim: fault % cluster.nodes.length, prober });
      console.log(`${kind} ${fault}: ${Math.round(ms)} ms`);
      seen.push(ms);
      await delay(REST_MS);
    }
    const { median, max } = spreadOf(seen);
    const seconds = (performance.now() - beganMs) / 1_000;
    figures.push(
      below(`${kind}: median of ${FAULTS}`, median, "ms", medianMs),
      below(`${kind}: worst of ${FAULTS}`, max, "ms", worstMs),
      told(`${kind}: operations of other callers meanwhile`, load.operations / seconds, "/s"),
      below(`${kind}: errors that they saw`, (load.errors / Math.max(1, load.operations)) * 100, "%", 0.01),
    );
  }
  await load.end();
  await prober.close();
  return figures;
}

async function oneFault(
  cluster: Cluster,
  kind: Kind,
  { victim, prober }: { readonly victim: number; readonly prober: Holdfast },
): Promise<number> {
  const node = cluster.nodes[victim];
  if (node === undefined) throw new Error(`there is no node ${victim}`);
  const names = namesOfShards();
  const beganMs = performance.now();
  const ending = kind === "kill" ? kill(node) : kind === "hand-over" ? stop(node) : void node.process.kill("SIGSTOP");
  const locks = await Promise.all(names.map((name) => prober.acquire(name, { wait: PATIENCE })));
  const ms = performance.now() - beganMs;
  await Promise.all(locks.map((lock) => lock.release()));
  await ending;
  if (kind === "silence") node.process.kill("SIGCONT");
  else await cluster.restart(victim);
  return ms;
}

let named = 0;

/** A new name in each shard. */
function namesOfShards(): readonly string[] {
  const ring = ringOf(SHARDS);
  const encoder = new TextEncoder();
  const names = new Map<number, string>();
  while (names.size < SHARDS) {
    named++;
    const name = `fail-over:${named}`;
    const bytes = encoder.encode(name);
    names.set(ring.shardOf(crc32(bytes, 0, bytes.length, 0)), name);
  }
  return [...names.values()];
}

/** Callers that acquire and release one after the other. */
class Load {
  readonly #client: Holdfast;
  readonly #lanes: Promise<void>;
  #isOver = false;
  operations = 0;
  errors = 0;

  constructor(client: Holdfast) {
    this.#client = client;
    this.#lanes = Promise.all(Array.from({ length: LANES }, (_, lane) => this.#run(lane))).then(() => undefined);
  }

  reset(): void {
    this.operations = 0;
    this.errors = 0;
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await this.#lanes;
    await this.#client.close();
  }

  async #run(lane: number): Promise<void> {
    for (let turn = 0; !this.#isOver; turn++) {
      try {
        const lock = await this.#client.acquire(`load:${lane}-${turn % 1_000}`);
        await lock.release();
        this.operations += 2;
      } catch (error) {
        if (!(error instanceof HoldfastError)) throw error;
        this.errors++;
      }
    }
  }
}
