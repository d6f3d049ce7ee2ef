/** Sessions over real connections that break, race and lie: nothing is done twice, and nobody gets what is not theirs. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { Message } from "../../src/protocol/client-codec.js";
import { RawConnection } from "../client/raw-connection.js";
import { type ServerProcess, startServer, until } from "../node/server-process.js";
import { answers, ask, Bystander, freshKey, nameAt, openPath, type OpenedPath, refused, totals } from "./wire.js";

let server: ServerProcess;
let bystander: Bystander;
let connections = 0;
let ids = 1_000;

before(async () => {
  server = await startServer({ flags: ["--limits-ttl-min", "50ms", "--session-waiting-grace", "500ms"] });
  bystander = await Bystander.at(server.address);
  await bystander.isWell();
  ({ connections } = await totals(bystander.connection));
});

/** Connects straight to worker 0. */
async function greeted(): Promise<RawConnection> {
  return (await RawConnection.greeted(`127.0.0.1:${server.ports[1]}`)).connection;
}

interface Caller extends OpenedPath {
  readonly connection: RawConnection;
  readonly key: Uint8Array;
}

async function caller(key: Uint8Array = freshKey()): Promise<Caller> {
  const connection = await greeted();
  return { connection, key, ...(await openPath(connection, { key, ttlMs: 20_000 })) };
}

/** Closes the session, so that nothing of it is left, and cuts the connection. */
async function goodbye(...callers: readonly Caller[]): Promise<void> {
  for (const { connection, path } of callers) {
    assert.equal((await ask(connection, [5, 999_999, path])).kind, "done");
    connection.cut();
  }
}

async function acquired({ connection, path }: Caller, request: Message): Promise<number> {
  const answer = await ask(connection, request, path);
  assert.equal(answer.kind, "granted", JSON.stringify(answer));
  return answer.token;
}

/** What the opening of a path told about one request. */
function told({ shards }: OpenedPath, requestId: number): { token: number | undefined; outcome: number | undefined } {
  const sessions = shards.flatMap((shard) => shard.sessions);
  const claim = sessions.flatMap(({ claims }) => claims).find((one) => one.requestId === requestId);
  const outcome = sessions.flatMap(({ outcomes }) => outcomes).find((one) => one.requestId === requestId);
  return { token: claim?.token, outcome: outcome?.answerKind };
}

test("a wrong token, and somebody else's, do nothing (INV-8)", async () => {
  const [alice, bob] = [await caller(), await caller()];
  const resource = nameAt(0);
  const token = await acquired(alice, [10, 1, resource, 10_000]);
  for (const wrong of [token + 1, token - 1, 1, 0, -1, Number.MAX_SAFE_INTEGER]) {
    for (const kind of [11, 12]) {
      const { connection, path } = alice;
      assert.equal((await ask(connection, [kind, ++ids, resource, wrong], path)).kind, "not-held");
    }
  }
  for (const kind of [11, 12]) {
    assert.equal(
      (await ask(bob.connection, [kind, ++ids, resource, token], bob.path)).kind,
      "not-held",
      "bob has the token, not the claim",
    );
    assert.equal(
      (await ask(bob.connection, [kind, ++ids, resource, token])).kind,
      "not-held",
      "nor has anybody without a session",
    );
    assert.equal(
      (await ask(alice.connection, [kind, ++ids, nameAt(0), token], alice.path)).kind,
      "not-held",
      "another resource",
    );
  }
  const checked = await ask(bob.connection, [13, ++ids, resource], bob.path);
  assert.ok(checked.kind === "checked" && checked.holders[0]?.token === 0, "a token is told to nobody else");
  assert.equal((await ask(alice.connection, [11, ++ids, resource, token], alice.path)).kind, "released");
  await goodbye(alice, bob);
});

