/** `holdfast config`: whether the settings are right, and what is in force from where, without starting anything. */
import { Command } from "commander";
import { dottedName } from "../node/settings-names.js";
import { surroundingsOf } from "./options.js";
import { settingsOf, withSettings } from "./settings-flags.js";

/** Makes the command, with its two parts. */
export function configCommand(): Command {
  const check = new Command("check")
    .description("read all settings and say what is wrong with them")
    .action(checkConfig);
  const show = new Command("show").description("show the settings in force and where each is from").action(showConfig);
  return new Command("config")
    .description("look at the settings of a node")
    .addCommand(withSettings(check))
    .addCommand(withSettings(show));
}

function checkConfig(_options: unknown, command: Command): void {
  const { output } = surroundingsOf(command);
  const { file, origins } = settingsOf(command, output);
  const set = origins.filter(({ origin }) => origin !== "default").length;
  const where = file === null ? "no file" : file;
  output.data(`the settings are right (${where}; ${set} set, the others are defaults)`, { valid: true, file, set });
}

function showConfig(_options: unknown, command: Command): void {
  const { output } = surroundingsOf(command);
  const { origins } = settingsOf(command, output);
  const rows = origins.map((setting) => [dottedName(setting), setting.value, setting.origin]);
  output.table(["SETTING", "VALUE", "FROM"], rows, origins);
}
