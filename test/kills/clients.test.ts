/** Ten rounds with the clients that users have: the library and HTTP. */
import { test } from "node:test";
import { seedOfRun } from "../tables/random.js";
import { runClientRounds } from "./client-rounds.js";

test("whatever moment the server is killed at, the library and HTTP find all that was answered (INV-3)", async (t) => {
  const seed = seedOfRun();
  t.diagnostic(`SEED=${seed}`);
  await runClientRounds({ rounds: 10, seed, tell: (line) => t.diagnostic(line) });
});
