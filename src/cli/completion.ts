/** Completion of commands and options in the shell, out of the command tree. The package that does it is known here only. */
import tab from "@bomb.sh/tab/commander";
import type { Command } from "commander";

/** Adds `completion SHELL`, which writes the shell's script, and the hidden `complete`, which that script calls. */
export function addCompletion(program: Command): void {
  tab(program, { completionCommandName: "completion" });
  const command = program.commands.find((one) => one.name() === "completion");
  command?.summary("write the script that lets a shell complete commands and options").addHelpText(
    "after",
    `
bash:  source <(holdfast completion bash), in ~/.bashrc
zsh:   source <(holdfast completion zsh), in ~/.zshrc after compinit
fish:  holdfast completion fish > ~/.config/fish/completions/holdfast.fish`,
  );
}
