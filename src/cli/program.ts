/** The command tree: which commands there are, and what they have in common. */
import { Command, type CommanderError } from "commander";
import { packageVersion } from "../node/version.js";
import { acquireCommand } from "./acquire.js";
import { benchCommand } from "./bench.js";
import { checkCommand } from "./check.js";
import { configCommand } from "./config.js";
import { CommandFailure, EXIT_CODES, LOCK_EXIT_CODES } from "./failure.js";
import { forceReleaseCommand } from "./force-release.js";
import { listCommand } from "./list.js";
import { lockCommand } from "./lock.js";
import { releaseCommand } from "./release.js";
import { renewCommand } from "./renew.js";
import { revokeCommand } from "./revoke.js";
import { serveCommand } from "./serve.js";
import { statusCommand } from "./status.js";
import { watchCommand } from "./watch.js";

const AFTER_HELP = `
Exit codes: 0 done, 1 failed, 2 wrong use, 3 busy or not held, 4 timed out, 5 lock lost, 69 unavailable,
77 not permitted, 130 interrupted. \`holdfast lock\` exits as its command does.`;

/** Makes the whole tree. Parsing it throws CommandFailure where the use is wrong, CommanderError after a help text. */
export function makeProgram(): Command {
  const program = new Command("holdfast")
    .description("Holdfast: a lock service that many programs on many machines can trust.")
    .version(packageVersion())
    .option("--json", "data as JSON, one value a line")
    .option("--url <url>", "holdfast://[key@]host:port[,host:port] (default: HOLDFAST_URL, else 127.0.0.1:7400)")
    .configureHelp({ showGlobalOptions: true })
    .addHelpText("after", AFTER_HELP);
  program.commandsGroup("Locks:");
  for (const command of [lockCommand(), acquireCommand(), releaseCommand(), renewCommand()])
    program.addCommand(command);
  program.commandsGroup("Looking:");
  for (const command of [checkCommand(), listCommand(), watchCommand(), statusCommand()]) program.addCommand(command);
  program.commandsGroup("Administration:");
  for (const command of [revokeCommand(), forceReleaseCommand()]) program.addCommand(command);
  program.commandsGroup("Servers:");
  for (const command of [serveCommand(), configCommand(), benchCommand()]) program.addCommand(command);
  overrideExits(program);
  return program;
}

/** Commander's own exits would skip ours, and know one exit code only. */
function overrideExits(command: Command): void {
  const wrongUse = command.name() === "lock" ? LOCK_EXIT_CODES.failed : EXIT_CODES.wrongUse;
  command.configureHelp({ showGlobalOptions: true });
  command.configureOutput({ outputError: () => {} }); // main.ts says it, in the form that was asked for.
  command.exitOverride((error: CommanderError) => {
    if (error.exitCode === 0) throw error;
    if (error.code === "commander.help") throw new CommandFailure(wrongUse, "wrong-use", "say which command");
    const message = error.message.replace(/^error: /, "").replace(/\n\(Did you mean (.*)\?\)$/, "; did you mean $1?");
    throw new CommandFailure(wrongUse, "wrong-use", `${message} (see ${pathOf(command)} --help)`);
  });
  for (const sub of command.commands) overrideExits(sub);
}

/** "holdfast config check". */
function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}
