/**
 * How a command that moves shards goes on: it shows what would move, writes goals, and tells how far the cluster has come.
 * With --dry-run it only shows; broken off, the cluster goes on by itself.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Command } from "commander";
import { z } from "zod";
import type { ControlPlane, NodeRecord } from "../control/control-plane.js";
import { nodesOf, replicasOf } from "../node/replica-names.js";
import { nextMove } from "../placement/next-move.js";
import { type Placement, plan } from "../placement/plan.js";
import type { Configuration } from "../words/configuration.js";
import type { Goal } from "../words/goal.js";
import { CommandFailure, EXIT_CODES } from "./failure.js";
import { durationMsOf, durationText } from "./options.js";
import type { Output } from "./output.js";

const LOOK_MS = 300;
const TELL_MS = 2_000;
const options = z.object({ dryRun: z.boolean().default(false), within: z.string() });

/** The options of {@link bringAbout}. */
export function withGoalOptions(command: Command): Command {
  return command
    .option("--dry-run", "only show what would move")
    .option(
      "--within <duration>",
      "wait so long until it is done; the cluster goes on afterwards",
      durationText,
      "10m",
    );
}

/** What a command goes by; read from the control plane. */
export interface Standing {
  readonly records: readonly NodeRecord[];
  readonly draining: readonly string[];
  readonly configurations: readonly Configuration[];
  readonly goals: readonly Goal[];
}

/** Reads all of it. @throws ControlFault */
export async function standingOf(plane: ControlPlane): Promise<Standing> {
  const [{ records, draining }, configurations, goals] = await Promise.all([
    plane.nodes(),
    plane.readAll(),
    plane.goals(),
  ]);
  return { records, draining, configurations, goals };
}

/** Where every shard should be when replicas and offices are even over `nodes`. Goals under way count as reached. */
export function evenGoals(standing: Standing, nodes: readonly string[], replicas: number): readonly Goal[] {
  const [first] = standing.records;
  if (nodes.length === 0 || first === undefined) {
    throw new CommandFailure(EXIT_CODES.failed, "no-node-left", "no node would be left that may have replicas");
  }
  const placements = plan(placementsOf(standing), { nodes, stores: first.stores.length, replicas });
  return placements.map((placement) => replicasOf(placement, standing.records));
}

/** By shard: where the goal wants it, else where it is. */
export function placementsOf({ configurations, goals }: Standing): readonly Placement[] {
  return configurations.map((configuration) => {
    return nodesOf(goals.find(({ shard }) => shard === configuration.shard) ?? configuration);
  });
}

/** What {@link bringAbout} is given. */
export interface Wanted {
  readonly plane: ControlPlane;
  readonly output: Output;
  readonly command: Command;
  readonly goals: readonly Goal[];
}

/**
 * Shows what moves; without --dry-run writes the goals and waits until they are reached.
 * @returns whether anything was written. @throws CommandFailure `timed-out` if they are not reached in time
 */
export async function bringAbout({ plane, output, command, goals }: Wanted): Promise<boolean> {
  const { dryRun, within } = options.parse(command.opts());
  const standing = await standingOf(plane);
  const moving = goals.filter((goal) => !isReached(standing.configurations, goal));
  const names = new Map(standing.records.map(({ node, name }) => [node, name]));
  const rows = moving.map((goal) => {
    const now = standing.configurations.find(({ shard }) => shard === goal.shard);
    return [String(goal.shard), now === undefined ? "" : placeText(now, names), placeText(goal, names)];
  });
  output.table(["SHARD", "NOW", "GOES TO"], rows, { moves: moving, dryRun });
  if (rows.length === 0) output.note("nothing has to move");
  if (dryRun) return false;
  await plane.setGoals(goals);
  await reached({ plane, output, goals, endMs: performance.now() + durationMsOf(within) });
  return true;
}

async function reached(of: {
  readonly plane: ControlPlane;
  readonly output: Output;
  readonly goals: readonly Goal[];
  readonly endMs: number;
}): Promise<void> {
  let toldMs = performance.now();
  for (;;) {
    const configurations = await of.plane.readAll();
    const left = of.goals.filter((goal) => !isReached(configurations, goal));
    if (left.length === 0) return;
    const nowMs = performance.now();
    if (nowMs >= of.endMs) {
      const message = `${left.length} shards are not there yet; the cluster goes on. See: holdfast status`;
      throw new CommandFailure(EXIT_CODES.timedOut, "timed-out", message);
    }
    if (nowMs - toldMs >= TELL_MS) {
      toldMs = nowMs;
      of.output.note(`${of.goals.length - left.length} of ${of.goals.length} shards are where they should be`);
    }
    await delay(LOOK_MS);
  }
}

function isReached(configurations: readonly Configuration[], goal: Goal): boolean {
  const standing = configurations.find(({ shard }) => shard === goal.shard);
  return standing !== undefined && nextMove(standing, goal).kind === "done";
}

/** "n1* n2 n3": the star is the primary. */
function placeText(of: Goal, names: ReadonlyMap<string, string>): string {
  const { primary, nodes } = nodesOf(of);
  return nodes.map((node) => `${names.get(node) ?? node}${node === primary ? "*" : ""}`).join(" ");
}
