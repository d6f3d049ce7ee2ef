// Packs the two packages out of what tsc wrote, into the folder that is named: `holdfast` as npm packs this directory, and
// `holdfast-client`, the library alone. What the library needs is found by its imports, so that nothing of the server
// comes with it by mistake. Writes a JSON line for each: name, file, size in bytes, files.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const compiled = join(root, "dist/src");
const whole = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const target = resolve(process.argv[2] ?? join(root, "dist/packages"));

/** Imports, exports from elsewhere, and threads that are started by their file. */
const REFERENCES = [/\bfrom "([^"]+)"/g, /\bimport\("([^"]+)"\)/g, /^import "([^"]+)"/gm, /new URL\("(\.[^"]+\.js)"/g];

function referencesOf(commented) {
  const text = commented.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
  return REFERENCES.flatMap((pattern) => [...text.matchAll(pattern)].map((match) => match[1]));
}

/** All files that the entries lead to, and the packages that these name. */
function closureOf(entries) {
  const files = new Set();
  const packages = new Set();
  const look = (file) => {
    if (files.has(file)) return;
    files.add(file);
    for (const reference of referencesOf(readFileSync(file, "utf8"))) {
      if (reference.startsWith(".")) {
        const path = join(dirname(file), reference);
        look(file.endsWith(".d.ts") ? path.replace(/\.js$/, ".d.ts") : path);
      } else if (!reference.startsWith("node:")) {
        packages.add(
          reference
            .split("/")
            .slice(0, reference.startsWith("@") ? 2 : 1)
            .join("/"),
        );
      }
    }
    const types = file.replace(/\.js$/, ".d.ts");
    if (file.endsWith(".js") && existsSync(types)) look(types);
  };
  for (const entry of entries) look(entry);
  return { files: [...files].sort(), packages: [...packages].sort() };
}

/** Every path in an entry of `exports`, whatever its conditions. */
function pathsIn(entry) {
  return typeof entry === "string" ? [entry] : Object.values(entry).flatMap(pathsIn);
}

function moved(entry) {
  if (typeof entry === "string") return entry.replace("./dist/src/", "./dist/");
  return Object.fromEntries(Object.entries(entry).map(([condition, value]) => [condition, moved(value)]));
}

function makeClient(folder) {
  const entry = whole.exports["."];
  const { files, packages } = closureOf(pathsIn(entry).map((path) => join(root, path)));
  rmSync(folder, { recursive: true, force: true });
  for (const file of files) {
    const copy = join(folder, "dist", relative(compiled, file));
    mkdirSync(dirname(copy), { recursive: true });
    writeFileSync(copy, readFileSync(file, "utf8").replace(/\n\/\/# sourceMappingURL=.*\n?$/, "\n"));
  }
  const dependencies = packages.map((name) => [name, whole.dependencies[name]]);
  const unknown = dependencies.filter(([, version]) => version === undefined).map(([name]) => name);
  if (unknown.length > 0) throw new Error(`the library imports what is no dependency: ${unknown.join(", ")}`);
  const { version, license, type, sideEffects, engines } = whole;
  const description = "The client library of Holdfast, a distributed lock service: Node, browsers, Deno, Bun.";
  const manifest = { name: "holdfast-client", version, description, license, type, sideEffects, engines };
  const rest = { exports: { ".": moved(entry) }, files: ["dist"], dependencies: Object.fromEntries(dependencies) };
  writeFileSync(join(folder, "package.json"), `${JSON.stringify({ ...manifest, ...rest }, null, 2)}\n`);
  cpSync(join(root, "config/client-package.md"), join(folder, "README.md"));
  for (const name of ["LICENSE", "CHANGELOG.md"]) cpSync(join(root, name), join(folder, name));
}

function pack(folder) {
  // `--ignore-scripts`: prepack would build, and who calls this has built.
  const args = ["pack", "--json", "--ignore-scripts", "--loglevel=error", "--pack-destination", target];
  const [packed] = JSON.parse(execFileSync("npm", args, { cwd: folder, encoding: "utf8", maxBuffer: 2 ** 26 }));
  const { name, filename, size, entryCount } = packed;
  console.log(JSON.stringify({ name, file: join(target, filename), size, files: entryCount }));
}

mkdirSync(target, { recursive: true });
const client = join(target, "holdfast-client");
makeClient(client);
pack(root);
pack(client);
