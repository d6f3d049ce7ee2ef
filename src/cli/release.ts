/** `holdfast release`: gives back a lock by its token. */
import { Command } from "commander";
import { anyAnswer } from "./answers.js";
import { callApi } from "./api.js";
import { surroundingsOf, wholeNumber } from "./options.js";

/** Makes the command. */
export function releaseCommand(): Command {
  return new Command("release")
    .description("give back a lock that `holdfast acquire` took")
    .argument("<resource>", "what was locked")
    .argument("<token>", "the token that acquire printed", wholeNumber)
    .action(release);
}

async function release(resource: string, token: number, _options: unknown, command: Command): Promise<void> {
  const { output, url } = surroundingsOf(command);
  await callApi(url, { method: "POST", path: "/v1/release", body: { resource, token } }, anyAnswer);
  if (output.json) output.data("", { resource, token, released: true });
  else output.note(`released ${resource}`);
}
