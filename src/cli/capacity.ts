/**
 * From a wanted load to nodes, cores, memory, disk, network and money, by what was measured (`measured.ts`). It has no
 * clock and no server, so that every step can be checked by hand: each line says what it was reckoned from.
 */
import {
  eventBytes,
  lockBytes,
  operationAloneUs,
  operationBatchedUs,
  requestBytes,
  sessionBytes,
  sessionCoreShare,
} from "./measured.js";

/** What is wanted. Rates are operations a second, of acquires, releases, renewals and checks together. */
export interface WantedLoad {
  readonly clients: number;
  readonly clientsPerConnection: number;
  readonly averageRate: number;
  readonly peakRate: number;
  readonly locks: number;
  readonly auditDays: number;
  readonly regions: number;
  readonly replicas: number;
}

/** What things cost in a month, in dollars. */
export interface Prices {
  readonly core: number;
  readonly memoryGiB: number;
  readonly diskTB: number;
  readonly networkTB: number;
}

/** One thing that has to be paid for. */
export interface PlanLine {
  readonly what: string;
  readonly amount: number;
  readonly unit: string;
  readonly dollarsMonthly: number;
  readonly because: string;
}

/** All of it. */
export interface Plan {
  readonly nodes: number;
  readonly coresPerNode: number;
  readonly lines: readonly PlanLine[];
  readonly dollarsMonthly: number;
  /** How many days of audit the budget would pay for with all else as it is; 0: not even the rest fits. */
  readonly auditDaysInBudget: number;
  readonly fits: boolean;
  /** The dearest line: what to change first. */
  readonly dearest: string;
}

/** A machine that is busier answers late: the rest is for peaks within a second, checkpoints and a node that is away. */
const UTILISATION_MAX = 0.5;
const CORES_PER_NODE = 8;
const SECONDS_PER_DAY = 86_400;
const DAYS_PER_MONTH = 30;
/** Etcd's three members, small ones, in each region. */
const ETCD_CORES = 6;
const ETCD_GIB = 12;
/** What holds state besides the audit trail: locks twice (pages and log since the checkpoint). */
const STATE_COPIES = 2;

/** Reckons the plan for `load` at `prices`, and sets it beside `budget` (dollars a month). */
export function planFor(load: WantedLoad, prices: Prices, budget: number): Plan {
  const fixed = [coresLine(load, prices), memoryLine(load, prices), stateLine(load, prices), networkLine(load, prices)];
  const audit = auditLine(load, prices);
  const lines = [...fixed, audit];
  const rest = sumOf(fixed);
  const dollarsMonthly = rest + audit.dollarsMonthly;
  const perDay = auditLine({ ...load, auditDays: 1 }, prices).dollarsMonthly;
  const dearest = lines.reduce((most, line) => (line.dollarsMonthly > most.dollarsMonthly ? line : most));
  const nodes = nodesOf(load);
  return {
    nodes,
    coresPerNode: CORES_PER_NODE,
    lines,
    dollarsMonthly,
    auditDaysInBudget: Math.max(0, Math.floor((budget - rest) / perDay)),
    fits: dollarsMonthly <= budget,
    dearest: dearest.what,
  };
}

function sumOf(lines: readonly PlanLine[]): number {
  return lines.reduce((sum, line) => sum + line.dollarsMonthly, 0);
}

/** Microseconds of a core for an operation: callers that share a connection share its frames. */
function operationUs({ clientsPerConnection }: WantedLoad): number {
  return clientsPerConnection >= 16 ? operationBatchedUs.value : operationAloneUs.value;
}

/** Cores that work at the peak. A backup is taken to cost what the primary costs: more than it does. */
function busyCores(load: WantedLoad): number {
  const operations = (load.peakRate * operationUs(load) * load.replicas) / 1e6;
  return operations + load.clients * sessionCoreShare.value;
}

/** Nodes in all regions; in each at least one for each replica. */
function nodesOf(load: WantedLoad): number {
  const wanted = Math.ceil(busyCores(load) / UTILISATION_MAX / CORES_PER_NODE);
  return load.regions * Math.max(load.replicas, Math.ceil(wanted / load.regions));
}

function coresLine(load: WantedLoad, prices: Prices): PlanLine {
  const amount = nodesOf(load) * CORES_PER_NODE + ETCD_CORES * load.regions;
  const operations = `${operationUs(load)} µs an operation at ${load.replicas} replicas`;
  const sessions = `${sessionCoreShare.value * 1e6} µs a second for each client`;
  const because = `${operations}, ${sessions}, at most ${UTILISATION_MAX * 100} % busy; ${ETCD_CORES} for etcd a region`;
  return { what: "cores", amount, unit: "", dollarsMonthly: amount * prices.core, because };
}

function memoryLine(load: WantedLoad, prices: Prices): PlanLine {
  const bytes = (load.locks * lockBytes.value + load.clients * sessionBytes.value) * load.replicas;
  const amount = Math.ceil(bytes / UTILISATION_MAX / 2 ** 30) + ETCD_GIB * load.regions;
  const because = `${lockBytes.value} bytes a lock, ${sessionBytes.value} a session, at each replica, half of it used`;
  return { what: "memory", amount, unit: "GiB", dollarsMonthly: amount * prices.memoryGiB, because };
}

function stateLine(load: WantedLoad, prices: Prices): PlanLine {
  const bytes = (load.locks * lockBytes.value + load.clients * sessionBytes.value) * load.replicas * STATE_COPIES;
  const amount = bytes / 1e12;
  const because = "what memory has, twice, at each replica";
  return { what: "disk for locks and sessions", amount, unit: "TB", dollarsMonthly: amount * prices.diskTB, because };
}

function auditLine(load: WantedLoad, prices: Prices): PlanLine {
  const amount = (load.averageRate * SECONDS_PER_DAY * load.auditDays * eventBytes.value * load.replicas) / 1e12;
  const because = `${eventBytes.value} bytes an operation, ${load.auditDays} days, at each of ${load.replicas} replicas`;
  return { what: "disk for the audit trail", amount, unit: "TB", dollarsMonthly: amount * prices.diskTB, because };
}

function networkLine(load: WantedLoad, prices: Prices): PlanLine {
  const between = eventBytes.value * (load.replicas - 1);
  const perSecond = load.averageRate * (requestBytes.value + between);
  const amount = (perSecond * SECONDS_PER_DAY * DAYS_PER_MONTH) / 1e12;
  const because = `${requestBytes.value} bytes a request and its answer, ${between} to the other replicas, all between zones`;
  return { what: "network in a month", amount, unit: "TB", dollarsMonthly: amount * prices.networkTB, because };
}
