/**
 * The one place where settings are read, once, at the start. Whoever wrote them learns everything that is wrong in one
 * message, because finding one misspelling at each restart is how nights are spent.
 */
import { formatSize } from "../words/duration.js";
import { dottedName, environmentName, flagName } from "./settings-names.js";
import { check, type Setting, type Settings, SETTINGS } from "./settings-schema.js";
import { gather, originText, type Raw, type SettingsSources } from "./settings-sources.js";

/** A setting in force: for `config show`. */
export interface SettingInForce {
  readonly section: string;
  readonly key: string;
  /** As somebody would write it; "(hidden)" if the setting is secret. */
  readonly value: string;
  /** "default", "file /etc/holdfast/holdfast.toml", "environment HOLDFAST_…" or "flag --…". */
  readonly origin: string;
}

/** Settings, or the one message that says all that is wrong. */
export type SettingsResult =
  | {
      readonly kind: "settings";
      readonly settings: Settings;
      /** Every setting, in the order of the file. */
      readonly origins: readonly SettingInForce[];
      /** What was ignored, a sentence each: unknown variables of the environment. */
      readonly warnings: readonly string[];
      /** The file that was read, or null. */
      readonly file: string | null;
    }
  | { readonly kind: "refused"; readonly message: string; readonly warnings: readonly string[] };

/** One row of the reference: how a setting is written in each place, and its facts. */
export interface ReferenceRow extends Setting {
  /** `limits.ttl_max`. */
  readonly name: string;
  /** `--limits-ttl-max`. */
  readonly flag: string;
  /** `HOLDFAST_LIMITS_TTL_MAX`. */
  readonly variable: string;
}

/** What two settings have to be together; both are right by themselves. */
interface PairProblem {
  readonly names: readonly string[];
  readonly reason: string;
}

const PORT_MAX = 65_535;

/**
 * Reads all settings: a flag wins over the environment, that over the file, that over the default. Blocks.
 * What a message about a secret would show is hidden.
 */
export function readSettings(sources: SettingsSources): SettingsResult {
  const gathered = gather(sources);
  const checked = check(bySection(gathered.raws));
  const problems = [...gathered.problems];
  if (checked.kind === "problems") {
    for (const { section, key, reason } of checked.problems) {
      const raw = gathered.raws.find(({ setting }) => setting.section === section && setting.key === key);
      problems.push(raw === undefined ? `${dottedName({ section, key })}: ${reason}` : valueProblem(raw, reason));
    }
  } else {
    for (const pair of pairProblems(checked.settings)) problems.push(pairText(pair, gathered.raws));
  }

  const { warnings, file } = gathered;
  if (checked.kind === "problems" || problems.length > 0) {
    return { kind: "refused", message: refusal(problems), warnings };
  }
  const origins = gathered.raws.map((raw) => inForce(raw));
  return { kind: "settings", settings: checked.settings, origins, warnings, file };
}

/** Every setting with its names in all places, in the order of the file: for the command's flags and for pages. */
export function settingsReference(): readonly ReferenceRow[] {
  return SETTINGS.map((setting) => ({
    ...setting,
    name: dottedName(setting),
    flag: flagName(setting),
    variable: environmentName(setting),
  }));
}

function bySection(raws: readonly Raw[]): Record<string, Record<string, unknown>> {
  const sections: Record<string, Record<string, unknown>> = {};
  for (const { setting, value } of raws) (sections[setting.section] ??= {})[setting.key] = value;
  return sections;
}

function inForce(raw: Raw): SettingInForce {
  const { section, key } = raw.setting;
  return { section, key, value: shown(raw), origin: originText(raw.origin) };
}

function shown({ setting, value }: Raw): string {
  if (setting.secret) return "(hidden)";
  return typeof value === "number" ? String(value) : JSON.stringify(value);
}

function valueProblem(raw: Raw, reason: string): string {
  const name = dottedName(raw.setting);
  return `${name} = ${shown(raw)} (${originText(raw.origin)}): ${reason}. Allowed: ${raw.setting.allowed}.`;
}

