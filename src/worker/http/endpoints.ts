/**
 * Every path that HTTP has, in one table: how it is called, what it answers, and what serves it. Routing, the check of
 * input and the OpenAPI document all come from here.
 */
import type { z } from "zod";
import { acquire } from "./acquire.js";
import { ANSWERS } from "./answers.js";
import type { Call } from "./call.js";
import { forceRelease, release, renew, revoke } from "./claims.js";
import { livez, readyz } from "./health.js";
import { check, list, status } from "./observe.js";
import { PROBLEM_TYPE, type Reply } from "./reply.js";
import {
  acquireBody,
  checkQuery,
  listQuery,
  noQuery,
  orderBody,
  probeQuery,
  readBy,
  readJson,
  releaseBody,
  renewBody,
  watchQuery,
} from "./requests.js";
import { watch } from "./watch.js";

/** One answer of an endpoint, for the document. */
export interface AnswerTold {
  readonly description: string;
  readonly contentType: string;
  /** Left out where it is text. */
  readonly schema?: z.ZodType;
}

/** What there is to know of an endpoint. */
interface Told<Input> {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly id: string;
  readonly summary: string;
  readonly description?: string;
  /** Of the query for a GET, of the body for a POST. */
  readonly input: z.ZodType<Input>;
  readonly answers: Readonly<Record<string, AnswerTold>>;
  /** Answers also while the node goes down. */
  readonly isProbe?: boolean;
}

/** One path and method. */
export interface Endpoint extends Told<unknown> {
  /** Answers; undefined if it has answered already, or nobody is there. @throws Refusal */
  readonly serve: (call: Call) => Promise<Reply | undefined>;
}

const JSON_TYPE = "application/json";
const TEXT_TYPE = "text/plain";

function endpoint<Input>(told: Told<Input>, serve: (call: Call, input: Input) => Promise<Reply | undefined>): Endpoint {
  const { method, input } = told;
  return {
    ...told,
    serve: async (call) => {
      const { query, contentType } = call.exchange.head;
      return serve(
        call,
        readBy(input, method === "GET" ? Object.fromEntries(query) : readJson(contentType, call.body)),
      );
    },
  };
}

function answers(description: string, schema: z.ZodType): Told<unknown>["answers"] {
  return { 200: { description, contentType: JSON_TYPE, schema } };
}

function refuses(status: number, description: string): Told<unknown>["answers"] {
  return { [status]: { description, contentType: PROBLEM_TYPE, schema: ANSWERS.problem } };
}

const BAD_INPUT = refuses(400, "Bad input: what was seen, the bound, and what to do.");
const NOT_HELD = refuses(409, "`not-held`: the token is not the holder's, or its claim has ended.");
const READY = {
  200: { description: "Yes.", contentType: TEXT_TYPE },
  503: { description: "Not now: what is wrong, a line each.", contentType: TEXT_TYPE },
};

const HOLDERS: readonly Endpoint[] = [
  endpoint(
    {
      method: "POST",
      path: "/v1/acquire",
      id: "acquire",
      summary: "Take a resource, at once or after a wait in its queue",
      description:
        "The claim belongs to the caller and the token: whoever has both may renew and release it. It holds for its ttl. " +
        "If the connection breaks while it waits, the wait ends, and a claim that was just granted is released; with an " +
        "idempotencyKey it goes on instead, and the same request takes it up again.",
      input: acquireBody,
      answers: {
        ...answers("Granted.", ANSWERS.granted),
        ...BAD_INPUT,
        ...refuses(408, "`timed-out`: it did not become free within the wait."),
        409: { description: "`busy`, or `mode-in-use`.", contentType: PROBLEM_TYPE, schema: ANSWERS.busy },
        ...refuses(422, "`request-id-reused`: another acquire had this idempotencyKey."),
      },
    },
    acquire,
  ),
  endpoint(
    {
      method: "POST",
      path: "/v1/release",
      id: "release",
      summary: "Give back what was acquired",
      input: releaseBody,
      answers: { ...answers("Released.", ANSWERS.released), ...BAD_INPUT, ...NOT_HELD },
    },
    release,
  ),
  endpoint(
    {
      method: "POST",
      path: "/v1/renew",
      id: "renew",
      summary: "Hold it for longer; a renewal never shortens",
      input: renewBody,
      answers: {
        ...answers("Renewed.", ANSWERS.renewed),
        ...BAD_INPUT,
        ...refuses(409, "`not-held`; or `revoked`: held until its deadline, and no longer."),
      },
    },
    renew,
  ),
];

