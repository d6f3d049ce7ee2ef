// Says whether node_modules is what package-lock.json asks for and fits the Node that runs, by its exit code: 0 yes,
// 1 no. `make build` asks it, because npm would need seconds to find out, and a time stamp lies after a checkout.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const root = new URL("../../", import.meta.url);
const require = createRequire(root);

function read(path) {
  return JSON.parse(readFileSync(new URL(path, root), "utf8"));
}

/** What `own`, a package.json or its copy in the lock file, depends on, as one text. */
function dependenciesOf(own) {
  const all = { ...own.dependencies, ...own.devDependencies };
  return JSON.stringify(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Why an install is needed, or undefined if none is. npm keeps what it installed in a lock file of its own. */
function whatIsWrong() {
  const wanted = read("package-lock.json").packages;
  if (dependenciesOf(read("package.json")) !== dependenciesOf(wanted[""])) {
    return "package.json and package-lock.json disagree: `npm install` brings the lock file up to date";
  }
  const installed = read("node_modules/.package-lock.json").packages;

  for (const [path, { version, optional }] of Object.entries(wanted)) {
    if (path === "") continue;
    const found = installed[path];
    if (found === undefined && optional) continue; // For another platform.
    if (found?.version !== version) return `${path} should be ${version}, is ${found?.version ?? "missing"}`;
  }
  for (const [path, { optional }] of Object.entries(installed)) {
    if (wanted[path] === undefined && !optional) return `${path} is not in the lock file`;
  }
  const Database = require("better-sqlite3"); // Native code: throws where it was built for another Node.
  new Database(":memory:").close();
  return undefined;
}

try {
  const wrong = whatIsWrong();
  if (wrong !== undefined) console.log(wrong);
  process.exitCode = wrong === undefined ? 0 : 1;
} catch (error) {
  console.log(error.code === "ENOENT" ? "nothing is installed yet" : error.message.split("\n")[0]);
  process.exitCode = 1;
}
