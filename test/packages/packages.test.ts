// The two packages have all that they need and nothing else. What npm does with them is `make packages-installed`.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { publint } from "publint";
import { z } from "zod";
import { type ServerProcess, startServer } from "../node/server-process.js";
import { emptyProject, packBoth, type Packed, ROOT, runScript, unpackInto, useOf } from "./packed.js";

const manifestSchema = z.looseObject({ dependencies: z.record(z.string(), z.string()) });
/** The client is loaded by pages and small programs. */
const CLIENT_BYTES_MAX = 120_000;

let server: ServerProcess;
let packed: { readonly whole: Packed; readonly client: Packed };
before(async () => {
  [server, packed] = await Promise.all([startServer(), packBoth()]);
});
after(() => server.stop());

/** A project with one package, and of others only what the package itself says that it needs. */
async function projectWith(one: Packed): Promise<{ readonly project: string; readonly place: string }> {
  const project = emptyProject();
  const place = await unpackInto(project, one);
  const { dependencies } = manifestSchema.parse(JSON.parse(readFileSync(join(place, "package.json"), "utf8")));
  for (const name of Object.keys(dependencies)) {
    const link = join(project, "node_modules", name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(ROOT, "node_modules", name), link);
  }
  return { project, place };
}

test("both packages are as publint wants them", async () => {
  for (const one of [packed.whole, packed.client]) {
    const { place } = await projectWith(one);
    const { messages } = await publint({ pkgDir: place, level: "warning", pack: false });
    assert.deepEqual(messages, [], one.name);
  }
});

test("holdfast-client is small, and is imported and required without the server", async () => {
  assert.ok(packed.client.size < CLIENT_BYTES_MAX, `${packed.client.size} bytes`);
  const { project } = await projectWith(packed.client);
  const environment = { HOLDFAST_URL: server.url };
  const imported = useOf('import { Holdfast } from "holdfast-client";');
  assert.equal(await runScript(project, "a.mjs", imported, environment), "token true\n");
  const required = useOf('const { Holdfast } = require("holdfast-client");');
  assert.equal(await runScript(project, "b.cjs", required, environment), "token true\n");
});

test("holdfast has library, testing and command", async () => {
  const { project, place } = await projectWith(packed.whole);
  const script = `
import { Holdfast } from "holdfast";
import { startTestServer } from "holdfast/testing";
const server = await startTestServer();
const holdfast = await server.connect();
const lock = await holdfast.acquire("package:2", { ttl: "30s", autoRenew: false });
await server.advance("31s");
console.log(holdfast instanceof Holdfast, lock.isHeld());
await server.stop();
`;
  assert.equal(await runScript(project, "a.mjs", script), "true false\n");
  const { bin } = z
    .looseObject({ bin: z.object({ holdfast: z.string() }) })
    .parse(JSON.parse(readFileSync(join(place, "package.json"), "utf8")));
  const args = ["lock", "package:3", "--url", server.url, "--", "echo", "locked"];
  const command = `import { execFileSync } from "node:child_process";
execFileSync(process.execPath, ["node_modules/holdfast/${bin.holdfast}", ...${JSON.stringify(args)}], { stdio: "inherit" });`;
  assert.equal(await runScript(project, "c.mjs", command), "locked\n");
});
