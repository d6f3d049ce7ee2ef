/**
 * A second opinion on pure rooms, by TypeScript's own parser and not by the linter's rules: a linter can be switched
 * off by a comment, or by a pattern that matches no file.
 */
import ts from "typescript";
import type { SourceFile } from "./house.js";

const impure: ReadonlySet<string> = new Set([
  "Date",
  "Promise",
  "clearImmediate",
  "clearInterval",
  "clearTimeout",
  "console",
  "crypto",
  "fetch",
  "globalThis",
  "performance",
  "process",
  "queueMicrotask",
  "require",
  "setImmediate",
  "setInterval",
  "setTimeout",
]);

/** What in this file reads a clock, makes a promise or reaches outside, a line each. */
export function impuritiesOf(file: SourceFile): readonly string[] {
  const tree = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.ES2022, true);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const what = impurityOf(node);
    if (what !== undefined) {
      const line = tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1;
      found.push(`${file.path}:${line}: ${what}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  for (const match of file.text.matchAll(/eslint-disable/g)) {
    found.push(`${file.path}: ${match[0]} in a pure room`);
  }
  return found;
}

function impurityOf(node: ts.Node): string | undefined {
  if (node.kind === ts.SyntaxKind.AsyncKeyword) return "an async function";
  if (node.kind === ts.SyntaxKind.AwaitKeyword || ts.isAwaitExpression(node)) return "an await";
  if (ts.isStringLiteral(node) && node.text.startsWith("node:")) return `a module of Node, ${node.text}`;
  if (ts.isPropertyAccessExpression(node) && node.getText() === "Math.random") return "Math.random";
  if (ts.isIdentifier(node) && impure.has(node.text) && !isOwnName(node)) return node.text;
  return undefined;
}

/** A member of our own that is called so, such as `counters.process`, is not the global. */
function isOwnName(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.name === node;
  return (
    (ts.isPropertyAssignment(parent) || ts.isClassElement(parent) || ts.isTypeElement(parent)) && parent.name === node
  );
}
