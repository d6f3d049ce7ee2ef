/**
 * One client's way through acquire, renew and release of one resource, one request at a time, and what it knows when the
 * server dies under it: what was answered must be so afterwards, what was not may be either way.
 */
import assert from "node:assert/strict";
import type { Message } from "../../src/protocol/client-codec.js";
import type { Answer } from "../../src/protocol/server-messages.js";
import type { RawConnection } from "../client/raw-connection.js";
import type { Random } from "../tables/random.js";
import { answers, ask, forgetGroups, freshKey, openPath } from "../worker/wire.js";

const TTL_MS = 300_000;
const WAIT_MS = 60_000;
let ids = 2 ** 40;

/** What all lanes of a resource know of it together. */
export interface Contended {
  readonly name: string;
  /** The largest token that was ever told (INV-2). */
  maxToken: number;
  /** The lane that was told that it holds, and has not sent a release since (INV-1). */
  holder: Lane | undefined;
}

/** A lane without a session, or (`worker` given) with one of its own on that worker. */
export class Lane {
  readonly resource: Contended;
  readonly #worker: number | undefined;
  #key: Uint8Array = freshKey();
  #path = 0;
  /** The token that it holds by the server's word; 0: none. */
  #token = 0;
  #lastReleased = 0;
  #pending: "nothing" | "acquire" | "release" | "renew" = "nothing";
  /** Requests that were answered. */
  answered = 0;

  constructor(resource: Contended, worker: number | undefined) {
    this.resource = resource;
    this.#worker = worker;
  }

  /** Asks one thing after the other until the connection breaks. */
  async run(connection: RawConnection, random: Random): Promise<void> {
    if (this.#worker !== undefined) {
      this.#key = freshKey();
      ({ path: this.#path } = await openPath(connection, { key: this.#key, ttlMs: TTL_MS, worker: this.#worker }));
    }
    for (;;) {
      if (this.#token === 0) await this.#acquire(connection);
      else if (random.below(3) === 0) await this.#renew(connection);
      else await this.#release(connection);
      this.#pending = "nothing";
      this.answered++;
    }
  }

  /** Ids are of all lanes together, so that an answer's id tells whose it is. */
  async #ask(connection: RawConnection, kind: number, ...fields: readonly number[]): Promise<Answer> {
    const id = ++ids;
    const request: Message = [kind, id, this.resource.name, ...fields];
    connection.send(this.#path === 0 ? [request] : [[2, this.#path, id, id - 1], request]); // All that it asked is seen.
    const answer = await connection.take(answers(id));
    forgetGroups(connection);
    return answer;
  }

  async #acquire(connection: RawConnection): Promise<void> {
    this.#pending = "acquire";
    const answer =
      this.#path === 0 ? await this.#ask(connection, 10, TTL_MS) : await this.#ask(connection, 10, 0, WAIT_MS);
    assert.equal(answer.kind, "granted", JSON.stringify(answer));
    const { resource } = this;
    assert.equal(resource.holder, undefined, `INV-1: two were told that they hold ${resource.name}`);
    assert.ok(
      answer.token > resource.maxToken,
      `INV-2: token ${answer.token} of ${resource.name} after ${resource.maxToken}`,
    );
    resource.maxToken = answer.token;
    resource.holder = this;
    this.#token = answer.token;
  }

  async #renew(connection: RawConnection): Promise<void> {
    this.#pending = "renew";
    assert.equal((await this.#ask(connection, 12, this.#token)).kind, "renewed");
  }

  async #release(connection: RawConnection): Promise<void> {
    this.#pending = "release";
    this.resource.holder = undefined;
    assert.equal((await this.#ask(connection, 11, this.#token)).kind, "released");
    this.#lastReleased = this.#token;
    this.#token = 0;
  }

  /** After the restart: what was answered is so, and what was not is brought to an end. */
  async check(connection: RawConnection): Promise<void> {
    if (this.#worker === undefined) await this.#checkLoose(connection);
    else await this.#checkSession(connection, this.#worker);
    this.resource.holder = undefined;
    this.#token = 0;
    this.#lastReleased = 0;
    this.#pending = "nothing";
    this.#path = 0;
  }

  async #checkLoose(connection: RawConnection): Promise<void> {
    const { name } = this.resource;
    const renewed = async (token: number): Promise<string> => (await ask(connection, [12, ++ids, name, token])).kind;
    if (this.#lastReleased !== 0)
      assert.equal(await renewed(this.#lastReleased), "not-held", `${name}: released, and held again`);
    const checked = await ask(connection, [13, ++ids, name]);
    assert.ok(checked.kind === "checked" && checked.holders.length <= 1, `INV-1: ${JSON.stringify(checked)}`);
    if (this.#token !== 0 && this.#pending !== "release") {
      assert.equal(
        await renewed(this.#token),
        "renewed",
        `${name}: token ${this.#token} was granted, and is lost (INV-3)`,
      );
    } else if (this.#token === 0 && this.#pending !== "acquire")
      assert.deepEqual(checked.holders, [], `${name} is held by nobody who knows`);
    const freed = await ask(connection, [17, ++ids, name, 0, "the end of a round"]);
    assert.ok(freed.kind === "done" && freed.count === checked.holders.length);
  }

  async #checkSession(connection: RawConnection, worker: number): Promise<void> {
    const { name } = this.resource;
    const { path, shards } = await openPath(connection, { key: this.#key, ttlMs: TTL_MS, worker });
    const told = shards.flatMap(({ sessions }) => sessions.flatMap(({ claims }) => claims));
    const tokens = told.filter(({ token }) => token !== 0).map(({ token }) => token);
    assert.ok(told.length <= 1 && told.every(({ resource }) => resource === name), JSON.stringify(told));
    assert.ok(!tokens.includes(this.#lastReleased), `${name}: released, and held again`);
    if (this.#token !== 0 && this.#pending !== "release") {
      assert.deepEqual(tokens, [this.#token], `${name}: token ${this.#token} was granted, and is lost (INV-3)`);
    } else if (this.#token === 0 && this.#pending !== "acquire")
      assert.deepEqual(told, [], `${name} is held by nobody who knows`);
    assert.equal((await ask(connection, [5, ++ids, path])).kind, "done");
  }
}
