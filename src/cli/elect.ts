/**
 * `holdfast elect NAME -- COMMAND…`: stands for election, for as long as it takes, and runs a command while it leads. The
 * same as a lock that is waited for without an end; `holdfast.elect` of the library campaigns for the same name.
 */
import { Command } from "commander";
import { z } from "zod";
import { Holdfast } from "../client/index.js";
import { runWhileHeld } from "./held-command.js";
import { Interrupt } from "./interrupt.js";
import { LOCK_AFTER_HELP, lockFailure } from "./lock.js";
import { defaultMetadata, durationMsOf, durationText, surroundingsOf } from "./options.js";

const DEFAULT_TTL = "30s";
const electOptions = z.object({
  ttl: z.string().default(DEFAULT_TTL),
  lockDelay: z.string().default("0ms"),
  metadata: z.string().optional(),
});

/** Makes the command. */
export function electCommand(): Command {
  return new Command("elect")
    .description("wait, for as long as it takes, to lead, and run a command while leading")
    .argument("<name>", "what is led: of all candidates of a name at most one leads at a time")
    .argument("<command...>", "what to run, after --")
    .option("--ttl <duration>", "how long the server keeps the lead without hearing of us", durationText, DEFAULT_TTL)
    .option("--lock-delay <duration>", "how long nobody may lead after a leader that was lost", durationText)
    .option("--metadata <text>", "who this is, for people and other candidates: at most 256 bytes")
    .action(elect)
    .addHelpText("after", LOCK_AFTER_HELP);
}

async function elect(name: string, words: readonly string[], _options: unknown, command: Command): Promise<void> {
  const { output, url } = surroundingsOf(command);
  const { ttl, lockDelay, metadata = defaultMetadata() } = electOptions.parse(command.opts());
  const interrupt = new Interrupt();
  try {
    await using holdfast = await Holdfast.connect({ url, ttl, clientName: "holdfast-cli", metadata });
    const election = holdfast.elect(name, { lockDelay, metadata });
    const leadership = await election.campaign({ signal: interrupt.signal });
    output.note(`leads ${name}, with token ${leadership.token}`);
    const held = {
      resource: election.resource,
      token: leadership.token,
      signal: leadership.signal,
      remainingMs: () => leadership.remainingMs(),
      release: () => leadership.resign(),
    };
    const ended = runWhileHeld(held, { words, ttlMs: durationMsOf(ttl), output });
    interrupt.disarm(); // Only now: between the two a signal would end us, and leave the command alone.
    process.exitCode = await ended;
  } catch (error) {
    throw lockFailure(error);
  } finally {
    interrupt.disarm();
  }
}
