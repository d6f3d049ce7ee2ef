/**
 * What one store's log carries: commits and bytes a second, the time from append to onCommitted, and the processor time
 * of a commit, with two batches in flight as a worker has them; then the speed of a recovery.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Store } from "../src/log/store.js";

const SECONDS = 3;
const IN_FLIGHT = 2;

/** Prints one line for each size of batch, and one for the recovery. */
export async function logBench(): Promise<void> {
  for (const kilobytes of [4, 40, 400]) {
    const directory = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
    try {
      await measureCommits(directory, kilobytes * 1000);
      await measureRecovery(directory);
    } finally {
      rmSync(directory, { recursive: true });
    }
  }
}

function options(directory: string): Parameters<typeof Store.open>[0] {
  return { file: join(directory, "store.db"), storeIndex: 0, clusterId: "bench", era: 0, create: true };
}

async function measureCommits(directory: string, size: number): Promise<void> {
  const store = await Store.open(options(directory));
  const body = new Uint8Array(size).map((_, index) => index * 31);
  const sentMs: number[] = [];
  const latenciesMs: number[] = [];
  const cpuBefore = process.cpuUsage();
  const startMs = performance.now();
  await new Promise<void>((resolve) => {
    let submitted = 0;
    let answered = 0;
    const submit = (): void => {
      while (submitted - answered < IN_FLIGHT) {
        sentMs.push(performance.now());
        submitted = store.append(body, 0, size, Date.now());
        store.flush();
      }
    };
    store.onCommitted = (): void => {
      const nowMs = performance.now();
      for (; answered < store.committedSeq; answered++) latenciesMs.push(nowMs - (sentMs[answered] ?? nowMs));
      if (nowMs - startMs < SECONDS * 1000) submit();
      else if (store.idle) resolve();
    };
    submit();
  });
  const seconds = (performance.now() - startMs) / 1000;
  const cpu = process.cpuUsage(cpuBefore);
  const { commits, bytes, copyBacks, copyBackMicrosMax, walBytes } = store.stats();
  latenciesMs.sort((a, b) => a - b);
  const at = (part: number): string => (latenciesMs[Math.floor(latenciesMs.length * part)] ?? 0).toFixed(2);
  console.log(
    `log ${size / 1000} kB: ${Math.round(commits / seconds)} commits/s, ${Math.round(latenciesMs.length / seconds)} batches/s, ` +
      `${(bytes / seconds / 1e6).toFixed(1)} MB/s, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(0.99999)} ms, ` +
      `${((cpu.user + cpu.system) / commits).toFixed(0)} us of processor a commit, ${copyBacks} copy-backs of at most ` +
      `${(copyBackMicrosMax / 1000).toFixed(1)} ms, WAL ${(walBytes / 1e6).toFixed(1)} MB`,
  );
  await store.close();
}

async function measureRecovery(directory: string): Promise<void> {
  const store = await Store.open(options(directory));
  let bytes = 0;
  const startMs = performance.now();
  await store.recover({
    page: (_key, body) => {
      bytes += body.length;
    },
    batch: (_seq, _wall, body) => {
      bytes += body.length;
    },
  });
  const seconds = (performance.now() - startMs) / 1000;
  console.log(`log recovery: ${(bytes / 1e6).toFixed(0)} MB at ${(bytes / 1e6 / seconds).toFixed(0)} MB/s`);
  await store.close();
}
