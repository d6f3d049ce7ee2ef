/** Server-sent events: what happens on every worker, in one stream, and going on after a break. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { z } from "zod";
import { type ServerProcess, startServer, until } from "../node/server-process.js";
import { acquired, ask, open } from "./http-client.js";

let server: ServerProcess;

before(async () => {
  server = await startServer();
});
after(async () => {
  await server.stop();
});

interface Seen {
  readonly event: string;
  readonly id: string;
  readonly data: z.output<typeof dataSchema>;
}

const dataSchema = z.looseObject({
  kind: z.string(),
  resource: z.string().optional(),
  token: z.number().optional(),
  claims: z.array(z.looseObject({ resource: z.string() })).optional(),
});

/** A stream that is read as it comes. */
class Watching {
  readonly events: Seen[] = [];
  lastId = "";
  #tellComment: () => void = () => undefined;
  isEnded = false;
  readonly #stop: () => void;

  private constructor(stop: () => void) {
    this.#stop = stop;
  }

  static async begin(query: string, headers: Record<string, string> = {}): Promise<Watching> {
    const { request, response } = open(server, `GET /v1/watch?${query}`, undefined, headers);
    const stream = await response;
    assert.equal(stream.statusCode, 200);
    assert.equal(stream.headers["content-type"], "text/event-stream");
    const watching = new Watching(() => request.destroy());
    let text = "";
    stream.setEncoding("utf8");
    stream.on("data", (part: string) => {
      const blocks = (text + part).split("\n\n");
      text = blocks.pop() ?? "";
      for (const block of blocks) watching.#take(block);
    });
    stream.on("close", () => (watching.isEnded = true));
    await until("the stream to begin", () => watching.lastId !== "");
    return watching;
  }

  #take(block: string): void {
    if (block.startsWith(":")) this.#tellComment();
    const field = (name: string): string => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1] ?? "";
    if (field("id") !== "") this.lastId = field("id");
    if (field("data") !== "") {
      this.events.push({ event: field("event"), id: field("id"), data: dataSchema.parse(JSON.parse(field("data"))) });
    }
  }

  async until(count: number): Promise<void> {
    await until(`${count} events`, () => this.events.length >= count);
  }

  /** The next comment; polling for seconds would take the core that the server needs. */
  comment(): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => {
        reject(new Error("waited in vain for a comment"));
      }, 30_000);
      this.#tellComment = () => {
        clearTimeout(late);
        resolve();
      };
    });
  }

  stop(): void {
    this.#stop();
  }
}

test("a watch of a prefix tells what happens on every worker, in the order of each resource", async () => {
  const watching = await Watching.begin("pattern=seen:*");
  const names = Array.from({ length: 12 }, (_, n) => `seen:${n}`);
  for (const resource of names) {
    const token = await acquired(server, { resource });
    await ask(server, "POST /v1/release", { resource, token });
  }
  await acquired(server, { resource: "unseen:1" });
  await acquired(server, { resource: "seen:last" });
  await watching.until(25);
  for (const name of names) {
    const kinds = watching.events.filter(({ data }) => data.resource === name).map(({ event }) => event);
    assert.deepEqual(kinds, ["granted", "released"], name);
  }
  assert.equal(watching.events.length, 25);
  assert.ok(
    watching.events.every(({ event, data }) => event === data.kind && data.token !== undefined && data.token > 0),
  );
  watching.stop();
});

test("a watch of one resource tells of it alone, and of how it ended", async () => {
  const watching = await Watching.begin("pattern=one:1");
  await acquired(server, { resource: "one:12" });
  await acquired(server, { resource: "one:1" });
  await ask(server, "POST /v1/revoke", { resource: "one:1" });
  await ask(server, "POST /v1/force-release", { resource: "one:1" });
  await watching.until(3);
  assert.deepEqual(
    watching.events.map(({ event, data }) => `${event} ${data.resource ?? ""}`),
    ["granted one:1", "revoked one:1", "forced one:1"],
  );
  assert.match(watching.lastId, /^\d+\.\d+$/, "its cursor has the one shard that matters");
  watching.stop();
});