function pairText({ names, reason }: PairProblem, raws: readonly Raw[]): string {
  const parts = raws
    .filter(({ setting }) => names.includes(dottedName(setting)))
    .map((raw) => `${dottedName(raw.setting)} = ${shown(raw)} (${originText(raw.origin)})`);
  return `${parts.join(", ")}: ${reason}`;
}

function refusal(problems: readonly string[]): string {
  const count = problems.length === 1 ? "One setting is" : `${problems.length} settings are`;
  const lines = problems.map((problem) => `  - ${problem}`);
  return `${count} refused:\n${lines.join("\n")}\nWhat there is: config/holdfast.toml.`;
}

function pairProblems(settings: Settings): PairProblem[] {
  return [...ttlProblems(settings), ...sizeProblems(settings), ...portProblems(settings), ...clusterProblems(settings)];
}

function ttlProblems({ limits }: Settings): PairProblem[] {
  if (limits.ttlMinMs <= limits.ttlDefaultMs && limits.ttlDefaultMs <= limits.ttlMaxMs) return [];
  const reason = "they must rise: ttl_min, ttl_default, ttl_max.";
  return [{ names: ["limits.ttl_min", "limits.ttl_default", "limits.ttl_max"], reason }];
}

function sizeProblems({ limits, log, node }: Settings): PairProblem[] {
  const problems: PairProblem[] = [];
  if (limits.unsentBytesMax < limits.frameBytesMax) {
    const reason = `unsent_max must hold a frame, so be at least ${formatSize(limits.frameBytesMax)}.`;
    problems.push({ names: ["limits.frame_max", "limits.unsent_max"], reason });
  }
  if (log.ringBytes < 4 * limits.frameBytesMax) {
    const reason = `the events of a frame must fit, so ring be at least ${formatSize(4 * limits.frameBytesMax)}.`;
    problems.push({ names: ["limits.frame_max", "log.ring"], reason });
  }
  if (node.stores > node.shards) {
    const reason = `a store without a shard does nothing, so stores be at most ${node.shards}.`;
    problems.push({ names: ["node.stores", "node.shards"], reason });
  }
  return problems;
}

function clusterProblems({ cluster }: Settings): PairProblem[] {
  if (cluster === null) return [];
  const problems: PairProblem[] = [];
  if ((cluster.key === "") === (cluster.keyFile === "")) {
    const reason = "a cluster has a key that strangers don't know: set one of the two.";
    problems.push({ names: ["cluster.key", "cluster.key_file"], reason });
  }
  if (cluster.minInSync > cluster.replicas) {
    problems.push({ names: ["cluster.min_in_sync", "cluster.replicas"], reason: "there would never be so many." });
  }
  const isRising = 2 * cluster.heartbeatMs < cluster.memberSilentMs && cluster.memberSilentMs < cluster.primarySilentMs;
  if (!isRising) {
    const names = ["cluster.heartbeat", "cluster.member_silence", "cluster.primary_silence"];
    problems.push({ names, reason: "they must rise: twice heartbeat, member_silence, primary_silence." });
  }
  return problems;
}

/** A worker's port that is the main one would split its clients; ports in a row must not run over each other. */
function portProblems({ listen, node }: Settings): PairProblem[] {
  const { workers } = node;
  const problems: PairProblem[] = [];
  const rows = [
    { name: "listen.main", first: listen.main, length: 1 },
    { name: "listen.worker_base", first: listen.workerBase, length: workers },
    { name: "listen.peer_base", first: listen.peerBase, length: workers },
  ].filter(({ first }) => first !== 0);

  for (const [index, row] of rows.entries()) {
    const last = row.first + row.length - 1;
    if (last > PORT_MAX) {
      const reason = `${workers} workers would need the ports ${row.first} to ${last}; ${PORT_MAX} is the last.`;
      problems.push({ names: [row.name, "node.workers"], reason });
    }
    for (const other of rows.slice(index + 1)) {
      if (last < other.first || other.first + other.length - 1 < row.first) continue;
      const reason = `with ${workers} workers they use the same ports.`;
      problems.push({ names: [row.name, other.name], reason });
    }
  }
  return problems;
}
