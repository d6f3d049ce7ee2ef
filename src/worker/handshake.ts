/** HELLO and WELCOME: who calls, in which version; and what a client must know of this server (PROTOCOL.md §2). */
import { Packr } from "msgpackr";
import { z } from "zod";
import type { Limits } from "../words/limits.js";
import { KIND_WELCOME, PROTOCOL_VERSION } from "../words/kinds.js";
import type { Credentials } from "../access/principal.js";

const packr = new Packr({ useRecords: false, variableMapSize: true, int64AsType: "number", mapsAsObjects: true });

const hello = z.object({
  version: z.number(),
  client: z.string().max(200).optional(),
  ring: z.boolean().optional(),
  credentials: z.object({ key: z.string().max(4_096).optional() }).optional(),
});

/** What a frame's first message says. */
export type Hello =
  | { readonly kind: "hello"; readonly wantsRing: boolean; readonly credentials: Credentials | undefined }
  | { readonly kind: "version"; readonly asked: number }
  | { readonly kind: "malformed"; readonly reason: string };

/** Reads HELLO, which must be the first message of a connection's first frame. */
export function readHello(frame: Uint8Array): Hello {
  const unpacked = unpack(frame);
  const first: unknown = Array.isArray(unpacked) ? unpacked[0] : undefined;
  if (!Array.isArray(first) || first[0] !== 1) {
    return { kind: "malformed", reason: "the first message is HELLO: [1, {version: 1, client: name}]" };
  }
  const read = hello.safeParse(first[1]);
  if (!read.success) return { kind: "malformed", reason: `HELLO: ${whyNot(read.error)}`.slice(0, 100) };
  if (read.data.version !== PROTOCOL_VERSION) return { kind: "version", asked: read.data.version };
  return { kind: "hello", wantsRing: read.data.ring === true, credentials: read.data.credentials };
}

/** The first thing that is wrong, in ASCII: the reason of a close has room for 123 bytes. */
function whyNot(error: z.ZodError): string {
  const [issue] = error.issues;
  return issue === undefined ? "not a map" : `${issue.path.join(".")}: ${issue.message}`.replaceAll(/[^ -~]/g, "?");
}

function unpack(frame: Uint8Array): unknown {
  try {
    return packr.unpack(frame);
  } catch {
    return undefined; // Whatever msgpackr dislikes is not a HELLO.
  }
}

/** What WELCOME tells. */
export interface WelcomeFacts {
  readonly server: string;
  readonly node: string;
  readonly worker: number;
  readonly limits: Limits;
  readonly map: ClusterMap;
  readonly ring: Uint8Array;
}

/** Where the shards are (PROTOCOL.md §2). */
export interface ClusterMap {
  readonly version: number;
  readonly shards: number;
  readonly ringId: number;
  readonly workers: readonly (string | null)[];
  readonly owners: readonly number[];
}

/** The WELCOME message, as bytes. */
export function welcome(
  facts: WelcomeFacts,
  caller: { principal: string; address: string; wantsRing: boolean },
): Uint8Array {
  const { server, node, worker, limits, map } = facts;
  const body = {
    version: PROTOCOL_VERSION,
    server,
    node,
    worker,
    principal: caller.principal,
    address: caller.address,
    limits,
    map,
  };
  return packr.pack([KIND_WELCOME, caller.wantsRing ? { ...body, ring: Buffer.from(facts.ring) } : body]);
}

/** Of more ranges the rest is passed over: an outcome that was seen is then told once more. */
const SEEN_RANGES_MAX = 512;

const integer = z.number().int().nonnegative();
const openBody = z.array(
  z
    .tuple([z.instanceof(Uint8Array).refine((key) => key.length === 16), z.number()])
    .rest(z.union([integer, z.array(integer), z.null()])),
);

/** One session of an OPEN. */
export interface OpenSession {
  readonly key: Uint8Array;
  readonly ttlMs: number;
  /** One through, then pairs from, to. */
  readonly seen: readonly number[];
}

/** Reads `[3, id, worker, sessions]`; undefined if it is not so. */
export function readOpen(message: Uint8Array): { worker: number; sessions: readonly OpenSession[] } | undefined {
  const fields = unpack(message);
  if (!Array.isArray(fields)) return undefined;
  const worker = integer.safeParse(fields[2]);
  const sessions = openBody.safeParse(fields[3]);
  if (!worker.success || !sessions.success) return undefined;
  return {
    worker: worker.data,
    sessions: sessions.data.map(([key, ttlMs, through, ranges]) => ({
      key: new Uint8Array(key),
      ttlMs,
      seen: [
        typeof through === "number" ? through : 0,
        ...(Array.isArray(ranges) ? ranges.slice(0, SEEN_RANGES_MAX * 2) : []),
      ],
    })),
  };
}

/** By hand: a schema takes longer for each of the paths than all else that is done for it. */
function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** Reads `[4, id, count, paths]`; undefined if it is not so. */
export function readKeepAlive(message: Uint8Array): { count: number; paths: readonly number[] } | undefined {
  const fields = unpack(message);
  if (!Array.isArray(fields)) return undefined;
  const count: unknown = fields[2];
  const paths: unknown = fields[3];
  return isCount(count) && Array.isArray(paths) && paths.every(isCount) ? { count, paths } : undefined;
}

/** Reads the fields of another rare message, from the third on: each a number, a string, or nothing. */
export function readFields(message: Uint8Array): readonly (number | string | undefined)[] {
  const fields = unpack(message);
  if (!Array.isArray(fields)) return [];
  return fields
    .slice(2)
    .map((field: unknown) => (typeof field === "number" || typeof field === "string" ? field : undefined));
}
