/** Every setting of a node as a flag of the commands that read them, from the reference that also makes the pages. */
import { type Command, Option } from "commander";
import { z } from "zod";
import { readSettings, settingsReference, type SettingsResult } from "../node/settings.js";
import { CommandFailure, EXIT_CODES } from "./failure.js";
import type { Output } from "./output.js";

const values = z.record(z.string(), z.unknown());

/** Adds `--config` and one flag for each setting. */
export function withSettings(command: Command): Command {
  command.option("--config <file>", "the file with the settings, instead of the usual ones");
  for (const row of settingsReference()) {
    const fallback = row.default === "" ? "" : `; default ${row.default}`;
    const option = new Option(`${row.flag} <value>`, `${row.why} ${row.allowed}${fallback} [${row.variable}]`);
    command.addOption(option.helpGroup(`Settings of [${row.section}]:`));
  }
  return command;
}

/** Settings in force, by flags, environment and file. */
export type SettingsInForce = Extract<SettingsResult, { readonly kind: "settings" }>;

/**
 * Reads the settings that `command` was given.
 * @param presets by name of the setting: as flags, which those that were given win over
 * @throws CommandFailure with the one message that says all that is wrong
 */
export function settingsOf(
  command: Command,
  output: Output,
  presets: Readonly<Record<string, string>> = {},
): SettingsInForce {
  const given = values.parse(command.opts());
  const flags: Record<string, string> = {};
  for (const { flag, name } of settingsReference()) {
    const value = given[new Option(`${flag} <value>`).attributeName()] ?? presets[name];
    if (typeof value === "string") flags[flag] = value;
  }
  const configPath = typeof given["config"] === "string" ? given["config"] : null;
  const result = readSettings({ flags, environment: process.env, configPath });
  for (const warning of result.warnings) output.note(`warning: ${warning}`);
  if (result.kind === "settings") return result;
  throw new CommandFailure(EXIT_CODES.wrongUse, "settings-refused", result.message);
}
