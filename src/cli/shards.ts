/** `holdfast shards`: who has which shard in a cluster. */
import { Command } from "commander";
import { z } from "zod";
import { nodeOf, replicasOf } from "../node/replica-names.js";
import type { Configuration } from "../words/configuration.js";
import type { Promotion } from "../words/goal.js";
import { clusterOf, nodeNamed, withControlPlane } from "./cluster-access.js";
import { CommandFailure, EXIT_CODES } from "./failure.js";
import { bringAbout, evenGoals, placementsOf, standingOf, withGoalOptions } from "./goals.js";
import { surroundingsOf } from "./options.js";

const moveOptions = z.object({ primary: z.string().optional(), nodes: z.string().optional() });
const promoteOptions = z.object({
  node: z.string(),
  lostNodesAreOff: z.boolean().default(false),
  dryRun: z.boolean().default(false),
});

/** Makes the command, with its parts. */
export function shardsCommand(): Command {
  const rebalance = new Command("rebalance")
    .description("spread replicas and primaries evenly over all nodes that are not drained")
    .action((_options: unknown, command: Command) => rebalanceShards(command));
  const move = new Command("move")
    .argument("<shard>", "its number, as `status` shows it")
    .option("--primary <node>", "the node that is to be its primary")
    .option("--nodes <nodes>", "the nodes that are to have its replicas, with commas between them")
    .description("move a shard, or only its primary")
    .action((shard: string, _options: unknown, command: Command) => moveShard(shard, command));
  const promote = new Command("promote")
    .argument("<shards>", "their numbers, as `status` shows them, with commas between them")
    .requiredOption("--node <node>", "the node whose replica goes on")
    .option("--lost-nodes-are-off", "your word that no node with a newer copy runs, or will")
    .option("--dry-run", "only show what would be lost")
    .description("the last copy is lost: go on with an older one, without any of its locks")
    .action((shard: string, _options: unknown, command: Command) => promoteReplica(shard, command));
  return new Command("shards")
    .description("change who has which shard of a cluster")
    .addCommand(withGoalOptions(move))
    .addCommand(withGoalOptions(rebalance))
    .addCommand(promote);
}

async function rebalanceShards(command: Command): Promise<void> {
  const { output, url } = surroundingsOf(command);
  const cluster = await clusterOf(url);
  await withControlPlane(cluster, async (plane) => {
    const standing = await standingOf(plane);
    const nodes = standing.records.map(({ node }) => node).filter((node) => !standing.draining.includes(node));
    await bringAbout({ plane, output, command, goals: evenGoals(standing, nodes, cluster.replicas) });
  });
}

async function moveShard(text: string, command: Command): Promise<void> {
  const { output, url } = surroundingsOf(command);
  const { primary, nodes } = moveOptions.parse(command.opts());
  await withControlPlane(await clusterOf(url), async (plane) => {
    const standing = await standingOf(plane);
    const { records } = standing;
    const before = placementsOf(standing).find(({ shard }) => String(shard) === text);
    if (before === undefined) throw unknownShard(text);
    const ids = nodes === undefined ? before.nodes : nodes.split(",").map((name) => nodeNamed(records, name).node);
    const wanted = primary === undefined ? before.primary : nodeNamed(records, primary).node;
    const first = ids.includes(wanted) || primary !== undefined ? wanted : (ids[0] ?? wanted);
    const goal = replicasOf({ shard: before.shard, primary: first, nodes: [...new Set([...ids, first])] }, records);
    await bringAbout({ plane, output, command, goals: [goal] });
  });
}

/** R-15. The replica itself waits until every claim that somebody may still believe in has ended. */
async function promoteReplica(text: string, command: Command): Promise<void> {
  const { output, url } = surroundingsOf(command);
  const { node: name, lostNodesAreOff, dryRun } = promoteOptions.parse(command.opts());
  await withControlPlane(await clusterOf(url), async (plane) => {
    const { records } = await plane.nodes();
    const { node } = nodeNamed(records, name);
    const standing = await plane.readAll();
    const promotions = [...new Set(text.split(","))].map((shard) => promotable(standing, shard, { node, name }));
    const losers = new Set(promotions.flatMap(({ lost }) => lost));
    const lost = [...losers].map((one) => records.find((known) => known.node === one)?.name ?? one).sort();
    const shards = promotions.map(({ shard }) => shard);
    const many = shards.length > 1;
    const loss =
      `${many ? `shards ${shards.join(", ")} go` : `shard ${shards.join("")} goes`} on with the copy of ${name}: ALL ` +
      `${many ? "their" : "its"} locks are lost, and what ${lost.join(", ")} stored is thrown away. Nobody is granted a ` +
      `lock of ${many ? "theirs" : "it"} before every lease has run out`;
    if (!dryRun && !lostNodesAreOff) {
      const message = `${loss}. Turn ${lost.join(", ")} off, and say so by --lost-nodes-are-off`;
      throw new CommandFailure(EXIT_CODES.wrongUse, "word-missing", message);
    }
    if (!dryRun) for (const { shard, replica, epoch } of promotions) await plane.promote({ shard, replica, epoch });
    output.data(loss, { shards, node, lost, dryRun });
  });
}

interface Promotable extends Promotion {
  /** Ids of the nodes whose copies are in sync. */
  readonly lost: readonly string[];
}

/** What a promotion says of one shard. @throws CommandFailure where the node has no copy, or one that needs none */
function promotable(
  standing: readonly Configuration[],
  text: string,
  { node, name }: { readonly node: string; readonly name: string },
): Promotable {
  const configuration = standing.find(({ shard }) => String(shard) === text);
  if (configuration === undefined) throw unknownShard(text);
  const { shard, epoch, inSync, replicas } = configuration;
  const replica = replicas.find((one) => nodeOf(one) === node);
  if (replica !== undefined && !inSync.includes(replica)) return { shard, replica, epoch, lost: inSync.map(nodeOf) };
  const why = replica === undefined ? "has no replica of it" : "is in sync: it takes office by itself when it is up";
  throw new CommandFailure(EXIT_CODES.wrongUse, "not-promotable", `shard ${shard}: ${name} ${why}`);
}

function unknownShard(text: string): CommandFailure {
  return new CommandFailure(
    EXIT_CODES.wrongUse,
    "shard-unknown",
    `the cluster has no shard ${text}; see: holdfast status`,
  );
}
