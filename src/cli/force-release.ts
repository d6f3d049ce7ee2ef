/** `holdfast force-release`: frees a resource at once. Its holder may still believe, so only fencing protects. */
import { Command } from "commander";
import { end, withEndOptions } from "./revoke.js";

/** Makes the command. */
export function forceReleaseCommand(): Command {
  return withEndOptions(new Command("force-release"))
    .description("free a resource at once, though its holder may still work: only fencing protects (prefer revoke)")
    .action((resource: string, _options: unknown, command: Command) => end("/v1/force-release", resource, command));
}
