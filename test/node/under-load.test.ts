/** How a node ends while clients keep it busy: by a signal in order, by a disk that fails at once; nothing answered is lost. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { RawConnection } from "../client/raw-connection.js";
import { type ServerProcess, startServer, until } from "./server-process.js";

const CLIENTS = 4;
/** Requests of each that are under way at a time. */
const WINDOW = 200;
const LEASE_MS = 300_000;
const ENDS_WITHIN_MS = 5_000;

/** What clients were answered while they acquired one lock after the other, until their connections were closed. */
interface Answered {
  readonly granted: ReadonlySet<string>;
  /** Codes of what was refused. */
  readonly refused: ReadonlySet<string>;
}

/** Keeps a server busy until it closes the connections. `told` hears how many grants there are so far. */
async function acquireUntilClosed(server: ServerProcess, told: (granted: number) => void): Promise<Answered> {
  const granted = new Set<string>();
  const refused = new Set<string>();
  const one = async (who: number): Promise<void> => {
    const { connection } = await RawConnection.greeted(`127.0.0.1:${server.ports[1 + (who % 2)]}`);
    const nameOf = (id: number): string => `load-${who}:${id}`;
    const ask = (id: number): void => connection.send([[10, id, nameOf(id), LEASE_MS]]);
    for (let id = 1; id <= WINDOW; id++) ask(id);
    try {
      for (let id = WINDOW + 1; ; id++) {
        const answer = await connection.take((said) => said.kind === "granted" || said.kind === "fault");
        if (answer.kind === "granted") granted.add(nameOf(answer.id));
        if (answer.kind === "fault") refused.add(answer.code);
        told(granted.size);
        ask(id);
      }
    } catch {
      for (const said of connection.received) if (said.kind === "granted") granted.add(nameOf(said.id));
    }
    assert.ok(connection.socket.readyState !== connection.socket.OPEN, "it ends with the connection");
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, who) => one(who)));
  return { granted, refused };
}

/** @throws AssertionError if a lock that was granted is not held after a restart */
async function assertKept(server: ServerProcess, { granted }: Answered): Promise<void> {
  const again = await startServer({ dataDir: server.dataDir });
  const { connection } = await RawConnection.greeted(again.address);
  const names = [...granted];
  const all = (): boolean => connection.received.filter(({ kind }) => kind === "checked").length === names.length;
  connection.send(names.map((resource, index) => [13, index + 1, resource]));
  await until("each lock to be checked", () => all());
  const lost = connection.received.flatMap((said) =>
    said.kind === "checked" && said.holders.length !== 1 ? [names[said.id - 1]] : [],
  );
  connection.cut();
  assert.deepEqual(lost, []);
  assert.equal((await again.stop()).exitCode, 0);
}

test("SIGTERM under load: new work is told to try elsewhere, the node exits with 0 within 5 s, and what it granted is kept", async () => {
  const server = await startServer();
  let ended: ReturnType<ServerProcess["stop"]> | undefined;
  let beganMs = 0;
  const answered = await acquireUntilClosed(server, (granted) => {
    if (granted < 1_000 || ended !== undefined) return;
    beganMs = performance.now();
    ended = server.stop();
  });
  assert.ok(ended !== undefined);
  const { exitCode, stderr } = await ended;
  const tookMs = performance.now() - beganMs;
  assert.equal(exitCode, 0, stderr);
  assert.ok(tookMs < ENDS_WITHIN_MS, `it took ${tookMs} ms`);
  assert.deepEqual([...answered.refused], ["draining"]);
  await assertKept(server, answered);
});

test("a disk that fails ends the node with 1 and one fatal line: what failed, and what to do; what it granted is kept (R-7)", async () => {
  const server = await startServer();
  let isLimited = false;
  const answered = await acquireUntilClosed(server, (granted) => {
    if (granted < 500 || isLimited) return;
    isLimited = true;
    // From now on no file of the process can grow beyond this: a write behind it fails with EFBIG.
    const { status } = spawnSync("prlimit", [`--pid=${server.pid}`, "--fsize=200000"]);
    assert.equal(status, 0);
  });
  const { exitCode, stderr } = await server.ended;
  assert.equal(exitCode, 1, stderr);
  const fatal = stderr.split("\n").filter((line) => line.includes('"level":"fatal"'));
  assert.equal(fatal.length, 1, stderr);
  assert.match(fatal[0] ?? "", /disk-failed: .*store-[01]\.db.*Check the disk and the kernel's log, then restart/);
  await assertKept(server, answered);
});
