/** `holdfast node`: a node of a cluster is emptied, filled again, or forgotten. */
import { Command } from "commander";
import { nodeOf } from "../node/replica-names.js";
import { clusterOf, nodeNamed, withControlPlane } from "./cluster-access.js";
import { CommandFailure, EXIT_CODES } from "./failure.js";
import { bringAbout, evenGoals, standingOf, withGoalOptions } from "./goals.js";
import { surroundingsOf } from "./options.js";

/** Makes the command, with its parts. */
export function nodeCommand(): Command {
  const drain = new Command("drain")
    .description("move all shards off a node, before it is stopped for long or removed")
    .action(async (node: string, _options: unknown, command: Command) => {
      await drainNode(node, command);
    });
  const join = new Command("join")
    .description("give a node its share of shards: a new one, or one that was drained")
    .action((node: string, _options: unknown, command: Command) => joinNode(node, command));
  const remove = new Command("remove")
    .description("move what a node has to others, and forget the node; it may be dead")
    .action((node: string, _options: unknown, command: Command) => removeNode(node, command));
  const parts = [drain, join, remove];
  for (const part of parts) withGoalOptions(part.argument("<node>", "its name, id or address, as `status` shows it"));
  return parts.reduce(
    (all, part) => all.addCommand(part),
    new Command("node").description("change the nodes of a cluster"),
  );
}

/** @returns the node's id, when no shard is left on it; null after a dry run */
async function drainNode(text: string, command: Command): Promise<string | null> {
  const { output, url } = surroundingsOf(command);
  const cluster = await clusterOf(url);
  return withControlPlane(cluster, async (plane) => {
    const standing = await standingOf(plane);
    const { node, name } = nodeNamed(standing.records, text);
    const others = standing.records.filter((other) => other.node !== node && !standing.draining.includes(other.node));
    const goals = evenGoals(
      standing,
      others.map((other) => other.node),
      cluster.replicas,
    );
    if (command.opts()["dryRun"] !== true) await plane.setDraining(node, true);
    if (!(await bringAbout({ plane, output, command, goals }))) return null;
    output.note(`${name} has no replicas any more`);
    return node;
  });
}

async function joinNode(text: string, command: Command): Promise<void> {
  const { output, url } = surroundingsOf(command);
  const cluster = await clusterOf(url);
  await withControlPlane(cluster, async (plane) => {
    const standing = await standingOf(plane);
    const { node, name } = nodeNamed(standing.records, text);
    const nodes = standing.records
      .map((one) => one.node)
      .filter((one) => one === node || !standing.draining.includes(one));
    const goals = evenGoals(standing, nodes, cluster.replicas);
    if (command.opts()["dryRun"] !== true) await plane.setDraining(node, false);
    if (await bringAbout({ plane, output, command, goals })) output.note(`${name} has its share`);
  });
}

async function removeNode(text: string, command: Command): Promise<void> {
  const node = await drainNode(text, command);
  if (node === null) return;
  const { output, url } = surroundingsOf(command);
  await withControlPlane(await clusterOf(url), async (plane) => {
    const { configurations } = await standingOf(plane);
    const left = configurations.filter(({ replicas }) => replicas.some((replica) => nodeOf(replica) === node));
    if (left.length > 0) {
      const message = `${left.length} shards still have a replica on ${text}; give the command again`;
      throw new CommandFailure(EXIT_CODES.failed, "node-in-use", message);
    }
    await plane.remove(node);
    output.note(`${text} is forgotten; its data directory may be deleted`);
  });
}
