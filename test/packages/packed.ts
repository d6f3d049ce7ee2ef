// Both packages as npm would publish them, and projects that use them.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { z } from "zod";
import { freshDirectory } from "../node/server-process.js";

/** This repository. */
export const ROOT: string = fileURLToPath(new URL("../../../", import.meta.url));
const runFile = promisify(execFile);

/** A package that was packed; size in bytes. */
export interface Packed {
  readonly name: string;
  readonly file: string;
  readonly size: number;
}

const packedSchema: z.ZodType<Packed> = z.object({ name: z.string(), file: z.string(), size: z.number() });

/** Packs both. */
export async function packBoth(): Promise<{ readonly whole: Packed; readonly client: Packed }> {
  const { stdout } = await runFile(process.execPath, [join(ROOT, "config/tools/packages.js"), freshDirectory()]);
  const packed = stdout
    .trim()
    .split("\n")
    .map((line) => packedSchema.parse(JSON.parse(line)));
  const of = (name: string): Packed => packed.find((one) => one.name === name) ?? assert.fail(`${name} was not packed`);
  return { whole: of("holdfast"), client: of("holdfast-client") };
}

/** An empty project. */
export function emptyProject(): string {
  const project = freshDirectory();
  writeFileSync(join(project, "package.json"), '{ "name": "empty", "version": "1.0.0", "private": true }\n');
  return project;
}

/** Unpacks a package into `node_modules` of a project, without what it depends on. @returns its directory */
export async function unpackInto(project: string, { name, file }: Packed): Promise<string> {
  const place = join(project, "node_modules", name);
  mkdirSync(place, { recursive: true });
  await runFile("tar", ["-xzf", file, "-C", place, "--strip-components=1"]);
  return place;
}

/** Runs a script of a project. @returns what it has written @throws if it fails, with what it has said */
export async function runScript(
  project: string,
  name: string,
  text: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  writeFileSync(join(project, name), text);
  const env = { ...process.env, ...environment };
  return (await runFile(process.execPath, [name], { cwd: project, env })).stdout;
}

/** A script that takes a lock by the library of that name; `load` is how it gets it. */
export function useOf(load: string): string {
  return `${load}
(async () => {
  const holdfast = await Holdfast.connect();
  await holdfast.withLock("package:1", {}, (lock) => console.log("token", lock.token > 0));
  await holdfast.close();
})();
`;
}