test("the id of a request that there is not is not waiting; neither is somebody else's", async () => {
  const [alice, bob] = [await caller(), await caller()];
  const resource = nameAt(0);
  await acquired(alice, [10, 1, resource, 10_000]);
  bob.connection.send([
    [2, bob.path],
    [10, 7, resource, 10_000, 10_000],
  ]);
  for (const kind of [14, 15]) {
    assert.equal((await ask(bob.connection, [kind, ++ids, resource, 6], bob.path)).kind, "not-waiting");
    assert.equal((await ask(alice.connection, [kind, ++ids, resource, 7], alice.path)).kind, "not-waiting");
  }
  const position = await ask(bob.connection, [15, ++ids, resource, 7], bob.path);
  assert.ok(position.kind === "position" && position.position === 1 && position.holders.length === 1);
  assert.equal((await ask(alice.connection, [14, ++ids, resource, 1], alice.path)).kind, "already-granted");
  await goodbye(bob, alice);
});

test("an id that is used again gets the same answer for the same request, and a fault for another (R-18)", async () => {
  const alice = await caller();
  const resource = nameAt(0);
  const request: Message = [10, 5, resource, 10_000, 0, 0, 0, 0, "first"];
  const token = await acquired(alice, request);
  assert.equal(
    await refused(alice.connection, request, alice.path),
    "request-id-not-above",
    "on one path an id is used once",
  );
  assert.equal(await refused(alice.connection, [13, 4, resource], alice.path), "request-id-not-above");
  alice.connection.cut();
  const again = await caller(alice.key);
  assert.equal(told(again, 5).token, token);
  assert.equal(await acquired(again, request), token);
  for (const other of [
    [10, 5, resource, 10_001, 0, 0, 0, 0, "first"],
    [10, 5, resource, 10_000, 0, 0, 0, 0, "second"],
    [11, 5, resource, token],
  ]) {
    const third = await openPath(again.connection, { key: alice.key, ttlMs: 20_000 });
    assert.equal(await refused(again.connection, other, third.path), "request-id-reused", JSON.stringify(other));
  }
  await goodbye({ ...again, ...(await openPath(again.connection, { key: alice.key, ttlMs: 20_000 })) });
});

test("a waiter that reconnects within the grace keeps its place, and a lost answer is told again (INV-6, INV-7)", async () => {
  const [holder, first, second] = [await caller(), await caller(), await caller()];
  const resource = nameAt(0);
  const token = await acquired(holder, [10, 1, resource, 20_000]);
  first.connection.send([
    [2, first.path],
    [10, 2, resource, 10_000, 10_000],
  ]);
  await until(
    "the first to wait",
    async () => (await ask(first.connection, [15, ++ids, resource, 2], first.path)).kind === "position",
  );
  second.connection.send([
    [2, second.path],
    [10, 3, resource, 10_000, 10_000],
  ]);
  await until(
    "the second to wait",
    async () => (await ask(second.connection, [15, ++ids, resource, 3], second.path)).kind === "position",
  );
  first.connection.cut();
  const back = await caller(first.key);
  assert.deepEqual(told(back, 2), { token: 0, outcome: undefined }, "it waits still");
  const place = await ask(back.connection, [15, ++ids, resource, 2], back.path);
  assert.ok(place.kind === "position" && place.position === 1);

  back.connection.cut(); // And the grant is lost on its way.
  assert.equal((await ask(holder.connection, [11, ++ids, resource, token], holder.path)).kind, "released");
  const lost = await caller(first.key);
  const claim = told(lost, 2);
  assert.ok(claim.token !== undefined && claim.token > token, "granted while nobody listened");
  assert.equal((await ask(lost.connection, [11, ++ids, resource, claim.token], lost.path)).kind, "released");
  const granted = await second.connection.take(answers(3));
  assert.ok(granted.kind === "granted" && granted.token > claim.token && granted.waited);
  await goodbye(holder, lost, second);
});

test("who opens a session that is open elsewhere takes it over, and the other is told", async () => {
  const alice = await caller();
  const resource = nameAt(0);
  const token = await acquired(alice, [10, 1, resource, 10_000]);
  const thief = await caller(alice.key);
  const push = await alice.connection.take((message) => message.kind === "in-use-elsewhere");
  assert.equal(push.path, alice.path);
  alice.connection.received.length = 0;
  assert.equal(await refused(alice.connection, [11, 2, resource, token], alice.path), "path-void");
  const group = alice.connection.received.find((message) => message.kind === "group");
  assert.ok(group?.kind === "group" && group.path === alice.path, "the fault stands in the group of its path");
  assert.equal(
    await refused(thief.connection, [13, 3, resource], alice.path),
    "path-void",
    "nor can the new one use the old path",
  );
  assert.equal((await ask(thief.connection, [11, 4, resource, token], thief.path)).kind, "released");
  alice.connection.cut();
  await goodbye(thief);
});

