/** Leader election against a real server: at most one leads, in the order of asking, and a leader that is cut off stops first. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Holdfast } from "../../src/client/index.js";
import { startServer, until } from "../node/server-process.js";

test("candidates lead one at a time, in the order of asking, with growing tokens", async () => {
  const server = await startServer();
  const clients = await Promise.all(["a", "b", "c"].map((metadata) => Holdfast.connect({ url: server.url, metadata })));
  const elections = clients.map((client) => client.elect("mailer"));
  const led: string[] = [];
  const tokens: number[] = [];
  let leading = 0;
  const [first, second, third] = elections;
  assert.ok(first !== undefined && second !== undefined && third !== undefined);
  const leader = await first.campaign();
  assert.equal((await second.leader())?.metadata, "a");
  const later = [second, third].map(async (election, index) => {
    await until("the others wait", async () => (await clients[0]?.check(election.resource))?.waiters === index);
    await election.lead((leadership) => {
      leading += 1;
      assert.equal(leading, 1, "INV-1: two lead");
      leadership.assertLeader();
      led.push(index === 0 ? "b" : "c");
      tokens.push(leadership.token);
      leading -= 1;
    });
  });
  await until("both wait", async () => (await clients[0]?.check(first.resource))?.waiters === 2);
  tokens.push(leader.token);
  assert.equal(leader.isLeader(), true);
  assert.equal(await leader.resign(), "released");
  assert.equal(leader.isLeader(), false);
  await Promise.all(later);
  assert.deepEqual(led, ["b", "c"]);
  assert.deepEqual(
    tokens,
    [...tokens].sort((one, other) => one - other),
  );
  assert.equal(await first.leader(), undefined);
  await Promise.all(clients.map((client) => client.close()));
  await server.stop();
});

test("a campaign ends at once by its signal, and leaves the queue", async () => {
  const server = await startServer();
  const [leader, candidate] = await Promise.all([
    Holdfast.connect({ url: server.url }),
    Holdfast.connect({ url: server.url }),
  ]);
  await using leadership = await leader.elect("once").campaign();
  const stop = new AbortController();
  const election = candidate.elect("once");
  const campaign = election.campaign({ signal: stop.signal });
  await until("the candidate waits", async () => (await leader.check(election.resource)).waiters === 1);
  stop.abort(new Error("no more"));
  await assert.rejects(campaign, /no more/);
  await until("the candidate has left", async () => (await leader.check(election.resource)).waiters === 0);
  assert.equal(leadership.signal.aborted, false);
  await Promise.all([leader.close(), candidate.close()]);
  assert.equal(leadership.isLeader(), false);
  assert.match(String(leadership.signal.reason), /LockLostError/);
  await server.stop();
});
