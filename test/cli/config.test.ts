// Settings can be looked at without starting anything.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { freshDirectory, runCommand } from "../node/server-process.js";

const HOME = freshDirectory(); // No file of whoever runs the tests.
const ENVIRONMENT = { HOME, XDG_CONFIG_HOME: HOME };

test("config show says each value and where it is from: a flag wins over the environment, that over the file", async () => {
  const file = join(freshDirectory(), "holdfast.toml");
  writeFileSync(file, '[limits]\nttl_max = "10m"\nwait_max = "1m"\npermits_max = 7\n');
  const args = ["config", "show", "--json", "--config", file, "--limits-ttl-max", "20m"];
  const environment = { ...ENVIRONMENT, HOLDFAST_LIMITS_TTL_MAX: "15m", HOLDFAST_LIMITS_WAIT_MAX: "2m" };
  const { exitCode, stdout, stderr } = await runCommand(args, environment);
  assert.equal(exitCode, 0, stderr);
  const settings: unknown = JSON.parse(stdout);
  assert.ok(Array.isArray(settings));
  const found = (key: string): unknown => settings.find((setting: { readonly key: string }) => setting.key === key);
  assert.deepEqual(found("ttl_max"), {
    section: "limits",
    key: "ttl_max",
    value: '"20m"',
    origin: "flag --limits-ttl-max",
  });
  assert.deepEqual(found("wait_max"), {
    section: "limits",
    key: "wait_max",
    value: '"2m"',
    origin: "environment HOLDFAST_LIMITS_WAIT_MAX",
  });
  assert.deepEqual(found("permits_max"), { section: "limits", key: "permits_max", value: "7", origin: `file ${file}` });
});

test("config show prints a table for people", async () => {
  const { exitCode, stdout } = await runCommand(["config", "show"], ENVIRONMENT);
  assert.equal(exitCode, 0);
  assert.match(stdout, /^SETTING +VALUE +FROM$/m);
  assert.match(stdout, /^listen\.main +7400 +default$/m);
});

test("config check says all that is wrong in one message, and exits with 2", async () => {
  const wrong = await runCommand(["config", "check", "--listen-main", "99999", "--limits-ttl-max", "30"], ENVIRONMENT);
  assert.equal(wrong.exitCode, 2);
  assert.equal(wrong.stdout, "");
  assert.match(wrong.stderr, /listen\.main = 99999/);
  assert.match(wrong.stderr, /limits\.ttl_max = "30"/);
  const right = await runCommand(["config", "check"], ENVIRONMENT);
  assert.equal(right.exitCode, 0);
});
