/**
 * What tests of bad input have in common: ask one thing and await its answer, open a session's path, find names where
 * they are wanted, and a bystander whose connection must keep working whatever others send.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { ringOf } from "../../src/placement/ring.js";
import type { Message } from "../../src/protocol/client-codec.js";
import type { Answer, ServerMessage } from "../../src/protocol/server-messages.js";
import { crc32 } from "../../src/words/crc32.js";
import { KIND_ASK_STATUS, KIND_CHECK, KIND_GROUP, KIND_OPEN } from "../../src/words/kinds.js";
import { RawConnection } from "../client/raw-connection.js";
import { until } from "../node/server-process.js";

/** Shards of the servers that tests start, which have two stores and two workers: even shards are worker 0's. */
const SHARDS = 64;
const ring = ringOf(SHARDS);
let names = 0;

/** The shard of a name. */
export function shardOf(resource: string): number {
  const bytes = Buffer.from(resource);
  return ring.shardOf(crc32(bytes, 0, bytes.length, 0));
}

/** A name that no test had before, in a shard of this worker (0 or 1). */
export function nameAt(worker: number): string {
  return nameWhere((shard) => shard % 2 === worker);
}

/** A name that no test had before, in a shard that `isRight`. */
export function nameWhere(isRight: (shard: number) => boolean): string {
  for (;;) {
    const name = `test:${++names}`;
    if (isRight(shardOf(name))) return name;
  }
}

/** Whether a message answers the request with this id. */
export function answers(id: number): (message: ServerMessage) => message is Answer {
  return (message): message is Answer =>
    "id" in message &&
    message.id === id &&
    message.kind !== "opened" &&
    message.kind !== "open-shard" &&
    message.kind !== "kept";
}

/** Sends one request, `[kind, id, …]`, and awaits its answer. `path` 0: without a session. */
export async function ask(connection: RawConnection, request: Message, path = 0): Promise<Answer> {
  connection.send(path === 0 ? [request] : [[KIND_GROUP, path], request]);
  return connection.take(answers(Number(request[1])));
}

/** Sends one request that must be refused, and answers the code. */
export async function refused(connection: RawConnection, request: Message, path = 0): Promise<string> {
  const answer = await ask(connection, request, path);
  assert.equal(answer.kind, "fault", JSON.stringify(answer));
  return answer.code;
}

/** An opened path, and what the shards told about its session. */
export interface OpenedPath {
  readonly path: number;
  readonly shards: readonly (ServerMessage & { kind: "open-shard" })[];
}

let openings = 1_000_000;

/** A session's key. */
export function freshKey(): Uint8Array {
  return new Uint8Array(randomBytes(16));
}

/** Opens a path to a worker and awaits what each of its shards says. */
export async function openPath(
  connection: RawConnection,
  session: { readonly key: Uint8Array; readonly ttlMs: number; readonly worker?: number },
): Promise<OpenedPath> {
  const id = ++openings;
  connection.send([[KIND_OPEN, id, session.worker ?? 0, [[session.key, session.ttlMs]]]]);
  const opened = await connection.take((message) => message.kind === "opened" && message.id === id);
  assert.ok(opened.kind === "opened");
  const shards: OpenedPath["shards"][number][] = [];
  while (shards.length < SHARDS / 2) {
    const shard = await connection.take((message) => message.kind === "open-shard" && message.id === id);
    assert.ok(shard.kind === "open-shard");
    shards.push(shard);
  }
  const [path] = opened.paths;
  assert.ok(path !== undefined && opened.paths.length === 1);
  return { path, shards };
}

/** Forgets the headers before answers: one that asks thousands of times would search through all of them each time. */
export function forgetGroups({ received }: RawConnection): void {
  while (received[0]?.kind === "group") received.shift();
}

/** What `status` sums up, as far as tests look at it. */
export interface Totals {
  readonly connections: number;
  readonly sessions: number;
  readonly claims: number;
  readonly waiters: number;
  readonly residentBytes: number;
}

/** Asks for the node's status. */
export async function totals(connection: RawConnection): Promise<Totals> {
  const answer = await ask(connection, [KIND_ASK_STATUS, ++openings]);
  forgetGroups(connection);
  assert.equal(answer.kind, "status");
  const status: unknown = JSON.parse(answer.json);
  const sums = field(status, "totals");
  const count = (name: string): number => Number(field(sums, name));
  return {
    connections: count("connections"),
    sessions: count("sessions"),
    claims: count("claims"),
    waiters: count("waiters"),
    residentBytes: Number(field(field(status, "memory"), "residentBytes")),
  };
}

function field(value: unknown, name: string): unknown {
  assert.ok(typeof value === "object" && value !== null, `no ${name} in the status`);
  return Object.entries(value).find(([key]) => key === name)?.[1];
}

/** Somebody who uses the server all the while, by its first worker and through it also the second. */
export class Bystander {
  readonly connection: RawConnection;
  #id = 0;
  #isEnding = false;
  #slowestMs = 0;
  readonly #work: Promise<void>;

  private constructor(connection: RawConnection) {
    this.connection = connection;
    this.#work = this.#go();
    this.#work.catch(() => {}); // Told when the bystander is asked.
  }

  static async at(address: string): Promise<Bystander> {
    return new Bystander((await RawConnection.greeted(address)).connection);
  }

  async #go(): Promise<void> {
    const resources = [nameAt(0), nameAt(1)];
    while (!this.#isEnding) {
      const beganMs = performance.now();
      for (const resource of resources) {
        const answer = await ask(this.connection, [KIND_CHECK, ++this.#id, resource]);
        assert.equal(answer.kind, "checked");
        forgetGroups(this.connection);
      }
      this.#slowestMs = Math.max(this.#slowestMs, performance.now() - beganMs);
      await new Promise((resolve) => setTimeout(resolve, 5)); // Not to take the machine from the test itself.
    }
  }

  /** Its work goes on: two more rounds are answered. @throws if its connection was closed or an answer did not come. */
  async isWell(): Promise<void> {
    const from = this.#id;
    await Promise.race([this.#work, until("the bystander to be answered", () => this.#id > from + 4)]);
  }

  /** Ends it; answers how long the slowest round took, in milliseconds. */
  async end(): Promise<number> {
    await this.isWell();
    this.#isEnding = true;
    await this.#work;
    this.connection.cut();
    return this.#slowestMs;
  }
}
