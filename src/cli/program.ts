/** The command tree: which commands there are, and what they have in common. */
import { Command, type CommanderError } from "commander";
import { packageVersion } from "../node/version.js";
import { acquireCommand } from "./acquire.js";
import { benchCommand } from "./bench.js";
import { checkCommand } from "./check.js";
import { addCompletion } from "./completion.js";
import { configCommand } from "./config.js";
import { devCommand } from "./dev.js";
import { electCommand } from "./elect.js";
import { CommandFailure, EXIT_CODES, LOCK_EXIT_CODES } from "./failure.js";
import { forceReleaseCommand } from "./force-release.js";
import { listCommand } from "./list.js";
import { lockCommand } from "./lock.js";
import { nodeCommand } from "./node.js";
import { planCommand } from "./plan.js";
import { releaseCommand } from "./release.js";
import { renewCommand } from "./renew.js";
import { revokeCommand } from "./revoke.js";
import { serveCommand } from "./serve.js";
import { shardsCommand } from "./shards.js";
import { statusCommand } from "./status.js";
import { topCommand } from "./top.js";
import { watchCommand } from "./watch.js";

/** Commands whose exit codes are those of the command that they run, but for a few of their own. */
const RUNNING_ANOTHER: readonly string[] = ["lock", "elect"];
const AFTER_HELP = `
Exit codes: 0 done, 1 failed, 2 wrong use, 3 busy or not held, 4 timed out, 5 lock lost, 69 unavailable,
77 not permitted, 130 interrupted. \`holdfast lock\` and \`elect\` exit as their command does, or with
121 busy, 122 timed out, 123 lost, 125 another failure of their own.

First lock: \`holdfast dev\` here, and in another terminal: holdfast lock order:12345 -- sh -c 'echo $HOLDFAST_TOKEN'`;

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
  for (const command of [lockCommand(), electCommand(), acquireCommand(), releaseCommand(), renewCommand()])
    program.addCommand(command);
  program.commandsGroup("Looking:");
  for (const command of [checkCommand(), listCommand(), watchCommand(), statusCommand(), topCommand()])
    program.addCommand(command);
  program.commandsGroup("Administration:");
  for (const command of [revokeCommand(), forceReleaseCommand()]) program.addCommand(command);
  program.commandsGroup("Clusters:");
  for (const command of [nodeCommand(), shardsCommand()]) program.addCommand(command);
  program.commandsGroup("Servers:");
  for (const command of [serveCommand(), devCommand(), configCommand(), benchCommand(), planCommand()])
    program.addCommand(command);
  program.commandsGroup("Help:");
  addCompletion(program);
  program.helpCommand("help [command]", "show what a command does, its options and its exit codes");
  overrideExits(program);
  return program;
}

/** Commander's own exits would skip ours, and know one exit code only. */
function overrideExits(command: Command): void {
  const wrongUse = RUNNING_ANOTHER.includes(command.name()) ? LOCK_EXIT_CODES.failed : EXIT_CODES.wrongUse;
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
