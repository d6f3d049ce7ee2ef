/** The library for browsers: small, without code that is compiled at run time, and at work in Debian's Chromium. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import type * as Library from "../../src/client/index.js";
import { startServer } from "../node/server-process.js";
import { bundledLibrary, openBrowserPage, whyNoBrowser } from "./browser-page.js";

const BUNDLE_BYTES_MAX = 30_000;

declare const holdfast: typeof Library;
/** What one call in the page leaves for the next. */
declare const kept: { readonly client: Library.Holdfast; readonly lock: Library.Lock };

test("the bundle for browsers is smaller than 30 kB gzipped, and has neither modules of Node nor eval", async () => {
  const bundle = await bundledLibrary();
  const size = gzipSync(bundle, { level: 9 }).length;
  assert.ok(size < BUNDLE_BYTES_MAX, `${size} bytes`);
  const text = new TextDecoder().decode(bundle);
  assert.doesNotMatch(text, /new Function|\beval\(|\bFunction\(/);
  assert.doesNotMatch(text, /(from|import|require\()\s*["']node:/);
});

test("locks work in Chromium: held, waited for, shared, watched, elected, lost", { skip: whyNoBrowser() }, async () => {
  const server = await startServer();
  const browser = await openBrowserPage();
  const seen = await browser.page.evaluate(async (url) => {
    const { Holdfast, BusyError, LockLostError } = holdfast;
    const one = await Holdfast.connect({ url, metadata: "one" });
    const two = await Holdfast.connect({ url, metadata: "two" });
    const told: unknown[] = [];
    const watch = one.watch("order:*");
    const watched = watch.next();
    const lock = await one.acquire("order:1");
    const busy = await two.acquire("order:1").catch((error: unknown) => error);
    told.push(busy instanceof BusyError && busy.holder?.metadata);
    const waiting = two.acquire("order:1", { wait: "20s" });
    while ((await waiting.position())?.position !== 1);
    await lock.release();
    const second = await waiting;
    told.push(second.isHeld() && second.token > lock.token);
    const event = await watched;
    // The first event that comes: the grant, or the release where the watch began behind the grant.
    told.push(event.done !== true && event.value.kind !== "resync" && event.value.resource);
    const shared = await Promise.all(
      [one, two].map((client) => client.acquire("page:1", { mode: "shared", ttl: "10s" })),
    );
    told.push(shared.every((each) => each.isHeld()));
    told.push(await one.elect("tab").lead((leader) => leader.isLeader()));
    await one.forceRelease("order:1", { reason: "test" });
    await new Promise<void>((resolve) => {
      if (second.signal.aborted) resolve();
      second.signal.onabort = () => {
        resolve();
      };
    });
    told.push(second.signal.reason instanceof LockLostError, second.isHeld());
    await Promise.all([watch.return(), one.close(), two.close()]);
    return told;
  }, server.url);
  await browser.close();
  await server.stop();
  assert.deepEqual(seen, ["one", true, "order:1", true, true, true, false]);
  assert.deepEqual(browser.complaints, []);
});

test("a page whose server is killed and comes back keeps its lock", { skip: whyNoBrowser() }, async () => {
  const first = await startServer();
  const browser = await openBrowserPage();
  await browser.page.evaluate(async (url) => {
    const client = await holdfast.Holdfast.connect({ url, answerWithin: "60s", ttl: "2m" });
    Object.assign(globalThis, { kept: { client, lock: await client.acquire("page:1") } });
  }, first.url);
  await first.kill();
  const again = { dataDir: first.dataDir, flags: ["--listen-main", String(first.ports[0])] };
  const second = await startServer(again);
  const told = await browser.page.evaluate(async () => {
    const { client, lock } = kept;
    await lock.renew();
    const held = lock.isHeld();
    const busy = (await client.tryAcquire("page:1")) === undefined;
    const released = await lock.release();
    await client.close();
    return [held, busy, released];
  });
  await browser.close();
  await second.stop();
  assert.deepEqual(told, [true, true, "released"]);
});
