/**
 * A process that appends to a store and says on its standard output what is committed, until somebody kills it or its
 * disk fails: `append-child.js DIRECTORY`. Each line is a seq that was acknowledged, or `fault CODE`.
 */
import { writeSync } from "node:fs";
import { Store } from "../../src/log/store.js";
import { StoreFault } from "../../src/log/store-fault.js";
import { optionsIn } from "./fresh-store.js";
import { bodyOf, pageKeyOf } from "./killed-bodies.js";

const BATCHES_MAX = 20_000;

async function main(directory: string): Promise<void> {
  const store = await Store.open(optionsIn(directory, { copyBackBytes: 200_000, retainBytes: 500_000 }));
  store.onFailed = fail;
  await store.recover({ page: () => undefined, batch: () => undefined });
  let seq = store.info.lastSeq;
  const submit = (): void => {
    for (let n = 0; n < 3; n++) {
      const body = bodyOf(seq + 1);
      seq = store.append(body, 0, body.length, Date.now());
      store.writePage(pageKeyOf(seq), body, 0, body.length);
      if (seq % 50 === 0) store.setReplayFrom(seq - 20);
    }
    store.flush();
  };
  store.onCommitted = (): void => {
    writeSync(1, `${store.committedSeq}\n`);
    if (seq > BATCHES_MAX) process.exit(0);
    if (store.committedSeq >= seq - 3) submit();
  };
  submit();
}

function fail(error: unknown): void {
  writeSync(1, `fault ${error instanceof StoreFault ? error.code : String(error)}\n`);
  process.exit(3);
}

await main(process.argv[2] ?? "").catch(fail);