test("a client that dies while it waits is not granted past its grace: the next one is (R-17)", async () => {
  const [holder, dying, next] = [await caller(), await caller(), await caller()];
  const resource = nameAt(0);
  const token = await acquired(holder, [10, 1, resource, 20_000]);
  dying.connection.send([
    [2, dying.path],
    [10, 2, resource, 10_000, 20_000],
  ]);
  await until(
    "the dying one to wait",
    async () => (await ask(dying.connection, [15, ++ids, resource, 2], dying.path)).kind === "position",
  );
  dying.connection.cut();
  next.connection.send([
    [2, next.path],
    [10, 3, resource, 10_000, 20_000],
  ]);
  await until("the dead one to be abandoned", async () => {
    const place = await ask(next.connection, [15, ++ids, resource, 3], next.path);
    return place.kind === "position" && place.position === 1;
  });
  assert.equal((await ask(holder.connection, [11, ++ids, resource, token], holder.path)).kind, "released");
  assert.equal((await next.connection.take(answers(3))).kind, "granted");
  const back = await caller(dying.key);
  assert.deepEqual(told(back, 2), { token: undefined, outcome: 14 }, "and learns that its wait was abandoned");
  await goodbye(holder, next, back);
});

test("a grant that races with the time-out of its wait: one of them is answered, and is true", async () => {
  const [holder, waiter] = [await caller(), await caller()];
  const resources = Array.from({ length: 40 }, () => nameAt(0));
  holder.connection.send([[2, holder.path], ...resources.map((name, at): Message => [10, at + 1, name, 150])]);
  waiter.connection.send([
    [2, waiter.path],
    ...resources.map((name, at): Message => [10, at + 1, name, 20_000, 120 + at]),
  ]);
  for (const [at, name] of resources.entries()) {
    const answer = await waiter.connection.take(answers(at + 1));
    assert.ok(answer.kind === "granted" || answer.kind === "timed-out", JSON.stringify(answer));
    const checked = await ask(waiter.connection, [13, ++ids, name], waiter.path);
    assert.ok(checked.kind === "checked");
    const holds = checked.holders.some(({ token }) => answer.kind === "granted" && token === answer.token);
    assert.equal(holds, answer.kind === "granted", name);
    assert.equal(checked.waiters, 0);
  }
  assert.ok(
    !waiter.connection.received.some((message) => message.kind === "granted" || message.kind === "timed-out"),
    "each is answered once",
  );
  await goodbye(holder, waiter);
});

test("a grant that races with its cancel: what the cancel answers is true", async () => {
  const [holder, waiter] = [await caller(), await caller()];
  for (let round = 0; round < 30; round++) {
    const resource = nameAt(0);
    const token = await acquired(holder, [10, ++ids, resource, 20_000]);
    const waitId = ++ids;
    waiter.connection.send([
      [2, waiter.path],
      [10, waitId, resource, 20_000, 20_000],
    ]);
    const cancelId = ++ids;
    holder.connection.send([
      [2, holder.path],
      [11, ++ids, resource, token],
    ]);
    waiter.connection.send([
      [2, waiter.path],
      [14, cancelId, resource, waitId],
    ]);
    const [answer, cancel] = [
      await waiter.connection.take(answers(waitId)),
      await waiter.connection.take(answers(cancelId)),
    ];
    const checked = await ask(waiter.connection, [13, ++ids, resource], waiter.path);
    assert.ok(checked.kind === "checked" && checked.waiters === 0);
    if (answer.kind === "granted") {
      assert.ok(cancel.kind === "already-granted" && cancel.token === answer.token, JSON.stringify(cancel));
      assert.equal((await ask(waiter.connection, [11, ++ids, resource, answer.token], waiter.path)).kind, "released");
    } else
      assert.deepEqual(
        [answer.kind, cancel.kind, checked.holders.filter(({ token: own }) => own !== 0)],
        ["cancelled", "cancelled", []],
      );
  }
  await goodbye(holder, waiter);
});

