/**
 * The pages that show every setting: config/holdfast.toml and the table in config/README.md. They are made from the
 * schema, and a test holds the committed files to it, so that a page never tells of a default that is not there.
 */
import { type ReferenceRow, settingsReference } from "./settings.js";

const COLUMNS = 118;

/** The sample file: every setting with its reason, bounds and default, commented out. */
export function sampleToml(): string {
  const lines = [
    "# The settings of a Holdfast node. Every one stands here with its default, commented out.",
    "#",
    "# A flag wins over the environment, the environment over this file, this file over the default. The file is the",
    "# one that --config names, else $XDG_CONFIG_HOME/holdfast/holdfast.toml, else /etc/holdfast/holdfast.toml.",
    "# Durations (ms, s, m, h, d) and sizes (B, KiB, MiB, GiB, TiB) have units. `holdfast config check` reads a file,",
    "# `holdfast config show` prints what is in force and from where. This page is made from the schema.",
  ];
  for (const [section, rows] of bySection()) {
    lines.push("", `[${section}]`);
    for (const row of rows) {
      lines.push("", ...wrapped(`${row.why} ${allowedSentence(row)}`), `# ${row.key} = ${JSON.stringify(row.default)}`);
    }
  }
  return `${lines.join("\n")}\n`;
}

/** The same as tables of Markdown, one for each section. */
export function referenceTable(): string {
  const parts: string[] = [];
  for (const [section, rows] of bySection()) {
    parts.push(`### [${section}]`, "", "| setting | default | allowed | flag, variable | what it is for |");
    parts.push("|---|---|---|---|---|");
    for (const row of rows) {
      const fallback = `\`${JSON.stringify(row.default)}\``;
      const names = `\`${row.flag}\`, \`${row.variable}\``;
      parts.push(`| \`${row.key}\` | ${fallback} | ${row.allowed} | ${names} | ${row.why} |`);
    }
    parts.push("");
  }
  return parts.join("\n");
}

function bySection(): ReadonlyMap<string, readonly ReferenceRow[]> {
  const sections = new Map<string, ReferenceRow[]>();
  for (const row of settingsReference()) {
    const rows = sections.get(row.section);
    if (rows === undefined) sections.set(row.section, [row]);
    else rows.push(row);
  }
  return sections;
}

function allowedSentence(row: ReferenceRow): string {
  return `Allowed: ${row.allowed}.`;
}

/** Lines of comment that are not wider than the house allows. */
function wrapped(sentences: string): string[] {
  const lines: string[] = [];
  let line = "#";
  for (const word of sentences.split(" ")) {
    if (line.length + 1 + word.length > COLUMNS) {
      lines.push(line);
      line = "#";
    }
    line += ` ${word}`;
  }
  return [...lines, line];
}
