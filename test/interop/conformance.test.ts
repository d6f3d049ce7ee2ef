/**
 * The conformance run: each scenario by each client against real servers. The clients in other languages are written from
 * PROTOCOL.md alone, so what fails here only for them is a hole in that page.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { whyNoBrowser } from "../client/browser-page.js";
import { root } from "../house/house.js";
import { freshDirectory, type ServerProcess, startServer } from "../node/server-process.js";
import type { ConformanceDriver } from "./conformance-driver.js";
import { go, python } from "./languages.js";
import { makeLateDirectory } from "./late-directory.js";
import { PageDriver } from "./page-driver.js";
import { ProcessDriver } from "./process-driver.js";
import { runScenario } from "./run-scenario.js";
import { parseScenarios, type Scenario } from "./scenario.js";
import { SdkDriver } from "./sdk-driver.js";

/** TTLs that a test can wait for. */
const FLAGS: readonly string[] = ["--limits-ttl-min", "200ms"];
/** They wait more than they work. */
const SCENARIOS_AT_ONCE = 12;
const folder = join(root, "test/interop/scenarios");
const scenarios = readdirSync(folder).flatMap((name) => parseScenarios(readFileSync(join(folder, name), "utf8")));

/** Two workers, of which clients see both; and one, whose only connections are those that the run cuts. */
let plain: ServerProcess;
let single: ServerProcess;

before(async () => {
  const dataDir = freshDirectory();
  await makeLateDirectory(dataDir);
  [plain, single] = await Promise.all([
    startServer({ dataDir, flags: FLAGS }),
    startServer({ flags: [...FLAGS, "--workers", "1"] }),
  ]);
});

function conforms(
  name: string,
  missing: string | false,
  start: () => ConformanceDriver | Promise<ConformanceDriver>,
): void {
  describe(name, { concurrency: SCENARIOS_AT_ONCE, skip: missing }, () => {
    let driver: ConformanceDriver;
    before(async () => {
      driver = await start();
    });
    after(async () => {
      await driver.end();
    });
    for (const scenario of scenarios) {
      test(scenario.title, async () => {
        await runScenario(scenario, driver, serverFor(scenario).address);
      });
    }
  });
}

function serverFor({ disturbed }: Scenario): ServerProcess {
  return disturbed.size === 0 ? plain : single;
}

test("there are scenarios, and none is without a step", () => {
  assert.ok(scenarios.length > 30, `${scenarios.length} scenarios`);
  assert.deepEqual(
    scenarios.filter(({ steps }) => steps.length === 0),
    [],
  );
});

conforms("the library", false, () => new SdkDriver());
conforms("the library in Chromium", whyNoBrowser() ?? false, async () => PageDriver.open());
for (const { name, missing, make } of [python, go]) {
  conforms(`the ${name} client`, missing, () => new ProcessDriver(make(freshDirectory())));
}

test("after all of it the servers end in order", async () => {
  for (const server of [plain, single]) assert.equal((await server.stop()).exitCode, 0);
});
