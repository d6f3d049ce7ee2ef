/**
 * Every answer that a test hears over HTTP is held against what the server's own OpenAPI document says of it: its path,
 * method, status, content type and body. Who writes a client from the document must not meet anything else.
 */
import assert from "node:assert/strict";
import { z } from "zod";

const jsonSchema = z.custom<z.core.JSONSchema.JSONSchema>((value) => typeof value === "object" && value !== null);
const document = z.object({
  components: z.object({ schemas: z.record(z.string(), jsonSchema) }),
  paths: z.record(
    z.string(),
    z.record(
      z.string(),
      z.object({
        responses: z.record(z.string(), z.object({ content: z.record(z.string(), z.object({ schema: jsonSchema })) })),
      }),
    ),
  ),
});
type Document = z.infer<typeof document>;

/** One answer as it came. */
export interface CameBack {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

const documents = new Map<string, Promise<Document>>();

/** Reads a server's document once. References are written as `z.fromJSONSchema` looks for them. */
async function documentOf(address: string): Promise<Document> {
  const response = await fetch(`http://${address}/v1/openapi.json`);
  const text = (await response.text()).replaceAll("#/components/schemas/", "#/$defs/");
  return document.parse(JSON.parse(text));
}

/** @throws AssertionError if the document does not tell of such an answer */
export async function isAsTold(address: string, came: CameBack): Promise<void> {
  const known = documents.get(address) ?? documentOf(address);
  documents.set(address, known);
  const { components, paths } = await known;
  const [path = ""] = came.path.split("?");
  const operation = paths[path]?.[came.method.toLowerCase()];
  if (operation === undefined || came.text === "") return; // Nothing is told of paths and methods that there are not.
  const seen = `${came.method} ${path} answered ${came.status} ${came.contentType} ${came.text.slice(0, 300)}`;
  const response = operation.responses[String(came.status)];
  assert.ok(response !== undefined, `the OpenAPI document has no such status: ${seen}`);
  const type = Object.keys(response.content).find((each) => came.contentType.startsWith(each));
  assert.ok(type !== undefined, `the OpenAPI document has no such content type: ${seen}`);
  if (!type.endsWith("json")) return;
  const schema = { ...response.content[type]?.schema, $defs: components.schemas };
  const { error } = z.fromJSONSchema(schema).safeParse(JSON.parse(came.text));
  assert.equal(error, undefined, `the OpenAPI document describes another body: ${seen}`);
}
