// How the command speaks with scripts: exit codes, standard output for data only, JSON where it is asked for.
import assert from "node:assert/strict";
import { test } from "node:test";
import { claimPort } from "../../src/node/port.js";
import { runCommand } from "../node/server-process.js";

async function unusedUrl(): Promise<string> {
  const claim = await claimPort("127.0.0.1", 0);
  if (claim.kind !== "port-claimed") assert.fail(claim.message);
  await claim.release();
  return `holdfast://127.0.0.1:${claim.port}`;
}

test("wrong use exits with 2, on standard error only, with what was meant and where help is", async () => {
  const misspelt = await runCommand(["chekc", "order:1"]);
  assert.equal(misspelt.exitCode, 2);
  assert.equal(misspelt.stdout, "");
  assert.match(misspelt.stderr, /did you mean check\?.*holdfast --help/);
  const duration = await runCommand(["acquire", "order:1", "--ttl", "30"]);
  assert.equal(duration.exitCode, 2);
  assert.match(duration.stderr, /the unit is missing.*holdfast acquire --help/);
  const token = await runCommand(["release", "order:1", "-1"]);
  assert.equal(token.exitCode, 2);
});

test("lock says by 125 that it is used wrongly, because other codes are its command's", async () => {
  const { exitCode } = await runCommand(["lock", "order:1"]);
  assert.equal(exitCode, 125);
});

test("no server: 69, and in JSON a code that stays the same", async () => {
  const url = await unusedUrl();
  const { exitCode, stdout, stderr } = await runCommand(["check", "order:1", "--json"], { HOLDFAST_URL: url });
  assert.equal(exitCode, 69);
  assert.equal(stdout, "");
  const failure: unknown = JSON.parse(stderr);
  assert.ok(typeof failure === "object" && failure !== null && "code" in failure);
  assert.equal(failure.code, "unavailable");
});

test("of several addresses the first that can be reached is asked", async () => {
  const dead = await unusedUrl();
  const { exitCode, stderr } = await runCommand(["check", "order:1", "--url", `${dead},127.0.0.1:1`]);
  assert.equal(exitCode, 69);
  assert.match(stderr, /127\.0\.0\.1:1: ECONNREFUSED/);
});

test("a URL that is none is refused without showing its key", async () => {
  const { exitCode, stderr } = await runCommand(["check", "order:1", "--url", "http://hf_secret@host"]);
  assert.equal(exitCode, 2);
  assert.doesNotMatch(stderr, /hf_secret/);
});

test("--help and --version exit with 0 and write to standard output", async () => {
  for (const args of [["--help"], ["--version"], ["lock", "--help"], ["config", "check", "--help"]]) {
    const { exitCode, stdout, stderr } = await runCommand(args);
    assert.deepEqual([exitCode, stderr], [0, ""], args.join(" "));
    assert.notEqual(stdout, "");
  }
});
