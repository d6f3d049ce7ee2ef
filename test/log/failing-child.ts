/**
 * Two short lives of a store, one after the other, in a process whose disk may fail: `failing-child.js DIRECTORY`. What
 * it says on its standard output, a line each: a seq that was acknowledged; `fault CODE` and then, after it has asked
 * for more, `after SEQ`, which is what the failed store says is committed; `whole` at the end of both lives.
 */
import { writeSync } from "node:fs";
import { Store } from "../../src/log/store.js";
import { StoreFault } from "../../src/log/store-fault.js";
import { committed, optionsIn } from "./fresh-store.js";
import { bodyOf, pageKeyOf } from "./killed-bodies.js";

const LIVES = 2;
/** Commits in each life, of three batches and their pages each: enough for a copy-back, trimming and a new WAL. */
const COMMITS = 6;

async function live(directory: string): Promise<void> {
  const store = await Store.open(optionsIn(directory, { copyBackBytes: 100_000, retainBytes: 20_000 }));
  store.onCommitted = (): void => say(String(store.committedSeq));
  let isWritable = false;
  try {
    await store.recover({ page: () => undefined, batch: () => undefined });
    isWritable = true;
    for (let commit = 0; commit < COMMITS; commit++) {
      append(store);
      if (commit === 2) store.setReplayFrom(store.nextSeq - 4);
      store.setShard({ shard: 1, epoch: commit + 1, era: 0, config: "{}" });
      await committed(store);
    }
    await store.readLog(store.info.firstKept, 100_000);
    isWritable = false;
    await store.close();
  } catch (error) {
    if (isWritable) {
      append(store);
      store.flush();
    }
    await store.close().catch(() => undefined); // Ends when the thread has.
    sayFault(error);
    say(`after ${store.committedSeq}`);
    process.exit(3);
  }
}

function append(store: Store): void {
  for (let n = 0; n < 3; n++) {
    const seq = store.nextSeq;
    const body = bodyOf(seq);
    store.append(body, 0, body.length, Date.now());
    store.writePage(pageKeyOf(seq), body, 0, body.length);
  }
}

function say(line: string): void {
  writeSync(1, `${line}\n`);
}

function sayFault(error: unknown): void {
  say(`fault ${error instanceof StoreFault ? error.code : String(error)}`);
}

for (let life = 0; life < LIVES; life++) {
  await live(process.argv[2] ?? "").catch((error: unknown) => {
    sayFault(error); // It did not open.
    process.exit(3);
  });
}
say("whole");
