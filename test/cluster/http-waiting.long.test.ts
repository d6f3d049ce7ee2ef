/** An acquire over HTTP that waits while the primary of its shard is killed: it keeps its place, and is granted once. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Holdfast } from "../../src/client/index.js";
import { etcdMissing } from "../control/etcd-process.js";
import { ask } from "../worker/http-client.js";
import { RealCluster } from "./real-cluster.js";

/** Enough that the node that is killed has some. */
const NAMES: readonly string[] = Array.from({ length: 16 }, (_, index) => `mail:${index}`);

const clusters = new Set<RealCluster>();
after(async () => {
  for (const cluster of clusters) await cluster.stop();
});

test("POST /v1/acquire with a wait rides through kill -9 of a primary: it keeps its place and is granted in turn", {
  skip: etcdMissing,
}, async () => {
  const cluster = await RealCluster.start();
  clusters.add(cluster);
  const holder = await Holdfast.connect({ url: cluster.url, answerWithin: "60s", ttl: "2m" });
  const held = await Promise.all(NAMES.map((name) => holder.acquire(name)));
  const granted: string[] = [];
  const waitOf = (who: string): Promise<readonly number[]> =>
    Promise.all(
      NAMES.map(async (resource) => {
        const heard = await ask(cluster.node(0), "POST /v1/acquire", { resource, ttl: "1m", wait: "2m" });
        assert.equal(heard.status, 200, heard.text);
        const token = Number(heard.body["token"]);
        granted.push(`${who} ${resource}`);
        await ask(cluster.node(0), "POST /v1/release", { resource, token });
        return token;
      }),
    );
  const firsts = waitOf("first");
  await cluster.allWait(holder, NAMES, 1);
  const seconds = waitOf("second");
  await cluster.allWait(holder, NAMES, 2);

  await cluster.kill(1);
  await Promise.all(held.map((lock) => lock.release()));

  const tokens = await Promise.all([firsts, seconds]);
  for (const [index, name] of NAMES.entries()) {
    const [first = 0, second = 0] = tokens.map((of) => of[index]);
    assert.ok((held[index]?.token ?? 0) < first && first < second, `INV-6: ${name} is granted in turn`);
    assert.ok(granted.indexOf(`first ${name}`) < granted.indexOf(`second ${name}`));
    assert.equal((await holder.check(name)).holders.length, 0, `INV-7: nothing of ${name} is left behind`);
  }
  await holder.close();
});
