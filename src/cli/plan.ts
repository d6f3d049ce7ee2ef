/** `holdfast plan`: what a wanted load needs and costs, reckoned from measured figures (capacity.ts). */
import { Command, InvalidArgumentError } from "commander";
import { z } from "zod";
import { type Plan, planFor } from "./capacity.js";
import {
  eventBytes,
  lockBytes,
  operationAloneUs,
  operationBatchedUs,
  requestBytes,
  sessionBytes,
  sessionCoreShare,
} from "./measured.js";
import { surroundingsOf, wholeNumber } from "./options.js";

const planOptions = z.object({
  clients: z.number(),
  clientsPerConnection: z.number(),
  rate: z.number(),
  peak: z.number(),
  locks: z.number(),
  auditDays: z.number(),
  regions: z.number(),
  replicas: z.number(),
  budget: z.number(),
  priceCore: z.number(),
  priceMemory: z.number(),
  priceDisk: z.number(),
  priceNetwork: z.number(),
});

const FIGURES = [
  operationAloneUs,
  operationBatchedUs,
  lockBytes,
  sessionBytes,
  sessionCoreShare,
  eventBytes,
  requestBytes,
];

/** For an option that is an amount of money. */
function dollars(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < 0) {
    throw new InvalidArgumentError("it must be a number from 0");
  }
  return value;
}

/** Makes the command. */
export function planCommand(): Command {
  return new Command("plan")
    .description("reckon nodes, cores, memory, disk, network and the monthly cost of a wanted load")
    .option("--clients <n>", "programs with a session", wholeNumber, 10_000_000)
    .option("--clients-per-connection <n>", "how many share a connection and its frames", wholeNumber, 1)
    .option("--rate <n>", "operations a second, on average", wholeNumber, 67_000)
    .option("--peak <n>", "operations a second, at most", wholeNumber, 200_000)
    .option("--locks <n>", "live at one time", wholeNumber, 10_000_000)
    .option("--audit-days <n>", "how long every operation stays in the audit trail", wholeNumber, 90)
    .option("--regions <n>", "the load is spread over them; each has its own nodes", wholeNumber, 1)
    .option("--replicas <n>", "copies of every lock", wholeNumber, 3)
    .option("--budget <dollars>", "a month", dollars, 10_000)
    .option("--price-core <dollars>", "a core for a month", dollars, 20)
    .option("--price-memory <dollars>", "a GiB of memory for a month", dollars, 2.5)
    .option("--price-disk <dollars>", "a TB of disk for a month", dollars, 80)
    .option("--price-network <dollars>", "a TB between zones", dollars, 20)
    .action((_options: unknown, command: Command) => {
      showPlan(command);
    });
}

function showPlan(command: Command): void {
  const { output } = surroundingsOf(command);
  const asked = planOptions.parse(command.opts());
  const load = { ...asked, averageRate: asked.rate, peakRate: Math.max(asked.peak, asked.rate) };
  const prices = {
    core: asked.priceCore,
    memoryGiB: asked.priceMemory,
    diskTB: asked.priceDisk,
    networkTB: asked.priceNetwork,
  };
  const plan = planFor(load, prices, asked.budget);
  const rows = plan.lines.map(({ what, amount, unit, dollarsMonthly, because }) => [
    what,
    `${shown(amount)} ${unit}`.trim(),
    `$${shown(dollarsMonthly)}`,
    because,
  ]);
  output.table(["WHAT", "AMOUNT", "A MONTH", "BECAUSE"], rows, { load, prices, plan, figures: FIGURES });
  if (output.json) return;
  output.data(["", ...verdict(plan, asked), "", ...sources()].join("\n"), plan);
}

function shown(value: number): string {
  return value.toLocaleString("en-US", { maximumFractionDigits: value < 100 ? 2 : 0 });
}

function verdict(plan: Plan, { budget, auditDays }: z.infer<typeof planOptions>): readonly string[] {
  const size = `${plan.nodes} nodes of ${plan.coresPerNode} cores, and etcd; $${shown(plan.dollarsMonthly)} a month.`;
  if (plan.fits) return [size, `That is within $${shown(budget)}.`];
  const days =
    plan.auditDaysInBudget > 0
      ? `It would do with ${plan.auditDaysInBudget} days of audit on these disks instead of ${auditDays}, or with older events elsewhere.`
      : "Without any audit it would still be too much.";
  return [size, `That is more than $${shown(budget)}: what breaks it is ${plan.dearest}. ${days}`];
}

function sources(): readonly string[] {
  return ["Reckoned from:", ...FIGURES.map(({ value, unit, source }) => `  ${value} ${unit} (${source})`)];
}
