// `make packages-installed`: npm installs each package from its tarball into an empty project, with what it depends on from
// the registry, and a program uses it. better-sqlite3 is compiled, so this takes minutes.
import { execFileSync } from "node:child_process";
import { emptyProject, packBoth, runScript, useOf } from "../packed.js";
import { startServer } from "../../node/server-process.js";

const server = await startServer();
const { whole, client } = await packBoth();
for (const one of [client, whole]) {
  const began = performance.now();
  const project = emptyProject();
  execFileSync("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error", one.file], {
    cwd: project,
    stdio: ["ignore", "inherit", "inherit"],
  });
  const seconds = ((performance.now() - began) / 1_000).toFixed(1);
  const said = await runScript(project, "a.mjs", useOf(`import { Holdfast } from "${one.name}";`), {
    HOLDFAST_URL: server.url,
  });
  if (said !== "token true\n") throw new Error(`${one.name} said ${said}`);
  console.log(`${one.name}: ${one.size} bytes packed, installed in ${seconds} s, and used`);
}
const project = emptyProject();
execFileSync("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error", whole.file], { cwd: project });
const command = [
  "--no-install",
  "holdfast",
  "lock",
  "package:4",
  "--url",
  server.url,
  "--",
  "echo",
  "the command runs",
];
execFileSync("npx", command, { cwd: project, stdio: ["ignore", "inherit", "inherit"] });
await server.stop();
process.exit();
