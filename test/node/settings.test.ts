// Which source wins, what is refused and in which words: a start that fails must say all that is wrong at once.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { readSettings, type SettingsResult, settingsReference } from "../../src/node/settings.js";
import { jsonSchema } from "../../src/node/settings-schema.js";
import { usualPaths } from "../../src/node/settings-sources.js";
import { LIMITS, LIMITS_DEFAULT } from "../../src/words/limits.js";

const directory = mkdtempSync(join(tmpdir(), "holdfast-settings-"));
after(() => {
  rmSync(directory, { recursive: true });
});

let files = 0;
/** The machine's own /etc and home must not reach in, so every read names its file. */
const empty = fileOf("");

function fileOf(toml: string): string {
  files += 1;
  const path = join(directory, `${files}.toml`);
  writeFileSync(path, toml);
  return path;
}

interface Given {
  readonly flags?: Readonly<Record<string, string>>;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly toml?: string;
}

function read(given: Given): SettingsResult {
  const configPath = given.toml === undefined ? empty : fileOf(given.toml);
  return readSettings({ flags: given.flags ?? {}, environment: given.environment ?? {}, configPath });
}

function accepted(given: Given): Extract<SettingsResult, { kind: "settings" }> {
  const result = read(given);
  if (result.kind === "refused") assert.fail(result.message);
  return result;
}

/** The problems of the one message, one a line. */
function refused(given: Given): string[] {
  const result = read(given);
  if (result.kind === "settings") assert.fail("the settings were accepted");
  return result.message
    .split("\n")
    .filter((line) => line.startsWith("  - "))
    .map((line) =>
      line
        .slice(4)
        .replaceAll(directory, "DIR")
        .replaceAll(/DIR\/\d+/g, "DIR/N"),
    );
}

test("without anything set the defaults are in force, frozen, each with its origin", () => {
  const { settings, origins, warnings } = accepted({});
  const cores = Math.min(availableParallelism(), 256);
  assert.deepEqual(settings.limits, LIMITS_DEFAULT);
  assert.deepEqual(settings.node, {
    name: hostname(),
    dataDir: "./data",
    workers: cores,
    stores: Math.min(cores, 64),
    shards: 64,
  });
  assert.deepEqual(settings.listen, {
    host: "127.0.0.1",
    main: 7_400,
    workerBase: 7_401,
    peerBase: 7_500,
    advertise: "",
  });
  assert.deepEqual(settings.log, {
    retainMs: 86_400_000,
    retainBytes: 2 ** 30,
    reserveBytes: 64 * 2 ** 20,
    copyBackBytes: 2 ** 20,
    ringBytes: 16 * 2 ** 20,
  });
  assert.equal(settings.logging.level, "info");
  assert.ok(Object.isFrozen(settings));
  for (const [section, part] of Object.entries(settings)) assert.ok(Object.isFrozen(part), section);
  assert.ok(origins.every(({ origin }) => origin === "default"));
  assert.equal(origins.length, settingsReference().length);
  assert.deepEqual(warnings, []);
});

test("a flag wins over the environment, that over the file, that over the default", () => {
  const toml = '[node]\nworkers = 1\nshards = 8\ndata_dir = "/f"\n';
  const environment = { HOLDFAST_NODE_WORKERS: "2", HOLDFAST_NODE_SHARDS: "16" };
  const { settings, origins, file } = accepted({ flags: { workers: "3" }, environment, toml });
  assert.deepEqual([settings.node.workers, settings.node.shards, settings.node.dataDir], [3, 16, "/f"]);
  const shown = origins
    .filter(({ section }) => section === "node")
    .map(({ key, value, origin }) => [key, value, origin]);
  assert.deepEqual(shown, [
    ["name", '""', "default"],
    ["data_dir", '"/f"', `file ${file ?? ""}`],
    ["workers", "3", "flag --workers"],
    ["stores", "0", "default"],
    ["shards", "16", "environment HOLDFAST_NODE_SHARDS"],
  ]);
});

test("durations and sizes have their units in each source", () => {
  const toml = '[limits]\nttl_max = "10m"\nframe_max = "64KiB"\n';
  const environment = { HOLDFAST_LIMITS_TTL_MIN: "50ms", HOLDFAST_SESSION_WAITING_GRACE: "1s" };
  const { settings } = accepted({ flags: { "--log-retain-size": "1.5GiB" }, environment, toml });
  assert.equal(settings.limits.ttlMaxMs, 600_000);
  assert.equal(settings.limits.ttlMinMs, 50);
  assert.equal(settings.limits.frameBytesMax, 65_536);
  assert.equal(settings.limits.waitingGraceMs, 1_000);
  assert.equal(settings.log.retainBytes, 1.5 * 2 ** 30);
});

