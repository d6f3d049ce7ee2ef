/**
 * The habits that can be seen in one file alone: its size, its name, the words that the house does not use, the first
 * comment, the rule numbers. The forbidden words are written in halves here, so that this file keeps its own rules.
 */
import ts from "typescript";
import type { SourceFile } from "./house.js";

const LINES_MAX = 400;
const RULE_MAX = 20;
const INVARIANT_MAX = 11; // INV-1 to INV-11

const drawers = new RegExp(`^(?:${["ut" + "ils?", "hel" + "pers?", "com" + "mon", "mi" + "sc"].join("|")})$`);
const titles = new RegExp(`(?:${["Mana" + "ger", "Ser" + "vice", "Hand" + "ler"].join("|")})$`);

const never: readonly (readonly [RegExp, string])[] = [
  [
    new RegExp(`\\b(?:${["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"].join("|")})\\b`),
    "is an issue, not a comment",
  ],
  [/\bas any\b/, "parse at the edge into a union"],
  [/\bas unknown as\b/, "parse at the edge into a union"],
  [new RegExp("@ts-" + "(?:ignore|nocheck|expect-error)"), "the compiler is right"],
  [/\b(?:test|it|describe|suite)\.only\(/, "switches every other test off"],
  [/\b(?:test|it|describe|suite)\.(?:skip|todo)\(/, "a test that can't run says why, by { skip: reason }"],
  [/\bonly: true\b/, "switches every other test off"],
  [/^export \* /, "name what is exported"],
  [/^export default /, "import from the file by name"],
];

/** Everything that this file breaks, a line each. */
export function brokenHabitsOf(file: SourceFile): readonly string[] {
  return [...aboutSize(file), ...aboutPath(file.path), ...aboutLines(file), ...aboutNames(file), ...aboutRules(file)];
}

function aboutSize({ path, text }: SourceFile): readonly string[] {
  const lineCount = text.replace(/\n$/, "").split("\n").length;
  return lineCount > LINES_MAX ? [`${path}: has ${lineCount} lines, at most ${LINES_MAX}`] : [];
}

function aboutPath(path: string): readonly string[] {
  return path.split("/").flatMap((part) => {
    const name = part.replace(/(?:\.long)?(?:\.test)?(?:\.d)?\.[a-z]+$/, "");
    if (drawers.test(name)) return [`${path}: "${name}" says nothing, name the thing or the act`];
    return /^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(name) ? [] : [`${path}: "${part}" is not in kebab-case`];
  });
}

function aboutLines({ path, text }: SourceFile): readonly string[] {
  return text.split("\n").flatMap((line, index) =>
    never.flatMap(([pattern, why]) => {
      const match = pattern.exec(line);
      return match === null ? [] : [`${path}:${index + 1}: "${match[0].trim()}": ${why}`];
    }),
  );
}

function aboutNames({ path, text }: SourceFile): readonly string[] {
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
  const first = tree.statements.find((statement) => !ts.isImportDeclaration(statement));
  const complaints =
    first === undefined || hasComment(tree, first) ? [] : [`${path}: no first comment says why it exists`];
  const visit = (node: ts.Node): void => {
    const named = ts.isClassDeclaration(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node);
    const name = named ? (node.name?.text ?? "") : "";
    if (titles.test(name)) complaints.push(`${path}: ${name} is a title, name the thing or the act`);
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return complaints;
}

/** The first comment stands at the top of the file, or above what it declares first. */
function hasComment(tree: ts.SourceFile, first: ts.Statement): boolean {
  const top = tree.text.startsWith("#!") ? tree.text.indexOf("\n") + 1 : 0;
  return [top, first.getFullStart()].some((start) => (ts.getLeadingCommentRanges(tree.text, start) ?? []).length > 0);
}

/** Rule numbers that system.md does not have, in any text file. */
export function aboutRules({ path, text }: SourceFile): readonly string[] {
  return [...text.matchAll(/\b(R|INV)-(\d+)\b/g)].flatMap(([named, kind, digits]) => {
    const number = Number(digits);
    const max = kind === "R" ? RULE_MAX : INVARIANT_MAX;
    return number >= 1 && number <= max ? [] : [`${path}: there is no ${named}`];
  });
}
