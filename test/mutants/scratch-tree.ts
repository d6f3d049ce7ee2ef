/**
 * The compiled code with one bug in it: a copy in a folder of its own, in which the one file is compiled anew. Nothing of
 * it is ever loaded beside the real code; processes of its own run it.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import ts from "typescript";
import { root } from "../house/house.js";
import { type Mutant, mutated } from "./mutant.js";

/** What a test may read beside the compiled code. */
const LENT = ["src", "test", "config", "node_modules", "package.json", "README.md", "tsconfig.json"];
/** What of dist a process may load. */
const ROOMS = ["src", "test"];

/** The source of a mutant's file as it stands. */
export function sourceOf({ file }: Mutant): string {
  return readFileSync(join(root, "src", file), "utf8");
}

/** A folder with the mutant's compiled code in `dist`. Remove it with `dropTree`. @throws Error if it fits no more */
export function makeTree(mutant: Mutant): string {
  const { outputText } = ts.transpileModule(mutated(mutant, sourceOf(mutant)), {
    fileName: mutant.file,
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true },
  });
  const tree = mkdtempSync(join(tmpdir(), `holdfast-mutant-${mutant.name}-`));
  for (const name of LENT) symlinkSync(join(root, name), join(tree, name));
  mkdirSync(join(tree, "dist"));
  for (const room of ROOMS) {
    cpSync(join(root, "dist", room), join(tree, "dist", room), { recursive: true, filter: isRun });
  }
  const compiled = join(tree, "dist/src", dirname(mutant.file), basename(mutant.file, ".ts"));
  writeFileSync(`${compiled}.js`, outputText);
  return tree;
}

/** Folders, and what Node.js loads. */
function isRun(path: string): boolean {
  return path.endsWith(".js") || path.endsWith(".json") || !basename(path).includes(".");
}

/** Removes what `makeTree` has made. */
export function dropTree(tree: string): void {
  rmSync(tree, { recursive: true, force: true });
}
