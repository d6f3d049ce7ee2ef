/** The OpenAPI document, made of the table of endpoints and of the very schemas that read their input. */
import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiPathsObject } from "zod-openapi";
import { z } from "zod";
import { ANSWERS } from "./answers.js";
import { type AnswerTold, type Endpoint, ENDPOINTS } from "./endpoints.js";
import { PROBLEM_TYPE } from "./reply.js";

/** What any endpoint may answer, too. */
const ANYWHERE: Readonly<Record<string, AnswerTold>> = {
  429: {
    description: "Too many of something; `Retry-After` says when.",
    contentType: PROBLEM_TYPE,
    schema: ANSWERS.problem,
  },
  503: {
    description:
      "`draining`, `overloaded`, `no-primary`, `table-full`, `disk-reserve-reached`; `Retry-After` says when.",
    contentType: PROBLEM_TYPE,
    schema: ANSWERS.problem,
  },
  500: {
    description: "`internal`: the server's own mistake, which its log tells.",
    contentType: PROBLEM_TYPE,
    schema: ANSWERS.problem,
  },
  504: {
    description: "`in-doubt`: no answer in time; whether it has happened is not known.",
    contentType: PROBLEM_TYPE,
    schema: ANSWERS.problem,
  },
};

/** What may be wrong with any body. */
const ANY_BODY: Readonly<Record<string, AnswerTold>> = {
  413: { description: "`body-too-large`.", contentType: PROBLEM_TYPE, schema: ANSWERS.problem },
  415: { description: "`media-type-unsupported`: send JSON.", contentType: PROBLEM_TYPE, schema: ANSWERS.problem },
};

/** The document as JSON. @param version of the server */
export function describe(version: string): string {
  const document = createDocument({
    openapi: "3.1.0",
    info: {
      title: "Holdfast",
      version,
      description: "A lock service: durable, fenced, fast. Durations are texts such as `30s`, or whole milliseconds.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/", description: "The node that serves this document." }],
    security: [{}, { key: [] }],
    components: { securitySchemes: { key: { type: "http", scheme: "bearer" } } },
    paths: paths(),
  });
  return `${JSON.stringify(document)}\n`;
}

function paths(): ZodOpenApiPathsObject {
  const found: ZodOpenApiPathsObject = {};
  for (const endpoint of ENDPOINTS) {
    found[endpoint.path] = { ...found[endpoint.path], [endpoint.method.toLowerCase()]: operation(endpoint) };
  }
  return found;
}

function operation({ method, id, summary, description, input, answers, isProbe }: Endpoint): ZodOpenApiOperationObject {
  const all = { ...(isProbe === true ? {} : ANYWHERE), ...(method === "POST" ? ANY_BODY : {}), ...answers };
  return {
    operationId: id,
    summary,
    ...(description === undefined ? {} : { description }),
    ...(method === "POST"
      ? { requestBody: { required: true, content: { "application/json": { schema: input } } } }
      : {}),
    ...(method === "GET" && input instanceof z.ZodObject ? { requestParams: { query: input } } : {}),
    responses: Object.fromEntries(Object.entries(all).map(([status, answer]) => [status, response(answer)])),
  };
}

function response({ description, contentType, schema }: AnswerTold): {
  description: string;
  content: Record<string, { schema: z.ZodType }>;
} {
  return { description, content: { [contentType]: { schema: schema ?? z.string() } } };
}
