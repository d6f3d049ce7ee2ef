/**
 * The library in a real browser: bundled as a user would, served with a content policy that allows no code but the
 * bundle's, and run by a headless Chromium with a profile of its own.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { type BrowserContext, chromium, type Page } from "playwright-core";
import { freshDirectory } from "../node/server-process.js";

const CHROMIUM = "/usr/bin/chromium";
const LIBRARY = fileURLToPath(new URL("../../src/client/index.js", import.meta.url));
const FLAGS: readonly string[] = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
/** Scripts of the page itself only: `eval` and `new Function` throw, and say so in the log. */
const POLICY = "default-src 'none'; img-src data:; script-src 'self'; connect-src ws://127.0.0.1:*";

/** Why there is no browser; undefined if there is one. */
export function whyNoBrowser(): string | undefined {
  return existsSync(CHROMIUM) ? undefined : "chromium is missing (apt-get install chromium)";
}

/** The library as one script that sets `globalThis.holdfast`, made for browsers. */
export async function bundledLibrary(): Promise<Uint8Array> {
  return bundled(`import * as holdfast from ${JSON.stringify(LIBRARY)}; globalThis.holdfast = holdfast;`);
}

/** A script for browsers made of a module and all that it imports. */
export async function bundled(module: string): Promise<Uint8Array> {
  const made = await build({
    stdin: {
      contents: module,
      resolveDir: fileURLToPath(new URL(".", import.meta.url)),
    },
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    write: false,
    logLevel: "silent",
  });
  assert.deepEqual(made.warnings, []);
  const [file] = made.outputFiles;
  assert.ok(file !== undefined);
  return file.contents;
}

/** A page that runs one script. */
export interface BrowserPage {
  readonly page: Page;
  /** What the page complained of: errors, and breaches of its policy. */
  readonly complaints: readonly string[];
  close(): Promise<void>;
}

/** Opens a page that runs the script; without one, the library. */
export async function openBrowserPage(script?: Uint8Array): Promise<BrowserPage> {
  const files = await served(script ?? (await bundledLibrary()));
  const context = await chromium.launchPersistentContext(freshDirectory(), {
    executablePath: CHROMIUM,
    args: [...FLAGS],
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (line) => complaints.push(line.text()));
  await page.goto(files.url);
  return { page, complaints, close: async () => closeAll(context, files.server) };
}

async function closeAll(context: BrowserContext, server: Server): Promise<void> {
  await context.close();
  server.closeAllConnections();
  server.close();
}

async function served(script: Uint8Array): Promise<{ readonly server: Server; readonly url: string }> {
  const server = createServer((request, response) => {
    response.setHeader("content-security-policy", POLICY);
    if (request.url === "/library.js") response.setHeader("content-type", "text/javascript").end(script);
    else response.setHeader("content-type", "text/html").end(PAGE);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  return { server, url: `http://127.0.0.1:${address.port}/` };
}

const PAGE =
  '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script type="module" src="/library.js"></script>';
