/**
 * The library in a page of Chromium behind the commands of the conformance run: the same driver as in Node, bundled as a
 * user would bundle the library, so that what differs is the platform alone.
 */
import { fileURLToPath } from "node:url";
import { type BrowserPage, bundled, openBrowserPage } from "../client/browser-page.js";
import type { ConformanceDriver, Words } from "./conformance-driver.js";

const DRIVER = fileURLToPath(new URL("./sdk-driver.js", import.meta.url));

/** What the script leaves in the page. */
declare const driver: ConformanceDriver;

/** Clients of the library that live in one page. */
export class PageDriver implements ConformanceDriver {
  readonly #browser: BrowserPage;

  private constructor(browser: BrowserPage) {
    this.#browser = browser;
  }

  /** Opens the page. */
  static async open(): Promise<PageDriver> {
    const script = `import { SdkDriver } from ${JSON.stringify(DRIVER)}; globalThis.driver = new SdkDriver();`;
    return new PageDriver(await openBrowserPage(await bundled(script)));
  }

  carryOut(command: Words): Promise<Words> {
    return this.#browser.page.evaluate(async (words) => driver.carryOut(words), command);
  }

  /** @throws Error if the page complained of anything, as of code that its policy does not allow */
  async end(): Promise<void> {
    const { page, complaints } = this.#browser;
    await page.evaluate(async () => driver.end());
    await this.#browser.close();
    const others = complaints.filter((line) => !line.includes("WebSocket connection to")); // The run cuts some.
    if (others.length > 0) throw new Error(`the page complained: ${others.join("; ")}`);
  }
}
