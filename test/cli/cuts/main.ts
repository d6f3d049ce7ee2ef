// `make lock-cuts`: ROUNDS=100 times a command that holds a lock is cut off from the server while another one waits. The
// first one's process group must be gone before the second starts, each time.
import { startServer } from "../../node/server-process.js";
import { CUT_SERVER_FLAGS, playCutRound } from "../cut-round.js";

const AT_ONCE = 2;
const rounds = Number(process.env["ROUNDS"] ?? 100);
const server = await startServer({ flags: CUT_SERVER_FLAGS });
const began = performance.now();
let left = rounds;
let wrong = 0;

async function play(): Promise<void> {
  for (; left > 0; ) {
    left -= 1;
    const number = rounds - left;
    const { alive, firstExitCode } = await playCutRound(
      server,
      `cut:${number}`,
      number % 2 === 0 ? "reset" : "silence",
    );
    if (alive === "" && firstExitCode === 123) continue;
    wrong += 1;
    console.error(`round ${number}: alive ${JSON.stringify(alive)}, the first exited with ${firstExitCode}`);
  }
}

await Promise.all(Array.from({ length: AT_ONCE }, play));
await server.stop();
const seconds = Math.round((performance.now() - began) / 1_000);
console.log(`lock-cuts: ${rounds - wrong} of ${rounds} ended in time, in ${seconds} s`);
process.exitCode = wrong === 0 ? 0 : 1;
