/**
 * Where settings are written: flags, the environment, a TOML file. This file gathers the raw values with their origins,
 * the strongest source winning; whether a value is any good is for settings-schema.ts to say.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse, TomlError } from "smol-toml";
import { dottedName, ENVIRONMENT_PREFIX, environmentName, flagName, suggestion } from "./settings-names.js";
import { SETTINGS, type Setting } from "./settings-schema.js";

/** Everything that settings are read from. */
export interface SettingsSources {
  /** Flags by name, with or without the two hyphens (`data-dir`), each with its text. */
  readonly flags: Readonly<Record<string, string>>;
  /** The environment, `process.env`. A variable that is empty counts as not set. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The file that `--config` names; null: the first that there is of the usual ones. */
  readonly configPath: string | null;
}

/** Which source a value is from. */
export type Origin =
  | { readonly kind: "flag"; readonly name: string }
  | { readonly kind: "environment"; readonly name: string }
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "default" };

/** A value as it was written. */
export interface Raw {
  readonly setting: Setting;
  readonly value: unknown;
  readonly origin: Origin;
}

/** All values, one for each setting, in the order of {@link SETTINGS}; and what is wrong with the sources. */
export interface Gathered {
  readonly raws: readonly Raw[];
  /** The file that was read, or null. */
  readonly file: string | null;
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/** Variables of the client and the command, which are no settings of the node. */
const OTHER_VARIABLES: readonly string[] = ["HOLDFAST_URL", "HOLDFAST_TOKEN"];

interface FileValues {
  readonly path: string | null;
  readonly sections: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly problems: readonly string[];
}

/** Reads the sources, the file among them. Blocks; meant for the start of a process. */
export function gather(sources: SettingsSources): Gathered {
  const flags = new Map(Object.entries(sources.flags).map(([name, value]) => [withHyphens(name), value]));
  const file = readFile(sources);
  const raws = SETTINGS.map((setting) => rawOf(setting, { flags, file, environment: sources.environment }));
  return {
    raws,
    file: file.path,
    problems: [...unknownFlags(flags.keys()), ...file.problems, ...unknownKeys(file)],
    warnings: unknownVariables(sources.environment),
  };
}

/** "flag --workers", "environment HOLDFAST_NODE_WORKERS", "file /etc/…", "default". */
export function originText(origin: Origin): string {
  if (origin.kind === "default") return "default";
  return `${origin.kind} ${origin.kind === "file" ? origin.path : origin.name}`;
}

/** Where a file is looked for, the first one that is there being the only one that is read. */
export function usualPaths(environment: SettingsSources["environment"]): readonly string[] {
  const home = environment["HOME"] ?? "";
  const base = environment["XDG_CONFIG_HOME"] ?? "";
  const userBase = base === "" && home !== "" ? join(home, ".config") : base;
  const userPaths = userBase === "" ? [] : [join(userBase, "holdfast", "holdfast.toml")];
  return [...userPaths, "/etc/holdfast/holdfast.toml"];
}

interface Opened {
  readonly flags: ReadonlyMap<string, string>;
  readonly environment: SettingsSources["environment"];
  readonly file: FileValues;
}

function rawOf(setting: Setting, { flags, environment, file }: Opened): Raw {
  const flag = flagName(setting);
  const flagValue = flags.get(flag);
  if (flagValue !== undefined) {
    return { setting, value: typed(setting, flagValue), origin: { kind: "flag", name: flag } };
  }
  const variable = environmentName(setting);
  const variableValue = environment[variable] ?? "";
  if (variableValue !== "") {
    return { setting, value: typed(setting, variableValue), origin: { kind: "environment", name: variable } };
  }
  const section = file.sections[setting.section];
  if (file.path !== null && section !== undefined && Object.hasOwn(section, setting.key)) {
    return { setting, value: section[setting.key], origin: { kind: "file", path: file.path } };
  }
  return { setting, value: setting.default, origin: { kind: "default" } };
}

/** Flags and variables are texts; a file has numbers, and keeps to them. */
function typed(setting: Setting, text: string): string | number {
  const isNumber = setting.kind === "count" || setting.kind === "port";
  return isNumber && /^[0-9]{1,15}$/.test(text) ? Number(text) : text;
}

function readFile(sources: SettingsSources): FileValues {
  const isAsked = sources.configPath !== null;
  const paths = sources.configPath === null ? usualPaths(sources.environment) : [sources.configPath];
  for (const path of paths) {
    try {
      return { path, ...sectionsOf(parse(readFileSync(path, "utf8")), path) };
    } catch (error) {
      if (!isAsked && isMissing(error)) continue;
      return { path: null, sections: {}, problems: [fileProblem(path, error)] };
    }
  }
  return { path: null, sections: {}, problems: [] };
}

function sectionsOf(document: Readonly<Record<string, unknown>>, path: string): Omit<FileValues, "path"> {
  const known = [...new Set(SETTINGS.map(({ section }) => section))];
  const sections: Record<string, Record<string, unknown>> = {};
  const problems: string[] = [];
  for (const [name, value] of Object.entries(document)) {
    if (!known.includes(name)) {
      const hint = suggestion(name, known) || `; sections are ${known.join(", ")}`;
      problems.push(`[${name}] (file ${path}): there is no such section${hint}`);
    } else if (isTable(value)) {
      sections[name] = value;
    } else {
      problems.push(`${name} (file ${path}): it is the name of a section, write [${name}]`);
    }
  }
  return { sections, problems };
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");
}

function fileProblem(path: string, error: unknown): string {
  if (error instanceof TomlError) {
    const reason = (error.message.split("\n")[0] ?? "").replace("Invalid TOML document: ", "");
    return `${path}:${error.line}:${error.column}: it is not TOML: ${reason}`;
  }
  return `${path}: it cannot be read: ${error instanceof Error ? error.message : String(error)}`;
}

function unknownKeys(file: FileValues): string[] {
  return Object.entries(file.sections).flatMap(([section, values]) => {
    const known = SETTINGS.filter((setting) => setting.section === section).map(({ key }) => key);
    return Object.keys(values)
      .filter((key) => !known.includes(key))
      .map((key) => {
        const hint = suggestion(key, known) || `; keys of [${section}] are ${known.join(", ")}`;
        return `${dottedName({ section, key })} (file ${file.path ?? ""}): there is no such setting${hint}`;
      });
  });
}

function unknownFlags(names: Iterable<string>): string[] {
  const known = SETTINGS.map((setting) => flagName(setting));
  return [...names]
    .filter((name) => !known.includes(name))
    .map((name) => `${name} (flag): there is no such setting${suggestion(name, known)}`);
}

/** Only warnings: Kubernetes sets HOLDFAST_PORT and the like for every service of that name. */
function unknownVariables(environment: SettingsSources["environment"]): string[] {
  const known = SETTINGS.map((setting) => environmentName(setting));
  return Object.keys(environment)
    .filter((name) => name.startsWith(ENVIRONMENT_PREFIX) && !known.includes(name) && !OTHER_VARIABLES.includes(name))
    .sort()
    .map((name) => `${name} (environment): there is no such setting, it is ignored${suggestion(name, known)}`);
}

function withHyphens(name: string): string {
  return name.startsWith("--") ? name : `--${name}`;
}
