/** Speaks HTTP with a server as a client does, and reads what it says without believing it. */
import assert from "node:assert/strict";
import { type ClientRequest, type IncomingMessage, request as httpRequest } from "node:http";
import { z } from "zod";
import { type ServerProcess, until } from "../node/server-process.js";
import { isAsTold } from "./told-answers.js";

/** One answer. */
export interface Heard {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Empty if the answer is no JSON object. */
  readonly body: Readonly<Record<string, unknown>>;
}

const object = z.record(z.string(), z.unknown());

/** Sends one request; a body is sent as JSON. */
export async function ask(
  server: ServerProcess,
  line: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Heard> {
  const [method = "GET", path = "/"] = line.split(" ");
  const response = await fetch(`http://${server.address}${path}`, {
    method,
    headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const contentType = response.headers.get("content-type") ?? "";
  const isJson = contentType.endsWith("json");
  await isAsTold(server.address, { method, path, status: response.status, contentType, text });
  const parsed = object.safeParse(isJson && text !== "" ? JSON.parse(text) : {});
  return { status: response.status, headers: response.headers, text, body: parsed.data ?? {} };
}

/** Acquires, and gives the token. Fails if it is not granted. */
export async function acquired(server: ServerProcess, body: Readonly<Record<string, unknown>>): Promise<number> {
  const heard = await ask(server, "POST /v1/acquire", body);
  assert.equal(heard.status, 200, heard.text);
  return z.number().parse(heard.body["token"]);
}

/** A request whose connection can be broken off. */
export interface Open {
  readonly request: ClientRequest;
  readonly response: Promise<IncomingMessage>;
}

/** Sends a request on a connection of its own, and does not wait for the answer. */
export function open(server: ServerProcess, line: string, body?: unknown, headers: Record<string, string> = {}): Open {
  const [method = "GET", path = "/"] = line.split(" ");
  const sent = body === undefined ? undefined : JSON.stringify(body);
  const request = httpRequest(`http://${server.address}${path}`, {
    method,
    agent: false,
    headers: { ...(sent === undefined ? {} : { "content-type": "application/json" }), ...headers },
  });
  const response = new Promise<IncomingMessage>((resolve, reject) => {
    request.on("response", resolve);
    request.on("error", reject);
  });
  response.catch(() => undefined); // Who breaks off a request does not ask how it ended.
  request.end(sent);
  return { request, response };
}

/** How many wait for a resource. */
async function waitersOf(server: ServerProcess, resource: string): Promise<number> {
  const { body } = await ask(server, `GET /v1/check?resource=${encodeURIComponent(resource)}`);
  return z.number().parse(body["waiters"]);
}

/** Waits until so many wait for a resource. */
export async function untilWaiters(server: ServerProcess, resource: string, count: number): Promise<void> {
  await until(`${count} waiting for ${resource}`, async () => (await waitersOf(server, resource)) === count);
}

/** Whether nobody holds it. */
export async function isFree(server: ServerProcess, resource: string): Promise<boolean> {
  return (await ask(server, `GET /v1/check?resource=${encodeURIComponent(resource)}`)).body["free"] === true;
}
