// What a server says to whoever started it: where it listens, what it found, and what to try.
import assert from "node:assert/strict";
import { test } from "node:test";
import { freshDirectory, run, runCommand, serverFlags, until } from "../node/server-process.js";

test("a server that is ready says where it listens, what it recovered, where its data is, and what to try", async () => {
  const dataDir = freshDirectory();
  const server = run(serverFlags(dataDir).filter((flag) => flag !== "--json"));
  await until("the examples", () => server.stdout().includes("curl"));
  const text = server.stdout();
  const address = /listens on (127\.0\.0\.1:[0-9]+) /.exec(text)?.[1] ?? assert.fail(text);
  assert.match(text, /^Recovered 0 locks in [0-9]+ ms; data in \//m);
  assert.ok(text.includes(dataDir));

  const list = /^ {2}node (\S+) (list --url \S+)$/m.exec(text);
  assert.ok(list !== null, text);
  const listed = await runCommand((list[2] ?? "").split(" "));
  assert.equal(listed.exitCode, 0, listed.stderr);
  assert.ok(text.includes(`curl -s http://${address}/v1/acquire`));

  server.child.kill("SIGINT");
  const { exitCode, stderr } = await server.ended;
  assert.equal(exitCode, 0, stderr);
});

test("settings that are refused are told before anything starts, with 2", async () => {
  const { exitCode, stdout, stderr } = await runCommand(serverFlags(freshDirectory(), ["--limits-ttl-max", "1ms"]));
  assert.deepEqual([exitCode, stdout], [2, ""]);
  assert.match(stderr, /limits\.ttl_max/);
});
