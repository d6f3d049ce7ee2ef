/** What the tests of the log share: a store in a directory of its own, and waiting for a condition with a deadline. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { Store } from "../../src/log/store.js";
import type { StoreOptions } from "../../src/log/store-options.js";

/** A directory that goes when the test ends. */
export function freshDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-log-"));
  t.after(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

/** Options for store 0 of `directory`. */
export function optionsIn(directory: string, more: Partial<StoreOptions> = {}): StoreOptions {
  return { file: join(directory, "store-0.db"), storeIndex: 0, clusterId: "c0ffee", era: 0, create: true, ...more };
}

/** What a recovery gave. */
export interface Recovered {
  readonly pages: Map<number, string>;
  readonly batches: Map<number, string>;
}

/** Recovers all of `store`, bodies as latin1 text. */
export async function recoverAll(store: Store): Promise<Recovered> {
  const pages = new Map<number, string>();
  const batches = new Map<number, string>();
  await store.recover({
    page: (key, body) => pages.set(key, Buffer.from(body).toString("latin1")),
    batch: (seq, _wall, body) => batches.set(seq, Buffer.from(body).toString("latin1")),
  });
  return { pages, batches };
}

/** Waits until all that was written to `store` is on disk; throws its fault, or after ten seconds. */
export async function committed(store: Store): Promise<void> {
  store.flush();
  const deadlineMs = performance.now() + 10_000;
  while (!store.idle) {
    if (store.fault !== null) throw store.fault;
    if (performance.now() > deadlineMs) throw new Error(`not committed: ${store.committedSeq}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Appends `text` with one flush and waits for its commit. */
export async function appendText(store: Store, text: string, wall: number = Date.now()): Promise<number> {
  const body = Buffer.from(text, "latin1");
  const seq = store.append(body, 0, body.length, wall);
  await committed(store);
  return seq;
}

/** Writes a page whose body is `text`; it is submitted with the next flush. */
export function writeText(store: Store, key: number, text: string): void {
  const body = Buffer.from(text, "latin1");
  store.writePage(key, body, 0, body.length);
}

/**
 * Copies a directory as a power failure would leave it. By another process, because closing a database's file in this
 * one would drop SQLite's lock on it.
 */
export function crashImage(from: string, to: string): void {
  execFileSync("cp", ["-r", `${from}/.`, to]);
}

/** Opens the store of `directory`, uses it, and closes it whatever happens. */
export async function withStore<T>(options: StoreOptions, use: (store: Store) => Promise<T>): Promise<T> {
  const store = await Store.open(options);
  try {
    return await use(store);
  } finally {
    if (store.fault === null) await store.close();
  }
}