test("every problem of every source is in the one message, with key, value, origin and what is allowed", () => {
  const toml = [
    "[limits]",
    "ttl_max = 300",
    'ttl_min = "20ms"',
    'ttl_maks = "1s"',
    "permits_max = 65_537",
    "[lisen]",
    "main = 1",
    "[logging]",
    'level = "verbose"',
  ].join("\n");
  const environment = { HOLDFAST_NODE_WORKERS: "many", HOLDFAST_LISTEN_MAIN: "65536" };
  assert.deepEqual(refused({ flags: { "log-retain": "1 day", shard: "3" }, environment, toml }), [
    "--shard (flag): there is no such setting; did you mean --shards?",
    "[lisen] (file DIR/N.toml): there is no such section; did you mean listen?",
    "limits.ttl_maks (file DIR/N.toml): there is no such setting; did you mean ttl_max?",
    'node.workers = "many" (environment HOLDFAST_NODE_WORKERS): it is not a whole number. ' +
      "Allowed: a whole number from 0 to 256.",
    "listen.main = 65536 (environment HOLDFAST_LISTEN_MAIN): it is more than 65,535. " +
      "Allowed: a port from 1 to 65535, or 0 for any free one.",
    'limits.ttl_min = "20ms" (file DIR/N.toml): it is less than 50ms. Allowed: a duration from 50ms to 24h.',
    "limits.ttl_max = 300 (file DIR/N.toml): the unit is missing: it is a text in quotes. " +
      "Allowed: a duration from 50ms to 24h.",
    "limits.permits_max = 65537 (file DIR/N.toml): it is more than 65,536. Allowed: a whole number from 1 to 65,536.",
    'log.retain = "1 day" (flag --log-retain): a duration is a number with its unit, such as "30s"; ' +
      "units are ms, s, m, h and d. Allowed: a duration from 0ms to 87600h.",
    'logging.level = "verbose" (file DIR/N.toml): it is none of them. ' +
      "Allowed: one of trace, debug, info, warn, error, fatal, silent.",
  ]);
});

test("values of the wrong type in a file are refused, a number in quotes too", () => {
  const values = ['"4"', "4.5", "-1", "nan", "inf", "true", "[4]", "{ a = 1 }", "2020-01-01"];
  for (const value of values) {
    const problems = refused({ toml: `[node]\nworkers = ${value}\n` });
    assert.equal(problems.length, 1, value);
    assert.match(
      problems[0] ?? "",
      /^node\.workers = .* \(file DIR\/N\.toml\): it is .* Allowed: a whole number/,
      value,
    );
  }
});

test("at its bounds a value is accepted, beyond them refused, for each limit", () => {
  for (const limit of Object.values(LIMITS)) {
    if (limit.setting === null || limit.unit !== "count") continue;
    const [section = "", key = ""] = limit.setting.split(".");
    for (const value of [limit.min, limit.max]) accepted({ toml: `[${section}]\n${key} = ${value}\n` });
    for (const value of [limit.min - 1, limit.max + 1]) {
      assert.equal(refused({ toml: `[${section}]\n${key} = ${value}\n` }).length, 1, `${key} = ${value}`);
    }
  }
});

test("a file that is not TOML is refused with line and column", () => {
  const problems = refused({ toml: "[node]\nworkers = = 3\n" });
  assert.equal(problems.length, 1);
  assert.match(problems[0] ?? "", /^DIR\/N\.toml:2:\d+: it is not TOML: \S/);
});

test("a file that --config names and that is not there is refused", () => {
  const configPath = join(directory, "nowhere.toml");
  const result = readSettings({ flags: {}, environment: {}, configPath });
  assert.ok(result.kind === "refused" && result.message.includes(`${configPath}: it cannot be read: ENOENT`));
});

test("a value where a section should be is refused", () => {
  assert.deepEqual(refused({ toml: "node = 3\n" }), [
    "node (file DIR/N.toml): it is the name of a section, write [node]",
  ]);
});

test("unknown variables are warnings, because Kubernetes sets some; those of the client are none", () => {
  const environment = {
    HOLDFAST_PORT: "tcp://10.0.0.1:7400",
    HOLDFAST_LIMITS_TTL_MAXX: "1s",
    HOLDFAST_URL: "holdfast://localhost",
    HOLDFAST_TOKEN: "7",
    PATH: "/bin",
  };
  assert.deepEqual(accepted({ environment }).warnings, [
    "HOLDFAST_LIMITS_TTL_MAXX (environment): there is no such setting, it is ignored; " +
      "did you mean HOLDFAST_LIMITS_TTL_MAX?",
    "HOLDFAST_PORT (environment): there is no such setting, it is ignored",
  ]);
});