const ADMINS: readonly Endpoint[] = [
  endpoint(
    {
      method: "POST",
      path: "/v1/revoke",
      id: "revoke",
      summary: "Refuse renewals of a claim, or of all that hold: free when they release or run out; always safe",
      input: orderBody,
      answers: { ...answers("How many claims it concerned.", ANSWERS.count), ...BAD_INPUT },
    },
    revoke,
  ),
  endpoint(
    {
      method: "POST",
      path: "/v1/force-release",
      id: "forceRelease",
      summary: "Free a resource at once, though its holder may still believe: only fencing protects",
      input: orderBody,
      answers: { ...answers("How many claims it ended.", ANSWERS.count), ...BAD_INPUT },
    },
    forceRelease,
  ),
];

const OBSERVERS: readonly Endpoint[] = [
  endpoint(
    {
      method: "GET",
      path: "/v1/check",
      id: "check",
      summary: "Who holds a resource",
      input: checkQuery,
      answers: { ...answers("Its holders; free if there are none and no lock-delay.", ANSWERS.checked), ...BAD_INPUT },
    },
    check,
  ),
  endpoint(
    {
      method: "GET",
      path: "/v1/list",
      id: "list",
      summary: "Claims by the beginning of their resource's name, in no stated order",
      input: listQuery,
      answers: { ...answers("One page; without a cursor the last.", ANSWERS.listed), ...BAD_INPUT },
    },
    list,
  ),
  endpoint(
    {
      method: "GET",
      path: "/v1/watch",
      id: "watch",
      summary: "What happens to resources, as server-sent events",
      description:
        "Events `granted`, `released`, `expired`, `forced`, `revoked`, each with an id. A client that comes again sends " +
        "the last one as `Last-Event-ID`; where events lie between, `resync` tells the claims of now instead.",
      input: watchQuery,
      answers: {
        200: { description: "A stream that does not end by itself.", contentType: "text/event-stream" },
        ...BAD_INPUT,
      },
    },
    watch,
  ),
  endpoint(
    {
      method: "GET",
      path: "/v1/status",
      id: "status",
      summary: "How the node is: counts, sizes, times, by worker",
      input: noQuery,
      answers: { ...answers("The status.", ANSWERS.status), ...BAD_INPUT },
    },
    status,
  ),
  endpoint(
    {
      method: "GET",
      path: "/v1/openapi.json",
      id: "describe",
      summary: "This description",
      input: noQuery,
      answers: { ...answers("OpenAPI 3.1.", ANSWERS.description), ...BAD_INPUT },
      isProbe: true,
    },
    (call) => Promise.resolve({ status: 200, contentType: JSON_TYPE, body: call.desk.description() }),
  ),
];

const PROBES: readonly Endpoint[] = [
  endpoint(
    {
      method: "GET",
      path: "/livez",
      id: "livez",
      summary: "Whether the process runs",
      input: probeQuery,
      answers: { 200: READY[200], ...BAD_INPUT },
      isProbe: true,
    },
    livez,
  ),
  ...["/readyz", "/healthz"].map((path) =>
    endpoint(
      {
        method: "GET",
        path,
        id: path.slice(1),
        summary: "Whether the node takes requests; ?verbose lists the checks",
        input: probeQuery,
        answers: { ...READY, ...BAD_INPUT },
        isProbe: true,
      },
      readyz,
    ),
  ),
];

/** All of them. */
export const ENDPOINTS: readonly Endpoint[] = [...HOLDERS, ...ADMINS, ...OBSERVERS, ...PROBES];
