/** The schemas by which requests are read, which are also those of the OpenAPI document: they can't drift apart. */
import { z } from "zod";
import { LIST_CLAIMS_MAX } from "../../engine/list.js";
import { duration, text, token } from "./fields.js";
import { Refusal } from "./reply.js";

/** Body of an acquire; times in milliseconds. */
export interface AcquireBody {
  readonly resource: string;
  readonly ttl?: number | undefined;
  readonly wait?: number | undefined;
  readonly mode?: "exclusive" | "shared" | "permit" | undefined;
  readonly permits?: number | undefined;
  readonly lockDelay?: number | undefined;
  readonly metadata?: string | undefined;
  readonly idempotencyKey?: string | undefined;
}

/** Body of a release. */
export interface ReleaseBody {
  readonly resource: string;
  readonly token: number;
}

/** Body of a renew. */
export interface RenewBody extends ReleaseBody {
  readonly ttl?: number | undefined;
}

/** Body of a revoke or force-release. */
export interface OrderBody {
  readonly resource: string;
  readonly token?: number | undefined;
  readonly reason?: string | undefined;
}

/** Query of a check. */
export interface CheckQuery {
  readonly resource: string;
}

/** Query of a list. */
export interface ListQuery {
  readonly prefix?: string | undefined;
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

/** Query of a watch. */
export interface WatchQuery {
  readonly pattern: string;
  readonly cursor?: string | undefined;
}

/** Query of a probe. */
export interface ProbeQuery {
  readonly verbose?: string | undefined;
}

const resource = text("What is locked: `{type}:{id}`, at most 255 characters.", "order:12345");
const ttl = duration("How long it holds without a renew; the server's default if left out.", "30s");

export const acquireBody: z.ZodType<AcquireBody> = z
  .strictObject({
    resource,
    ttl: ttl.optional(),
    wait: duration("How long to stand in the queue if it is not free; at once or busy if left out.", "10s").optional(),
    mode: z.enum(["exclusive", "shared", "permit"]).meta({ default: "exclusive" }).optional(),
    permits: z.int().meta({ description: "Mode permit: how many may hold at once." }).optional(),
    lockDelay: duration("How long nobody is granted it after it expires or is forced.", "5s").optional(),
    metadata: text("Who this is, for people: at most 256 bytes of UTF-8.", "build 17").optional(),
    idempotencyKey: z
      .string()
      .min(1)
      .max(255)
      .meta({
        description:
          "Made by the client, for this acquire only, and kept secret: the same request again, under the same key, " +
          "gets the same grant, for twice the ttl (at most the longest ttl that the server allows).",
        examples: ["3f0c9a52-4d2e-4a8b-9a55-0d8f3c8e6b11"],
      })
      .optional(),
  })
  .refine(({ mode, permits }) => permits === undefined || mode === "permit", {
    message: 'permits go with "mode": "permit"',
    path: ["permits"],
  })
  .meta({ id: "Acquire" });

export const releaseBody: z.ZodType<ReleaseBody> = z
  .strictObject({ resource, token: token("Of the grant.") })
  .meta({ id: "Release" });

export const renewBody: z.ZodType<RenewBody> = z
  .strictObject({
    resource,
    token: token("Of the grant."),
    ttl: duration("How long it holds from now on; as at the acquire if left out.", "30s").optional(),
  })
  .meta({ id: "Renew" });

export const orderBody: z.ZodType<OrderBody> = z
  .strictObject({
    resource,
    token: token("Only the claim with this token; every holder if left out.").optional(),
    reason: text("For those who held it, and for the audit: at most 256 bytes of UTF-8.", "host is gone").optional(),
  })
  .meta({ id: "Order" });

export const checkQuery: z.ZodType<CheckQuery> = z.strictObject({ resource });

export const listQuery: z.ZodType<ListQuery> = z.strictObject({
  prefix: text("How the names of the resources begin; all if left out.", "order:").optional(),
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(LIST_CLAIMS_MAX)
    .meta({ type: "integer", description: `At most so many claims; ${LIST_CLAIMS_MAX} if left out.` })
    .optional(),
  cursor: text("Of the page before.", "l12.4711").optional(),
});

export const watchQuery: z.ZodType<WatchQuery> = z.strictObject({
  pattern: z
    .string()
    .min(1)
    .meta({ description: "A resource, or the beginning of names and a `*`.", examples: ["order:*"] }),
  cursor: text("As `Last-Event-ID`: go on behind that event.", "12.4711").optional(),
});

export const probeQuery: z.ZodType<ProbeQuery> = z.strictObject({
  verbose: z.string().meta({ description: "Lists the checks." }).optional(),
});

export const noQuery: z.ZodType<object> = z.strictObject({});

/** The protocol's code for a field that is not as it should be. */
const CODE_OF_FIELD: Readonly<Record<string, string>> = {
  resource: "resource-invalid",
  ttl: "ttl-out-of-range",
  wait: "wait-out-of-range",
  lockDelay: "lock-delay-out-of-range",
  mode: "mode-invalid",
  permits: "permits-out-of-range",
  token: "token-invalid",
  cursor: "cursor-invalid",
};

/** Reads a value by its schema. @throws Refusal with the code of the first field that is wrong, naming all of them */
export function readBy<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { issues } = parsed.error;
  const [first] = issues;
  const field = first?.path[0];
  const code = typeof field === "string" ? (CODE_OF_FIELD[field] ?? "malformed") : "malformed";
  const told = issues.map(({ path, message }) => (path.length === 0 ? message : `${path.join(".")}: ${message}`));
  throw new Refusal(code, `${told.join("; ")}. See /v1/openapi.json`);
}

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Reads a body of JSON. @throws Refusal `media-type-unsupported`; `malformed` */
export function readJson(contentType: string, body: Uint8Array): unknown {
  // A page in a browser can send other types to any server without asking it first; so this keeps strangers' pages out.
  if (!/^application\/json\s*(;|$)/i.test(contentType)) {
    const seen = contentType === "" ? "no content-type" : `content-type ${contentType}`;
    throw new Refusal(
      "media-type-unsupported",
      `the body has ${seen}; send it with -H 'content-type: application/json'`,
    );
  }
  try {
    return JSON.parse(decoder.decode(body));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Refusal("malformed", `the body is not JSON in UTF-8: ${why}`);
  }
}
