/** `holdfast renew`: prolongs a lock by its token; a renewal never shortens. */
import { Command } from "commander";
import { z } from "zod";
import { formatDuration } from "../words/duration.js";
import { renewalAnswer } from "./answers.js";
import { callApi } from "./api.js";
import { durationText, surroundingsOf, wholeNumber } from "./options.js";

const renewOptions = z.object({ ttl: z.string().optional() });

/** Makes the command. */
export function renewCommand(): Command {
  return new Command("renew")
    .description("prolong a lock that `holdfast acquire` took")
    .argument("<resource>", "what was locked")
    .argument("<token>", "the token that acquire printed", wholeNumber)
    .option("--ttl <duration>", "how long it holds from now on (default: as at the acquire)", durationText)
    .action(renew);
}

async function renew(resource: string, token: number, _options: unknown, command: Command): Promise<void> {
  const { output, url } = surroundingsOf(command);
  const body = { resource, token, ...renewOptions.parse(command.opts()) };
  const renewed = await callApi(url, { method: "POST", path: "/v1/renew", body }, renewalAnswer);
  output.data(formatDuration(renewed.expiresInMs), { resource, token, ...renewed });
}
