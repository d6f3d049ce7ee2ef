/** What does not fit a cluster is refused at its start, before it serves anything, with a message that says what to do. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Etcd, etcdMissing, startEtcd } from "../control/etcd-process.js";
import { freshDirectory, runCommand, type ServerProcess, serverFlags, startServer } from "../node/server-process.js";

const skip = etcdMissing;
const SMALL: readonly string[] = ["--shards", "2", "--workers", "1", "--stores", "1"];

let running: { readonly etcd: Etcd; readonly node: ServerProcess; readonly dataDir: string } | undefined;

before(async () => {
  if (skip !== false) return;
  const [etcd, dataDir] = [await startEtcd(), freshDirectory()];
  const node = await startServer({ dataDir, flags: [...SMALL, ...memberOf(etcd, "one")] });
  running = { etcd, node, dataDir };
});

after(async () => {
  await running?.etcd.stop();
});

function parts(): NonNullable<typeof running> {
  assert.ok(running !== undefined, "the cluster runs");
  return running;
}

function memberOf(etcd: Etcd, name: string): readonly string[] {
  const key = ["--cluster-key", "a-key-of-these-tests", "--listen-peer-base", "0"];
  return ["--cluster-etcd", etcd.endpoints.join(","), "--cluster-name", name, "--cluster-replicas", "1", ...key];
}

/** Starts a server that has to refuse; answers what it says. */
async function refusal(dataDir: string, ...flags: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await runCommand([...serverFlags(dataDir, flags)]);
  assert.notEqual(exitCode, 0, stdout);
  return `${stdout}${stderr}`;
}

test("a data directory that is in use is refused, and its process is named", { skip }, async () => {
  const { dataDir, node, etcd } = parts();
  const said = await refusal(dataDir, ...SMALL, ...memberOf(etcd, "one"));
  assert.match(said, /data-dir-in-use/);
  assert.match(said, new RegExp(`process ${node.pid}`));
});

test("other facts than the cluster's are refused, and what to set is said", { skip }, async () => {
  const { etcd } = parts();
  const of = memberOf(etcd, "one");
  const said = await refusal(freshDirectory(), "--shards", "4", "--workers", "2", "--stores", "1", ...of);
  assert.match(said, /shards is 2 in the cluster and 4 here: set node\.shards to the cluster's number/);
  assert.match(said, /workers is 1 in the cluster and 2 here: set node\.workers/);
});

test("a node that was alone can't join a cluster that has locks of its own", { skip }, async () => {
  const dataDir = freshDirectory();
  const alone = await startServer({ dataDir, flags: SMALL });
  await alone.stop();
  const said = await refusal(dataDir, ...SMALL, ...memberOf(parts().etcd, "one"));
  assert.match(
    said,
    /its data directory was made for another cluster: start it with the directory of this one, or empty/,
  );
});

test("a member's directory serves neither alone nor under another cluster's name", { skip }, async () => {
  const { etcd, node, dataDir } = parts();
  await startServer({ flags: [...SMALL, ...memberOf(etcd, "two")] });
  await node.stop();
  assert.match(
    await refusal(dataDir, ...SMALL),
    /start the node with cluster\.etcd, or with another, empty data directory/,
  );
  const said = await refusal(dataDir, ...SMALL, ...memberOf(etcd, "two"));
  assert.match(said, /control-plane-is-another/);
  assert.match(said, /check the endpoints and the cluster's name/);
});
