// One command holds a lock over a connection that is cut, another one waits for it: nothing of the first may live when the
// second starts.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { freshDirectory, run, type ServerProcess, until } from "../node/server-process.js";
import { type CutKind, CutProxy } from "./cut-proxy.js";

/** What one round saw. */
export interface CutRound {
  /** Process ids of the first command's group that were alive when the second started. */
  readonly alive: string;
  readonly firstExitCode: number | null;
  readonly secondExitCode: number | null;
}

/** The forked child and the command itself ignore SIGTERM, so that only a kill ends them. */
const STUBBORN = `trap '' TERM; (trap '' TERM; while :; do sleep 0.05; done) & echo "$$ $!"`;

/**
 * Flags of the server of such rounds. Nobody listens where it says that its workers are, and dialling there is refused at
 * once on every machine: so clients keep to the address that they were given, the proxy's, and all of them is cut.
 */
export const CUT_SERVER_FLAGS: readonly string[] = [
  "--limits-ttl-min",
  "500ms",
  "--listen-advertise",
  "127.255.255.254",
];

/** Plays one round. The TTL is short, and the server must allow it. */
export async function playCutRound(server: ServerProcess, resource: string, kind: CutKind): Promise<CutRound> {
  const file = join(freshDirectory(), "pids");
  const proxy = await CutProxy.start(server.ports[0] ?? assert.fail("no port"));
  try {
    const first = run(
      [
        "lock",
        resource,
        "--ttl",
        "1500ms",
        "--",
        "sh",
        "-c",
        `${STUBBORN} > ${file}.new; mv ${file}.new ${file}; wait`,
      ],
      { HOLDFAST_URL: `holdfast://127.0.0.1:${proxy.port}` },
    );
    await until("the first command", () => existsSync(file));
    const pids = readFileSync(file, "utf8").trim();
    const look = `for p in ${pids}; do grep -qs '^State:[[:space:]]*[^ZX[:space:]]' /proc/$p/status && echo $p; done; exit 0`;
    const second = run(["lock", resource, "--wait", "60s", "--", "sh", "-c", look], { HOLDFAST_URL: server.url });
    proxy.cut(kind);
    const { exitCode: secondExitCode, stdout: alive, stderr } = await second.ended;
    assert.equal(secondExitCode, 0, stderr);
    if (alive !== "") first.child.kill("SIGTERM"); // It has failed already, and would go on for ever.
    if (alive !== "") for (const pid of alive.trim().split("\n")) process.kill(Number(pid), "SIGKILL");
    const { exitCode: firstExitCode } = await first.ended;
    return { alive, firstExitCode, secondExitCode };
  } finally {
    proxy.stop();
  }
}
