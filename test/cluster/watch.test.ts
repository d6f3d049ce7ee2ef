/** Watches of three real nodes: each event is told once and in order, whoever is killed, and nothing that was taken back. */
import assert from "node:assert/strict";
import { get } from "node:http";
import { after, test } from "node:test";
import { Holdfast, type WatchEvent } from "../../src/client/index.js";
import { etcdMissing } from "../control/etcd-process.js";
import { until } from "../node/server-process.js";
import { RealCluster } from "./real-cluster.js";

/** Enough that every one of the eight shards has some. */
const NAMES: readonly string[] = Array.from({ length: 32 }, (_, index) => `orders:${index}`);
/** Taken until each watch tells of it: it has begun then. */
const PROBE = "orders:probe";
const ROUNDS_BEFORE = 2;
const ROUNDS_AFTER = 2;
const PATIENCE = "60s";

const clusters = new Set<RealCluster>();
const clients = new Set<Holdfast>();
after(async () => {
  for (const client of clients) await client.close();
  for (const cluster of clusters) await cluster.stop();
});

interface Told {
  readonly kind: string;
  readonly resource: string;
  readonly token: number;
}

/** What one watch was told, by resource, in its order. */
class Heard {
  readonly #of = new Map<string, string[]>();
  /** Probes left out. */
  count = 0;

  take({ kind, resource, token }: Told): void {
    assert.notEqual(kind, "resync", "nothing of the log is gone");
    const told = this.#of.get(resource) ?? [];
    told.push(`${kind} ${token}`);
    this.#of.set(resource, told);
    if (resource !== PROBE) this.count++;
  }

  of(resource: string): readonly string[] {
    return this.#of.get(resource) ?? [];
  }
}

/** Reads a watch until it was told so many events. */
async function hear(events: AsyncIterable<WatchEvent>, count: number, heard: Heard): Promise<Heard> {
  for await (const event of events) {
    assert.ok(event.kind !== "resync", "nothing of the log is gone");
    heard.take(event);
    if (heard.count >= count) break;
  }
  return heard;
}

/** `GET /v1/watch` of one node, until it is told so many events; what comes behind the id of the last is asked for anew. */
class HttpWatch {
  readonly heard = new Heard();
  #id = "";
  #text = "";

  /** Resolves when the stream has begun. */
  async begin(address: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const headers = this.#id === "" ? {} : { "Last-Event-ID": this.#id };
      const request = get(`http://${address}/v1/watch?pattern=orders:*`, { headers }, (response) => {
        response.setEncoding("utf8");
        if (response.statusCode !== 200) {
          response.once("data", (piece: string) => {
            reject(new Error(`${String(response.statusCode)}: ${piece}`));
          });
          return;
        }
        response.on("data", (piece: string) => {
          this.#take(piece);
        });
        response.on("error", () => undefined); // Its node was killed.
        resolve();
      });
      request.on("error", reject);
    });
  }

  #take(piece: string): void {
    this.#text += piece;
    const blocks = this.#text.split("\n\n");
    this.#text = blocks.pop() ?? "";
    for (const block of blocks) {
      const lines = new Map(block.split("\n").map((line) => [line.split(": ")[0], line.slice(line.indexOf(": ") + 2)]));
      this.#id = lines.get("id") ?? this.#id;
      const data: unknown = JSON.parse(lines.get("data") ?? "null");
      if (isTold(data)) this.heard.take(data);
    }
  }
}

function isTold(data: unknown): data is Told {
  return typeof data === "object" && data !== null && "kind" in data && "resource" in data && "token" in data;
}

/** Takes and gives each of the names so often, one after the other; the tokens by name. */
async function takeAndGive(client: Holdfast, rounds: number, tokens: Map<string, number[]>): Promise<void> {
  await Promise.all(
    NAMES.map(async (name) => {
      for (let round = 0; round < rounds; round++) {
        const lock = await client.acquire(name, { wait: "1m" });
        tokens.set(name, [...(tokens.get(name) ?? []), lock.token]);
        await lock.release();
      }
    }),
  );
}

function assertAll(heard: Heard, tokens: ReadonlyMap<string, readonly number[]>, who: string): void {
  for (const name of NAMES) {
    const all = tokens.get(name)?.flatMap((token) => [`granted ${token}`, `released ${token}`]);
    assert.deepEqual(heard.of(name), all, `${who}: each event of ${name} once, in order, and no other`);
  }
}

test("watches ride through kill -9 of a primary: each event once, in order, none missing and none invented", {
  skip: etcdMissing,
}, async () => {
  const cluster = await RealCluster.start();
  clusters.add(cluster);
  const connect = async (url: string): Promise<Holdfast> => {
    const client = await Holdfast.connect({ url, answerWithin: PATIENCE, ttl: "2m" });
    clients.add(client);
    return client;
  };
  const [writer, elsewhere] = await Promise.all([connect(cluster.url), connect(cluster.url)]);
  const perNode = await Promise.all(cluster.running.map(([, node]) => connect(`holdfast://${node.address}`)));
  const total = NAMES.length * (ROUNDS_BEFORE + ROUNDS_AFTER) * 2;
  const [survivor] = perNode;
  assert.ok(survivor !== undefined);
  // One stays at its node, whose shards come and go; one is at any node, perhaps at the one that is killed; one is a stream.
  const heards = [new Heard(), new Heard()];
  const listening = [survivor, elsewhere].map(async (client, index) => {
    const heard = heards[index];
    assert.ok(heard !== undefined);
    return hear(client.watch("orders:*"), total, heard);
  });
  const stream = new HttpWatch();
  await stream.begin(cluster.node(1).address);
  const tokens = new Map<string, number[]>();
  await until("the watches have begun", async () => {
    await (await writer.acquire(PROBE)).release();
    return heards.every((heard) => heard.of(PROBE).length > 0);
  });

  await takeAndGive(writer, ROUNDS_BEFORE, tokens);
  const goingOn = takeAndGive(writer, ROUNDS_AFTER, tokens);
  await until("they are taken again", () => [...tokens.values()].some(({ length }) => length > ROUNDS_BEFORE));
  await cluster.kill(1);
  await stream.begin(cluster.node(2).address);
  await goingOn;

  await Promise.all(listening);
  await until(`the stream has told ${total} events`, () => stream.heard.count >= total);
  for (const [index, heard] of heards.entries()) assertAll(heard, tokens, `watch ${index}`);
  assertAll(stream.heard, tokens, "stream");
  await Promise.all([writer, elsewhere, ...perNode].map((client) => client.close()));
});
