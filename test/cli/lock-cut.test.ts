// On both sides of a cut connection: the first command's group is gone before the second starts. `make lock-cuts` plays it
// a hundred times.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type ServerProcess, startServer } from "../node/server-process.js";
import { CUT_SERVER_FLAGS, playCutRound } from "./cut-round.js";

let server: ServerProcess;
before(async () => {
  server = await startServer({ flags: CUT_SERVER_FLAGS });
});
after(() => server.stop());

test("whose connection is cut, silently or by a reset, is gone with all its children before the next starts (INV-4)", async () => {
  const rounds = await Promise.all([
    playCutRound(server, "cut:1", "silence"),
    playCutRound(server, "cut:2", "reset"),
    playCutRound(server, "cut:3", "silence"),
  ]);
  for (const { alive, firstExitCode } of rounds) assert.deepEqual([alive, firstExitCode], ["", 123]);
});
