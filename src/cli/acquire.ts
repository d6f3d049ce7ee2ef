/**
 * `holdfast acquire`: takes a lock that stays after the command has ended, until its token releases it or its TTL is
 * over. For scripts that hold over several commands; `holdfast lock` is safer where one command does the work.
 */
import { Command } from "commander";
import { callApi } from "./api.js";
import { grantAnswer } from "./answers.js";
import {
  acquireOptions,
  defaultMetadata,
  durationMsOf,
  durationText,
  surroundingsOf,
  withAcquireOptions,
} from "./options.js";

/** Beyond the wait itself, so long may the answer take, in milliseconds. */
const ANSWER_WITHIN_MS = 10_000;

/** Makes the command. */
export function acquireCommand(): Command {
  const command = new Command("acquire")
    .description("take a lock that outlives this command, and print its token")
    .argument("<resource>", "what to lock, such as order:12345")
    .option("--ttl <duration>", "how long it holds without a renew (default: the server's, 30s)", durationText);
  return withAcquireOptions(command).action(acquire);
}

async function acquire(resource: string, _options: unknown, command: Command): Promise<void> {
  const { output, url } = surroundingsOf(command);
  const options = acquireOptions.parse(command.opts());
  const body = {
    resource,
    metadata: options.metadata ?? defaultMetadata(),
    ...(options.ttl === undefined ? {} : { ttl: options.ttl }),
    ...(options.wait === undefined ? {} : { wait: options.wait }),
    ...(options.lockDelay === undefined ? {} : { lockDelay: options.lockDelay }),
    ...(options.permits === undefined ? {} : { mode: "permit", permits: options.permits }),
    ...(options.shared ? { mode: "shared" } : {}),
  };
  const withinMs = durationMsOf(options.wait) + ANSWER_WITHIN_MS;
  const granted = await callApi(url, { method: "POST", path: "/v1/acquire", body, withinMs }, grantAnswer);
  output.data(String(granted.token), { resource, ...granted });
}