test("a stream that is taken up again is told what has happened since, in order and nothing else", async () => {
  const first = await Watching.begin("pattern=break:*");
  await acquired(server, { resource: "break:1" });
  await first.until(1);
  first.stop();
  await ask(server, "POST /v1/force-release", { resource: "break:1" });
  await acquired(server, { resource: "break:1" });
  await acquired(server, { resource: "break:10" });
  await acquired(server, { resource: "broken:1" });
  const second = await Watching.begin("pattern=break:*", { "last-event-id": first.lastId });
  await second.until(3);
  await acquired(server, { resource: "break:11" });
  await second.until(4);
  const of = (name: string): readonly string[] =>
    second.events.filter(({ data }) => data.resource === name).map(({ event }) => event);
  assert.deepEqual(of("break:1"), ["forced", "granted"]);
  assert.deepEqual(of("break:10"), ["granted"]);
  assert.equal(second.events.at(-1)?.data.resource, "break:11");
  assert.equal(second.events.length, 4);
  second.stop();

  const third = await Watching.begin(`pattern=break:1&cursor=${encodeURIComponent(first.lastId)}`);
  await third.until(2);
  assert.deepEqual(
    third.events.map(({ event }) => event),
    ["forced", "granted"],
    "a cursor of more shards is good for one of them",
  );
  third.stop();
});

test("a stream whose cursor is of another log is told the state of now, and goes on from there", async () => {
  const begun = await Watching.begin("pattern=lost:1");
  await acquired(server, { resource: "lost:1" });
  await acquired(server, { resource: "lost:10" });
  await begun.until(1);
  begun.stop();
  const [shard = ""] = begun.lastId.split(".");
  const again = await Watching.begin(`pattern=lost:1&cursor=${shard}.${2 ** 40 + 5}`);
  await again.until(1);
  assert.equal(again.events[0]?.event, "resync");
  assert.deepEqual(
    again.events[0].data.claims?.map(({ resource }) => resource),
    ["lost:1"],
  );
  await ask(server, "POST /v1/force-release", { resource: "lost:1" });
  await again.until(2);
  assert.equal(again.events[1]?.event, "forced");
  again.stop();
});

test("a stream on which nothing happens is kept open by comments", async () => {
  const watching = await Watching.begin("pattern=silent:*");
  await watching.comment();
  await watching.comment();
  assert.equal(watching.isEnded, false);
  watching.stop();
});

test("a pattern that is empty, or left out, is refused", async () => {
  assert.equal((await ask(server, "GET /v1/watch?pattern=")).status, 400);
  assert.equal((await ask(server, "GET /v1/watch")).status, 400);
});

test("a stream whose client does not read is cut at the bound, and the others go on", async () => {
  const small = await startServer({ flags: ["--limits-unsent-max", "64KiB", "--limits-frame-max", "64KiB"] });
  const connections = async (): Promise<number> =>
    z.object({ totals: z.object({ connections: z.number() }) }).parse((await ask(small, "GET /v1/status")).body).totals
      .connections;
  const before = await connections();
  const { request, response } = open(small, "GET /v1/watch?pattern=*");
  const stream = await response;
  stream.pause();
  const long = "\u{1f512}".repeat(240); // The longest names fill the buffers between us and the server soonest.
  const one = async (n: number): Promise<void> => {
    const resource = `slow:${n}${long}`;
    const token = await acquired(small, { resource });
    await ask(small, "POST /v1/release", { resource, token });
  };
  let isCut = false;
  for (let rounds = 0; rounds < 100 && !isCut; rounds++) {
    await Promise.all(Array.from({ length: 100 }, (_, n) => one(n)));
    isCut = (await connections()) === before;
  }
  assert.ok(isCut, "20,000 events of 1 KiB and more were not read, and are kept");
  request.destroy();
  await one(0);
  await small.stop();
});
