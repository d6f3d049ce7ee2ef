// The sample file and the tables of config/ are what the schema says, and the sample file is a file that a node takes.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { readSettings, settingsReference } from "../../src/node/settings.js";
import { referenceTable, sampleToml } from "../../src/node/settings-pages.js";

const SAMPLE = new URL("../../../config/holdfast.toml", import.meta.url);
const README = new URL("../../../config/README.md", import.meta.url);
const BEGIN = "<!-- settings: begin -->\n";
const END = "<!-- settings: end -->";
const isRewriting = process.env["REWRITE"] === "1";

test("config/holdfast.toml shows every setting as the schema has it (REWRITE=1 writes it)", () => {
  if (isRewriting) writeFileSync(SAMPLE, sampleToml());
  assert.equal(readFileSync(SAMPLE, "utf8"), sampleToml());
});

test("config/README.md has the table of every setting as the schema has it (REWRITE=1 writes it)", () => {
  const page = readFileSync(README, "utf8");
  const [before, rest] = page.split(BEGIN);
  const after = rest?.split(END)[1];
  assert.ok(before !== undefined && after !== undefined, "the page has the two marks");
  const expected = `${before}${BEGIN}\n${referenceTable()}\n${END}${after}`;
  if (isRewriting) writeFileSync(README, expected);
  assert.equal(readFileSync(README, "utf8"), expected);
});

test("the sample with every line uncommented is a good file that changes nothing", () => {
  const names = settingsReference().map(({ key }) => key);
  const uncommented = sampleToml()
    .split("\n")
    .map((line) => (names.some((key) => line.startsWith(`# ${key} = `)) ? line.slice(2) : line))
    .join("\n");
  const directory = mkdtempSync(join(tmpdir(), "holdfast-settings-"));
  try {
    const path = join(directory, "holdfast.toml");
    writeFileSync(path, uncommented);
    const fromFile = readSettings({ flags: {}, environment: {}, configPath: path });
    const fromDefaults = readSettings({ flags: {}, environment: { HOME: directory }, configPath: null });
    assert.ok(fromFile.kind === "settings" && fromDefaults.kind === "settings", JSON.stringify(fromFile));
    assert.deepEqual(fromFile.settings, fromDefaults.settings);
    assert.ok(fromFile.origins.every(({ origin }) => origin === `file ${path}`));
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("no line of the sample is wider than 120 columns", () => {
  assert.deepEqual(
    sampleToml()
      .split("\n")
      .filter((line) => line.length > 120),
    [],
  );
});