test("a grant that races with its client's end leaves no ghost: the session knows of it, and a close frees it", async () => {
  const holder = await caller();
  const resources = Array.from({ length: 15 }, () => nameAt(0));
  for (const resource of resources) {
    const token = await acquired(holder, [10, ++ids, resource, 20_000]);
    const waiter = await caller();
    waiter.connection.send([
      [2, waiter.path],
      [10, 1, resource, 20_000, 20_000],
    ]);
    holder.connection.send([
      [2, holder.path],
      [11, ++ids, resource, token],
    ]);
    waiter.connection.cut();
    const back = await caller(waiter.key);
    await goodbye(back);
  }
  for (const resource of resources) {
    const checked = await ask(holder.connection, [13, ++ids, resource], holder.path);
    assert.ok(checked.kind === "checked");
    assert.deepEqual([checked.holders, checked.waiters], [[], 0]);
  }
  await goodbye(holder);
});

test("one connection is enough: sessions of the other worker are opened, heard and closed through a forwarder", async () => {
  const connection = await greeted(); // To worker 0.
  const key = freshKey();
  const here = await openPath(connection, { key, ttlMs: 20_000, worker: 0 });
  const there = await openPath(connection, { key, ttlMs: 20_000, worker: 1 });
  assert.ok(here.shards.every(({ shard }) => shard % 2 === 0) && there.shards.every(({ shard }) => shard % 2 === 1));
  const [nameHere, nameThere, loose] = [nameAt(0), nameAt(1), nameAt(1)];
  connection.send([
    [2, here.path, 1],
    [10, 1, nameHere, 0],
    [2, there.path, 2],
    [10, 1, nameThere, 0],
    [13, 2, nameThere],
    [2, 0],
    [10, 3, loose, 10_000],
  ]);
  const groups: number[] = [];
  const tokens: number[] = [];
  while (tokens.length < 3) {
    const message = await connection.take(({ kind }) => kind === "granted" || kind === "group");
    if (message.kind === "group") groups.push(message.path);
    else if (message.kind === "granted") tokens.push(message.token);
  }
  assert.ok(groups.includes(here.path) && groups.includes(there.path));
  const checked = await connection.take((message) => message.kind === "checked");
  assert.notEqual(checked.holders[0]?.client, "");
  connection.send([[4, 10, 3, [there.path]]]);
  const kept = await connection.take((message) => message.kind === "kept");
  assert.ok(kept.count === 3 && kept.marks.length === 1 && kept.marks[0]?.path === there.path);
  await connection.take(answers(10));
  connection.send([
    [2, there.path],
    [13, 11, "no colon"],
    [99, 12, "x"],
    [2, here.path],
    [13, 13, nameThere],
  ]);
  const code = async (id: number): Promise<string> => {
    const answer = await connection.take(answers(id));
    return answer.kind === "fault" ? answer.code : answer.kind;
  };
  assert.deepEqual([await code(11), await code(12), await code(13)], ["resource-invalid", "unknown-request", "moved"]);
  const listed = new Set<string>();
  let cursor: string | undefined = "";
  for (let id = 100; cursor !== undefined; id++) {
    const page = await ask(connection, [20, id, "test:", 1_000, cursor]);
    assert.ok(page.kind === "listed");
    for (const claim of page.claims) listed.add(claim.resource);
    ({ cursor } = page);
  }
  assert.ok([nameHere, nameThere, loose].every((name) => listed.has(name)));
  for (const [at, path] of [here.path, there.path].entries())
    assert.equal((await ask(connection, [5, 1_000 + at, path])).kind, "done");
  for (const name of [nameHere, nameThere]) {
    const free = await ask(connection, [13, ++ids, name]);
    assert.ok(free.kind === "checked" && free.holders.length === 0, "closed, so released");
  }
  connection.cut();
});

test("after all of it nothing is left behind, and the server ends in order", async () => {
  await until("only the bystander to be connected", async () => {
    const now = await totals(bystander.connection);
    return now.connections === connections && now.sessions === 0 && now.waiters === 0;
  });
  await bystander.end();
  const { exitCode, stderr } = await server.stop();
  assert.equal(exitCode, 0, stderr);
});
