/**
 * `holdfast dev`: a server to try things on. Its data lies in a temporary directory and goes with it, and it is small, so
 * that it is ready in a moment.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { surroundingsOf } from "./options.js";
import { leave, serveUntilEnd } from "./serve.js";
import { settingsOf, withSettings } from "./settings-flags.js";

/** What a developer's server is unless a flag says otherwise: by name of the setting. */
const SMALL: Readonly<Record<string, string>> = {
  "node.workers": "1",
  "node.stores": "1",
  "limits.claims_per_node_max": "65536",
  "logging.level": "warn",
};

/** Makes the command. */
export function devCommand(): Command {
  const command = new Command("dev")
    .description("run a server for trying things: its data is in a temporary directory, and gone when it ends")
    .action(dev);
  return withSettings(command);
}

async function dev(_options: unknown, command: Command): Promise<void> {
  const { output } = surroundingsOf(command);
  const directory = mkdtempSync(join(tmpdir(), "holdfast-dev-"));
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  process.once("exit", remove); // Settings that are refused end it, too.
  const { settings } = settingsOf(command, output, { ...SMALL, "node.data_dir": join(directory, "data") });
  const end = await serveUntilEnd(settings, output);
  remove(); // Before the end: a kill runs no listener.
  leave(end, output);
}
