/** `holdfast check`: who holds a resource; its exit code says whether it is free. */
import { Command } from "commander";
import { formatDuration } from "../words/duration.js";
import { type CheckAnswer, checkAnswer, holderText } from "./answers.js";
import { callApi } from "./api.js";
import { EXIT_CODES } from "./failure.js";
import { surroundingsOf } from "./options.js";
import { styled } from "./output.js";

/** Makes the command. */
export function checkCommand(): Command {
  return new Command("check")
    .description("show who holds a resource; exits with 0 if it is free, with 3 if not")
    .argument("<resource>", "what to look at")
    .action(check);
}

async function check(resource: string, _options: unknown, command: Command): Promise<void> {
  const { output, url } = surroundingsOf(command);
  const path = `/v1/check?resource=${encodeURIComponent(resource)}`;
  const checked = await callApi(url, { method: "GET", path }, checkAnswer);
  const isFree = checked.holders.length === 0 && checked.lockDelayMs === 0;
  output.data(checkText(checked, isFree), { resource, free: isFree, ...checked });
  process.exitCode = isFree ? EXIT_CODES.done : EXIT_CODES.busy;
}

function checkText({ holders, waiters, lockDelayMs }: CheckAnswer, isFree: boolean): string {
  const lines = holders.map((holder) => `${styled("yellow", "held")}: ${holderText(holder)}`);
  if (isFree) lines.push(styled("green", "free"));
  if (lockDelayMs > 0) lines.push(`${styled("yellow", "closed")} for ${formatDuration(lockDelayMs)} by a lock-delay`);
  if (waiters > 0) lines.push(`${waiters} waiting`);
  return lines.join("\n");
}
