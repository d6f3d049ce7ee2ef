/** Asks a server that has recovered who holds what, holds that against the book, and makes room for the next round. */
import assert from "node:assert/strict";
import { z } from "zod";
import { type ServerProcess, until } from "../node/server-process.js";
import type { Random } from "../tables/random.js";
import { ask } from "../worker/http-client.js";
import type { Claim, ClaimBook, Seen } from "./claim-book.js";
import { PREFIX } from "./load.js";

/** Resources that are looked at by a check of their own. */
const CHECKS = 8;
/** A claim with less left is released, so that none runs out during a round, in milliseconds. */
const LEFT_MS_MIN = 60_000;

const holderSchema = z.object({
  mode: z.enum(["exclusive", "shared", "permit"]),
  token: z.int().optional(),
  leftMs: z.int().nullable(),
  metadata: z.string(),
  renewCount: z.int(),
});
const listSchema = z.object({
  claims: z.array(z.object({ resource: z.string(), holds: z.boolean(), holder: holderSchema })),
  cursor: z.string().nullable(),
});
const statusSchema = z.object({ recovered: z.object({ milliseconds: z.number() }) });
const checkSchema = z.object({ holders: z.array(holderSchema) });

/** What a comparison saw. */
export interface Compared {
  readonly held: number;
  readonly waiting: number;
  /** What the server says that its recovery took, in milliseconds. */
  readonly recoveryMs: number;
}

/** Compares all that the server holds with all that it has answered. @throws AssertionError with a history */
export async function compareWithBook(server: ServerProcess, book: ClaimBook, random: Random): Promise<Compared> {
  const ready = await ask(server, "GET /readyz");
  assert.equal(ready.status, 200, `not ready: ${ready.text}`);
  const open = book.claims();
  const sure = open.filter(({ state }) => state === "held");
  const rows = await compareList(server, book); // First, because it can tell which claim is missing.
  assert.ok(
    server.recovered >= sure.length && server.recovered <= open.length,
    `recovered ${server.recovered} claims; ${sure.length} were granted, and ${open.length} may have been`,
  );
  const resources = [...new Set(open.map(({ resource }) => resource))];
  for (let i = 0; i < CHECKS && resources.length > 0; i++) await compareCheck(server, book, random.pick(resources));
  await proveTokens(server, book);
  const held = rows.filter(({ holds }) => holds).length;
  const { recovered } = statusSchema.parse((await ask(server, "GET /v1/status")).body);
  return { held, waiting: rows.length - held, recoveryMs: recovered.milliseconds };
}

/** Ends claims of dead sessions; their waits end by a grant, and then a release, because a recovered queue goes on. */
export async function makeRoom(server: ServerProcess, book: ClaimBook): Promise<void> {
  await until("the claims and waits of dead sessions to end", async () => {
    const rows = await compareList(server, book);
    const waitedFor = new Set(rows.filter(({ holds }) => !holds).map(({ resource }) => resource));
    const held = book.claims().filter(({ state }) => state === "held");
    const stale = held.filter((claim) => waitedFor.has(claim.resource) || isStale(claim));
    const known = stale.filter(({ token }) => token !== 0);
    await Promise.all(known.map((claim) => forceByToken(server, book, claim)));
    const unknown = new Set(stale.filter(({ token }) => token === 0).map(({ resource }) => resource));
    await Promise.all([...unknown].map((resource) => forceAll(server, book, resource)));
    return stale.length === 0 && waitedFor.size === 0;
  });
}

async function compareList(server: ServerProcess, book: ClaimBook): Promise<readonly Seen[]> {
  const rows = await list(server);
  const byResource = new Map<string, Seen[]>();
  for (const { resource } of book.claims()) byResource.set(resource, []);
  for (const row of rows) {
    const others = byResource.get(row.resource);
    if (others === undefined) byResource.set(row.resource, [row]);
    else others.push(row);
  }
  for (const [resource, seen] of byResource) {
    book.compare(resource, seen);
    book.settle(resource, seen);
  }
  return rows;
}

async function list(server: ServerProcess): Promise<readonly Seen[]> {
  const rows: Seen[] = [];
  let cursor: string | null = null;
  do {
    const from: string = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const heard = await ask(server, `GET /v1/list?prefix=${encodeURIComponent(PREFIX)}${from}`);
    assert.equal(heard.status, 200, heard.text);
    const page = listSchema.parse(heard.body);
    for (const { resource, holds, holder } of page.claims) rows.push(seenOf(resource, holds, holder));
    cursor = page.cursor;
  } while (cursor !== null);
  return rows;
}

async function compareCheck(server: ServerProcess, book: ClaimBook, resource: string): Promise<void> {
  const heard = await ask(server, `GET /v1/check?resource=${encodeURIComponent(resource)}`);
  assert.equal(heard.status, 200, heard.text);
  const { holders } = checkSchema.parse(heard.body);
  book.compare(
    resource,
    holders.map((holder) => seenOf(resource, true, holder)),
  );
}

function seenOf(resource: string, holds: boolean, holder: z.infer<typeof holderSchema>): Seen {
  const { mode, token, leftMs, metadata, renewCount } = holder;
  return { resource, holds, id: metadata, mode, token: token ?? 0, leftMs, renewCount };
}

/** The token of a claim that is not shown: a renewal by it is answered only if it is the holder's. */
async function proveTokens(server: ServerProcess, book: ClaimBook): Promise<void> {
  const claims = book
    .claims()
    .filter(({ state, owner, token }) => state === "held" && owner === "token" && token !== 0);
  const renewals = claims.map(async (claim) => {
    const { resource, token, ttlMs } = claim;
    book.renewing(claim, ttlMs);
    const sentMs = performance.now();
    const heard = await ask(server, "POST /v1/renew", { resource, token, ttl: ttlMs });
    if (heard.status !== 200) book.fail(resource, `INV-3: ${claim.id} does not hold by token ${token}: ${heard.text}`);
    book.renewed(claim, sentMs, ttlMs);
  });
  await Promise.all(renewals);
}

function isStale(claim: Claim): boolean {
  const isKnown = claim.owner === "token" && claim.token !== 0;
  return !isKnown || claim.deadlineMs < performance.now() + LEFT_MS_MIN;
}

/** Only the claim that has the token is ended, so this proves the token of a claim whose token is not shown. */
async function forceByToken(server: ServerProcess, book: ClaimBook, claim: Claim): Promise<void> {
  const { resource, token, id } = claim;
  const count = await force(server, { resource, token });
  if (count !== 1) book.fail(resource, `INV-3: ${count} claims hold by token ${token} of ${id}`);
  drop(book, claim);
}

/** A grant that was never answered has a token that nobody knows. */
async function forceAll(server: ServerProcess, book: ClaimBook, resource: string): Promise<void> {
  const count = await force(server, { resource });
  if (count === 0) book.fail(resource, "INV-3: it was listed as held, and is not");
  for (const claim of book.claims()) if (claim.resource === resource && claim.state === "held") drop(book, claim);
}

async function force(server: ServerProcess, order: Readonly<Record<string, unknown>>): Promise<number> {
  const heard = await ask(server, "POST /v1/force-release", order);
  assert.equal(heard.status, 200, heard.text);
  return z.int().parse(heard.body["count"]);
}

function drop(book: ClaimBook, claim: Claim): void {
  book.gone(claim, "force-released");
  const index = book.loose.indexOf(claim);
  if (index >= 0) book.loose.splice(index, 1);
}
