/** `holdfast revoke`: tells holders that they can't renew any more. Always safe: free when they release, or run out. */
import { Command } from "commander";
import { z } from "zod";
import { countAnswer } from "./answers.js";
import { callApi } from "./api.js";
import { CommandFailure, EXIT_CODES } from "./failure.js";
import { surroundingsOf, wholeNumber } from "./options.js";

const endOptions = z.object({ token: z.number().optional(), reason: z.string().optional() });

/** Makes the command. */
export function revokeCommand(): Command {
  return withEndOptions(new Command("revoke"))
    .description("tell the holders of a resource that they can't renew it any more; it is free when they end")
    .action((resource: string, _options: unknown, command: Command) => end("/v1/revoke", resource, command));
}

/** The options of commands that end others' claims. */
export function withEndOptions(command: Command): Command {
  return command
    .argument("<resource>", "what is locked")
    .option("--token <token>", "only the claim with this token", wholeNumber)
    .option("--reason <text>", "for those who held it, and for the audit");
}

/** Ends claims by a call of `path`, and says how many. @throws CommandFailure `not-held` if there was none */
export async function end(path: string, resource: string, command: Command): Promise<void> {
  const { output, url } = surroundingsOf(command);
  const body = { resource, ...endOptions.parse(command.opts()) };
  const { count } = await callApi(url, { method: "POST", path, body }, countAnswer);
  if (count === 0) throw new CommandFailure(EXIT_CODES.busy, "not-held", `not-held: nobody holds ${resource}`);
  output.data(String(count), { resource, count });
}
