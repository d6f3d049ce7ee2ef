// What ESLint keeps: typescript-eslint's strict rules, the sizes of the house, and the purity of the pure rooms, which
// are read from the one record of rooms (rooms.json).
import { readFileSync } from "node:fs";
import tseslint from "typescript-eslint";

const root = new URL("../../", import.meta.url);
const rooms = JSON.parse(readFileSync(new URL("rooms.json", import.meta.url), "utf8"));
const pureFiles = Object.entries(rooms)
  .filter(([, { pure }]) => pure)
  .map(([room]) => `src/${room}/**/*.ts`);

/** Of every file: what the smells of the house forbid and no other rule knows. */
const smells = [
  { selector: "ExportDefaultDeclaration", message: "No default exports: import from the file by name." },
  { selector: "ExportAllDeclaration", message: "No `export *`: name what is exported." },
  { selector: "TSEnumDeclaration", message: "No enums: a union of literals." },
];

/** Of pure files: no time but the input, no chance, no promise. Each would make a run that can't be repeated. */
const impureGlobals = [
  "AbortController",
  "AbortSignal",
  "Buffer",
  "Date",
  "EventTarget",
  "Promise",
  "Worker",
  "clearImmediate",
  "clearInterval",
  "clearTimeout",
  "console",
  "crypto",
  "fetch",
  "global",
  "globalThis",
  "performance",
  "process",
  "queueMicrotask",
  "require",
  "setImmediate",
  "setInterval",
  "setTimeout",
];
const impureSyntax = [
  { selector: ":function[async=true]", message: "A pure room makes no promise." },
  { selector: "AwaitExpression", message: "A pure room awaits nothing." },
  { selector: "ForOfStatement[await=true]", message: "A pure room awaits nothing." },
  { selector: "ImportExpression", message: "A pure room imports nothing at run time." },
];

const nodeTestCalls = {
  from: "package",
  package: "node:test",
  name: ["test", "it", "describe", "suite", "before", "after", "beforeEach", "afterEach"],
};

export default tseslint.config(
  { ignores: ["dist/**", "coverage/**", "node_modules/**", "config/**", "data/**", "native-bench/build/**"] },
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: root.pathname } },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "@typescript-eslint/consistent-type-assertions": ["error", { assertionStyle: "never" }],
      "@typescript-eslint/consistent-type-imports": "error",
      // A line for each kind, `case "granted": return applyGranted(row);`, reads well and hides nothing.
      "@typescript-eslint/no-confusing-void-expression": [
        "error",
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      "@typescript-eslint/no-floating-promises": ["error", { allowForKnownSafeCalls: [nodeTestCalls] }],
      "@typescript-eslint/no-unsafe-type-assertion": "error",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", ignoreRestSiblings: true }],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      eqeqeq: "error",
      "max-lines": ["error", 400],
      "max-lines-per-function": ["error", 60],
      "max-params": ["error", 4],
      "no-empty": ["error", { allowEmptyCatch: false }],
      "no-restricted-syntax": ["error", ...smells],
    },
  },
  {
    files: ["src/words/**/*.ts"], // The one room that may put a brand on a number.
    rules: {
      "@typescript-eslint/consistent-type-assertions": ["error", { assertionStyle: "as" }],
      "@typescript-eslint/no-unsafe-type-assertion": "off",
    },
  },
  {
    files: pureFiles,
    rules: {
      "no-restricted-globals": ["error", ...impureGlobals],
      "no-restricted-imports": ["error", { patterns: [{ regex: "^node:", message: "A pure room has no Node." }] }],
      "no-restricted-properties": ["error", { object: "Math", property: "random", message: "Chance is an input." }],
      "no-restricted-syntax": ["error", ...smells, ...impureSyntax],
    },
  },
  {
    // Where every operation comes through, a record of parameters would be made, and thrown away, for each of them.
    files: ["src/{engine,tables,protocol,shard,worker}/**/*.ts"],
    rules: { "max-params": ["error", 5] },
  },
  {
    files: ["test/**/*.ts"], // A suite is one long function of tests, and reads well as one.
    rules: { "max-lines-per-function": "off" },
  },
);