test("an empty variable counts as not set", () => {
  assert.equal(accepted({ environment: { HOLDFAST_NODE_SHARDS: "" } }).settings.node.shards, 64);
});

test("settings that contradict each other are refused together, each pair with both origins", () => {
  const flags = { workers: "2", "listen-worker-base": "7400", stores: "9", shards: "8", "limits-ttl-min": "60s" };
  assert.deepEqual(
    refused({ flags, toml: '[limits]\nframe_max = "4MiB"\nunsent_max = "1MiB"\n[log]\nring = "8MiB"' }),
    [
      'limits.ttl_min = "60s" (flag --limits-ttl-min), limits.ttl_max = "5m" (default), ' +
        'limits.ttl_default = "30s" (default): they must rise: ttl_min, ttl_default, ttl_max.',
      'limits.frame_max = "4MiB" (file DIR/N.toml), limits.unsent_max = "1MiB" (file DIR/N.toml): ' +
        "unsent_max must hold a frame, so be at least 4MiB.",
      'limits.frame_max = "4MiB" (file DIR/N.toml), log.ring = "8MiB" (file DIR/N.toml): ' +
        "the events of a frame must fit, so ring be at least 16MiB.",
      "node.stores = 9 (flag --stores), node.shards = 8 (flag --shards): " +
        "a store without a shard does nothing, so stores be at most 8.",
      "listen.main = 7400 (default), listen.worker_base = 7400 (flag --listen-worker-base): " +
        "with 2 workers they use the same ports.",
    ],
  );
});

test("ports that run over the last one are refused, and port 0 collides with nothing", () => {
  assert.deepEqual(refused({ flags: { workers: "4", "listen-worker-base": "65533" } }), [
    "node.workers = 4 (flag --workers), listen.worker_base = 65533 (flag --listen-worker-base): " +
      "4 workers would need the ports 65533 to 65536; 65535 is the last.",
  ]);
  const flags = { "listen-main": "0", "listen-worker-base": "0", "listen-peer-base": "0" };
  assert.equal(accepted({ flags }).settings.listen.main, 0);
});

test("the file is looked for in XDG_CONFIG_HOME, else in ~/.config, then in /etc", () => {
  const last = "/etc/holdfast/holdfast.toml";
  assert.deepEqual(usualPaths({ XDG_CONFIG_HOME: "/x", HOME: "/h" }), ["/x/holdfast/holdfast.toml", last]);
  assert.deepEqual(usualPaths({ HOME: "/h" }), ["/h/.config/holdfast/holdfast.toml", last]);
  assert.deepEqual(usualPaths({}), [last]);
});

test("the file in XDG_CONFIG_HOME is read when none is named", () => {
  mkdirSync(join(directory, "xdg", "holdfast"), { recursive: true });
  const path = join(directory, "xdg", "holdfast", "holdfast.toml");
  writeFileSync(path, "[node]\nshards = 4\n");
  const environment = { XDG_CONFIG_HOME: join(directory, "xdg") };
  const result = readSettings({ flags: {}, environment, configPath: null });
  assert.ok(result.kind === "settings" && result.settings.node.shards === 4 && result.file === path);
});

test("every limit that has a setting stands in the reference, and no setting is called port", () => {
  const rows = settingsReference();
  assert.ok(rows.length > 30);
  for (const limit of Object.values(LIMITS)) {
    if (limit.setting === null) continue;
    const row = rows.find(({ name }) => name === limit.setting);
    assert.equal(row?.why, limit.why, limit.setting);
  }
  for (const key of ["name", "flag", "variable"] as const) {
    assert.equal(new Set(rows.map((row) => row[key])).size, rows.length, `two settings share a ${key}`);
  }
  assert.ok(!rows.some(({ key, variable }) => key === "port" || variable === "HOLDFAST_PORT"));
  const row = rows.find(({ name }) => name === "limits.ttl_max");
  assert.deepEqual([row?.flag, row?.variable, row?.secret], ["--limits-ttl-max", "HOLDFAST_LIMITS_TTL_MAX", false]);
});

test("the JSON Schema has every setting with its default, requires none and allows no other", () => {
  const text = JSON.stringify(jsonSchema());
  for (const { key, default: fallback } of settingsReference()) {
    assert.ok(text.includes(`"${key}":`), key);
    assert.ok(text.includes(`"default":${JSON.stringify(fallback)}`), key);
  }
  assert.ok(!text.includes('"required"'));
  assert.equal(text.split('"additionalProperties":false').length, 1 + 1 + 8);
});
