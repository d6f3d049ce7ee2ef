/**
 * Which source a figure is about. Runs add up as long as `src`, but for `cli` and `console`, is unchanged, whatever else
 * is committed meanwhile; so each line of proof carries the hash of those files as they were. Anybody can check it:
 *
 *     git ls-tree -r COMMIT src/ | grep -vP '\tsrc/(cli|console)/' | sha1sum
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../house/house.js";

const LEFT_OUT = /^src\/(?:cli|console)\//;
const HASH_DIGITS = 12;

/** The hash of the source as it lies there, twelve hexadecimal digits. */
export function sourceTree(): string {
  const paths = readdirSync(join(root, "src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(join(root, "").length))
    .filter((path) => !LEFT_OUT.test(path))
    .sort(byBytes);
  return listingHash(
    paths.map((path) => `100644 blob ${blobHash(readFileSync(join(root, path)))}\t${path}\n`).join(""),
  );
}

/** The commit, with `+changes` where the source is not the commit's; `none` outside a repository. */
export function commitOfRun(): string {
  try {
    const commit = git("rev-parse", "HEAD").trim().slice(0, HASH_DIGITS);
    const listing = git("ls-tree", "-r", "HEAD", "src/").split("\n");
    const committed = listing.filter((line) => line !== "" && !LEFT_OUT.test(line.split("\t")[1] ?? ""));
    return listingHash(committed.map((line) => `${line}\n`).join("")) === sourceTree() ? commit : `${commit}+changes`;
  } catch {
    return "none";
  }
}

function git(...args: readonly string[]): string {
  return execFileSync("git", args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
}

/** As git names a file's content. */
function blobHash(content: Buffer): string {
  return createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex");
}

function listingHash(listing: string): string {
  return createHash("sha1").update(listing).digest("hex").slice(0, HASH_DIGITS);
}

/** The order in which git lists. */
function byBytes(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}
