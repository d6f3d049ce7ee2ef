/** Installs what the peers need from Debian, and sees to it that no service of theirs is left running. */
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { env } from "node:process";
import { root } from "../generator.js";

const LIST: string = join(root, "config", "debian-packages-peers");

/** What the list has, without its reasons. */
function listed(): readonly string[] {
  const lines = readFileSync(LIST, "utf8").split("\n");
  return lines.map((line) => line.replace(/#.*/, "").trim()).filter((line) => line !== "");
}

/** Whether Debian's package is there. */
function isInstalled(name: string): boolean {
  const asked = spawnSync("dpkg-query", ["-W", "-f", "${db:Status-Status}", name], { encoding: "utf8" });
  return asked.stdout === "installed";
}

/**
 * Installs those of `names` that are missing. Services that came with them are stopped: the benches start servers of their
 * own, at free ports and on data of their own.
 * @throws Error if one is missing and the user is not root, or if it is not in config/debian-packages-peers
 */
export function installPackages(names: readonly string[]): void {
  const unlisted = names.filter((name) => !listed().includes(name));
  if (unlisted.length > 0) throw new Error(`${unlisted.join(", ")} should stand in config/debian-packages-peers`);
  const missing = [...new Set(names)].filter((name) => !isInstalled(name));
  if (missing.length === 0) return;
  const command = ["install", "-y", "-qq", "--no-install-recommends", ...missing];
  if (process.getuid?.() !== 0)
    throw new Error(`not root, so these have to be installed by hand: apt-get ${command.join(" ")}`);
  console.log(`Installing ${missing.join(", ")} from Debian`);
  const settings = { ...env, DEBIAN_FRONTEND: "noninteractive" };
  execFileSync("apt-get", ["update", "-qq"], { env: settings, stdio: ["ignore", "ignore", "inherit"] });
  execFileSync("apt-get", command, { env: settings, stdio: ["ignore", "ignore", "inherit"] });
  spawnSync("systemctl", ["disable", "--now", ...missing], { stdio: "ignore" }); // Most of them are no service.
}
