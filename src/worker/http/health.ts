/** Probes: /livez says that this thread runs, /readyz that every worker answers and the node is not going down. */
import { crc32 } from "../../words/crc32.js";
import { KIND_CHECK } from "../../words/kinds.js";
import type { Ring } from "../../placement/ring.js";
import type { Call } from "./call.js";
import { plain, type Reply } from "./reply.js";
import type { ProbeQuery } from "./requests.js";

const WITHIN_MS = 2_000;

interface Check {
  readonly name: string;
  /** What is wrong; undefined if nothing is. */
  readonly fault: string | undefined;
}

/** GET /livez. */
export function livez(): Promise<Reply> {
  return Promise.resolve(plain("ok\n"));
}

/** GET /readyz: each worker is asked about a resource that nobody has, through its turn and its shards. */
export async function readyz(call: Call, { verbose }: ProbeQuery): Promise<Reply> {
  const drain = { name: "drain", fault: call.desk.isDraining() ? "the node is going down" : undefined };
  const workers = call.desk.isDraining()
    ? []
    : await Promise.all(call.desk.probes.map((name, index) => probe(call, name, index)));
  const checks: readonly Check[] = [drain, ...workers];
  const isReady = checks.every(({ fault }) => fault === undefined);
  const shown = isReady && verbose === undefined ? [] : checks.map(lineOf);
  return {
    ...plain([...shown, isReady ? "ok" : "not ready", ""].join("\n"), isReady ? 200 : 503),
    headers: isReady ? {} : { "retry-after": "1" },
  };
}

/** A name in a shard of each worker, so that a question reaches it. Workers without shards have none. */
export function probesOf(ring: Ring, workerOfShard: Uint16Array): readonly string[] {
  const missing = new Set(workerOfShard);
  const names: string[] = [];
  for (let n = 0; missing.size > 0; n++) {
    const name = `holdfast:ready-${n}`;
    const bytes = Buffer.from(name);
    if (missing.delete(workerOfShard[ring.shardOf(crc32(bytes, 0, bytes.length, 0))] ?? 0)) names.push(name);
  }
  return names;
}

async function probe(call: Call, resource: string, index: number): Promise<Check> {
  const name = `worker-${index}`;
  const patience = new AbortController();
  const late = new Promise<string>((tell) => {
    const timer = setTimeout(() => {
      tell(`no answer within ${WITHIN_MS} ms`);
    }, WITHIN_MS);
    patience.signal.addEventListener("abort", () => {
      clearTimeout(timer);
    });
  });
  const answered = call.line.ask(KIND_CHECK, resource).then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
  const fault = await Promise.race([answered, late]);
  patience.abort();
  return { name, fault };
}

function lineOf({ name, fault }: Check): string {
  return fault === undefined ? `[+]${name} ok` : `[-]${name} failed: ${fault}`;
}
