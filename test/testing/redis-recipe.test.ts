/** The script of the page on fencing tokens, as it stands there, by a real Redis. */
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { root } from "../house/house.js";
import { freshDirectory, until } from "../node/server-process.js";

const missing = spawnSync("redis-server", ["--version"]).error !== undefined;
const skip = missing && "redis-server is missing (apt-get install redis-server)";

test("Redis writes with the newest token only, by the script of the page on fencing", { skip }, async () => {
  const page = readFileSync(join(root, "src/client/recipes/fencing.md"), "utf8");
  const [, script = ""] = /```lua\n([^`]+)```/.exec(page) ?? [];
  const directory = freshDirectory();
  const socket = join(directory, "redis.sock");
  const words = ["--port", "0", "--unixsocket", socket, "--dir", directory, "--save", ""];
  const server = spawn("redis-server", words, { stdio: "ignore" });
  const ended = once(server, "exit");
  try {
    await until("Redis to listen", () => existsSync(socket));
    const redis = (...command: readonly string[]): string =>
      execFileSync("redis-cli", ["-s", socket, ...command], { encoding: "utf8" }).trim();
    const write = (token: number, value: string): string =>
      redis("EVAL", script, "2", "{account:7}:fence", "{account:7}", String(token), value);
    assert.equal(write(1_204, "by the second holder"), "1");
    assert.equal(write(977, "by the first holder, late"), "0");
    assert.equal(redis("GET", "{account:7}"), "by the second holder");
    assert.equal(write(1_204, "once more"), "1");
    assert.equal(write(Number.MAX_SAFE_INTEGER, "the largest token"), "1");
    assert.equal(write(Number.MAX_SAFE_INTEGER - 1, "one less"), "0");
  } finally {
    server.kill();
    await ended;
  }
});
